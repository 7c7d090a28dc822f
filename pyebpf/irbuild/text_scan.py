"""Text by its characters: `len(text)`, `text[2:]`, `text[0]`, `ord(c)`.

Python counts characters, the kernel stores UTF-8. So text is walked through byte by byte, and at each it is known
whether a character begins there. A byte that is not part of any character counts as one, as Python's
`surrogateescape` has it; comm and the like may be cut in the middle of a character.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import text as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import I64, I64_MAX, U64, IntType, PointerType
from pyebpf.irbuild import texts, values
from pyebpf.irbuild.builder import LOOP, Builder
from pyebpf.irbuild.operands import Operand, PendingText, Static
from pyebpf.irbuild.texts import Text, below, calculate, flag_not, is_zero
from pyebpf.source import Span

LONGEST: Final = 4
"""Bytes of a character in UTF-8."""
Visit = Callable[[ops.Value, ops.Value, ops.Label], None]
Look = Callable[[ops.Value, ops.Value, ops.Value, ops.Label], None]


def following(b: Builder, window: ops.Value, span: Span) -> ops.Value:
    """How many bytes belong to the character that begins in the highest of the four bytes of `window`, besides that."""

    def sequence(mask: int, pattern: int) -> ops.Value:
        return is_zero(b, calculate(b, "^", calculate(b, "&", window, mask, span), pattern, span), span)

    def both(one: ops.Value, other: ops.Value) -> ops.Value:
        return calculate(b, "&", one, other, span)

    def at_least(limit: int) -> ops.Value:
        return flag_not(b, below(b, window, limit, span), span)

    two = both(sequence(0xE0C00000, 0xC0800000), at_least(0xC2000000))
    no_surrogate = calculate(b, "|", below(b, window, 0xEDA00000, span), at_least(0xEE000000), span)
    three = both(both(sequence(0xF0C0C000, 0xE0808000), at_least(0xE0A00000)), no_surrogate)
    in_range = both(at_least(0xF0900000), below(b, window, 0xF4900000, span))
    four = both(sequence(0xF8C0C0C0, 0xF0808080), in_range)
    more = calculate(b, "+", two, calculate(b, "*", three, 2, span), span)
    return calculate(b, "+", more, calculate(b, "*", four, 3, span), span)


class Starts:
    """Where characters start, told byte by byte."""

    def __init__(self, b: Builder, span: Span) -> None:
        self.b, self.span = b, span
        self.skip = b.local("skip", U64, span)
        b.set(self.skip, b.const(0, span), span)

    def start(self, window: ops.Value) -> ops.Value:
        """1 if a character starts with the highest of the four bytes of `window`, else 0. To be asked once per byte."""
        b, span = self.b, self.span
        skip = b.get(self.skip, span)
        start = is_zero(b, skip, span)
        left = calculate(b, "+", calculate(b, "-", skip, 1, span), start, span)
        more = calculate(b, "*", following(b, window, span), start, span)
        b.set(self.skip, calculate(b, "+", left, more, span), span)
        return start


def scan(b: Builder, text: Text, visit: Visit, span: Span, limit: int = 0) -> None:
    """`visit(byte, start, label)` for each byte before the end; at most `limit` bytes, if that is given."""
    walk(b, text, lambda byte, _, start, label: visit(byte, start, label), span, limit)


def walk(b: Builder, text: Text, visit: Look, span: Span, limit: int = 0) -> None:
    """The same with the four bytes of which this is the first: `visit(byte, window, start, label)`."""
    size = min(text.size, limit) if limit else text.size
    window = b.local("window", U64, span)
    b.set(window, calculate(b, ">>", texts.word(b, text, 0, span), 32, span), span)
    starts = Starts(b, span)

    def body(label: ops.Label) -> None:
        def step(ahead: ops.Value | None) -> None:
            now = b.get(window, span)
            byte = calculate(b, ">>", now, 24, span)
            b.if_(b.compare("==", byte, b.const(0, span), span), lambda: texts.leave(b, label, span), None, span)
            visit(byte, now, starts.start(now), label)
            moved = calculate(b, "&", calculate(b, "<<", b.get(window, span), 8, span), 0xFFFFFFFF, span)
            b.set(window, moved if ahead is None else calculate(b, "|", moved, ahead, span), span)

        def inner(index: ops.Value, _: ops.Label) -> None:
            at = b.emit(ops.Binary("+", index, b.const(LONGEST, span), IntType(LONGEST, text.size), span))
            step(texts.byte_at(b, text, at, span))

        whole = min(size, max(text.size - LONGEST, 0))
        texts.counted(b, whole, inner, span)
        texts.counted(b, size, lambda _, __: step(None), span, start=whole)

    texts.scope(b, LOOP, body, span)


def clamped(b: Builder, value: ops.Value, limit: int, span: Span) -> ops.Value:
    """`value`, which is at most `limit`, in a form that shows it."""
    result = b.local("length", IntType(0, limit), span)
    b.set(result, b.const(limit, span), span)
    b.if_(b.compare("<", value, b.const(limit, span), span), lambda: b.set(result, value, span), None, span)
    return b.get(result, span)


def length(b: Builder, text: Text, span: Span) -> ops.Value:
    """The number of characters."""
    if text.address is None:
        return b.const(len(text.data.decode("utf-8", "surrogatepass")), span)
    total = b.local("total", U64, span)
    b.set(total, b.const(0, span), span)

    def visit(_: ops.Value, start: ops.Value, __: ops.Label) -> None:
        b.set(total, calculate(b, "+", b.get(total, span), start, span), span)

    scan(b, text, visit, span)
    return clamped(b, b.get(total, span), text.size, span)


# Parts


def part(
    b: Builder, operand: Operand, bounds: tuple[Operand | None, Operand | None], span: Span, spans: tuple[Span, Span]
) -> Operand:
    """`text[start:stop]`."""
    numbers = [
        None if bound is None else values.number(b, bound, where) for bound, where in zip(bounds, spans, strict=True)
    ]
    literal = texts.known(operand)
    if literal is not None and all(number is None or isinstance(number, ops.Const) for number in numbers):
        first, last = (number.value if isinstance(number, ops.Const) else None for number in numbers)
        return Static(literal[first:last], repr(literal[first:last]))
    text = texts.placed(b, texts.text_of(b, operand, span), span)
    assert text.address is not None
    most = _most(text.size, *numbers)
    if most <= 0:
        return Static("", "''")
    if any(number is not None and _may_be_negative(number) for number in numbers):
        total = length(b, text, span)
        numbers = [None if number is None else _from_end(b, number, total, span) for number in numbers]
    start, stop = (None if number is None else _moderate(b, number, text.size, span) for number in numbers)

    def write(b: Builder, address: ops.Value, size: int) -> None:
        b.zero(address, size, span)
        select(b, text, start, stop, address, size, span)

    return PendingText(write, most, span.text, (text.address,))


def whole(address: ops.Value, span: Span) -> PendingText:
    """Text behind whose end there may be anything, as that end and zeros: what is a part of keys."""
    assert isinstance(address.type, PointerType)
    length = address.type.target.size

    def write(b: Builder, place: ops.Value, size: int) -> None:
        if size > length:
            b.emit(ops.Zero(place, ((length, size - length),), span))
        b.emit(ops.Copy(place, address, length, span))
        texts.tidy(b, place, length, span)

    return PendingText(write, length, span.text, (address,))


def _may_be_negative(number: ops.Value) -> bool:
    return isinstance(number.type, IntType) and number.type.low < 0


def _most(size: int, start: ops.Value | None, stop: ops.Value | None) -> int:
    """The most bytes that a part has."""
    first = start.value if isinstance(start, ops.Const) else 0
    if stop is None:
        return min(size, -first * LONGEST) if first < 0 else size - first
    if not isinstance(stop, ops.Const):
        return size
    last = stop.value
    if (first < 0) == (last < 0):
        return min(size, (last - first) * LONGEST)
    return min(size, last * LONGEST) if last >= 0 else size


def _from_end(b: Builder, number: ops.Value, total: ops.Value, span: Span) -> ops.Value:
    """A bound as it is counted from the text's start."""
    assert isinstance(number.type, IntType)
    if number.type.low >= 0:
        return number
    moved = b.emit(ops.Binary("+", number, total, I64, span))
    negative = b.compare("<", number, b.const(0, span), span)
    chosen = b.choose(negative, I64, moved, number, span)
    return b.choose(b.compare("<", chosen, b.const(0, span), span), IntType(0, I64_MAX), b.const(0, span), chosen, span)


def _moderate(b: Builder, number: ops.Value, size: int, span: Span) -> ops.Value:
    """A bound below 2**63."""
    assert isinstance(number.type, IntType)
    if isinstance(number, ops.Const):
        return b.const(min(number.value, size), span)
    if number.type.high <= I64_MAX:
        return number
    return clamped(b, number, size, span)


def select(
    b: Builder, text: Text, start: ops.Value | None, stop: ops.Value | None, address: ops.Value, size: int, span: Span
) -> ops.Value:
    """Copy the characters from `start` below `stop` to `address`, which was cleared; the number of bytes."""
    first = start if start is not None else b.const(0, span)
    index, used = b.local("index", U64, span), b.local("used", U64, span)
    b.set(index, b.const(0, span), span)
    b.set(used, b.const(0, span), span)

    def visit(byte: ops.Value, begins: ops.Value, label: ops.Label) -> None:
        count = calculate(b, "+", b.get(index, span), begins, span)  # characters that have begun, this one included
        b.set(index, count, span)
        if stop is not None:
            b.if_(b.compare(">", count, stop, span), lambda: texts.leave(b, label, span), None, span)
        at = b.get(used, span)
        guard(b, at, size, label, span)
        place = texts.byte_address(b, address, size, at, span)
        # Computed rather than known, or the verifier would follow each length by itself.
        taken = below(b, first, count, span)
        b.emit(ops.Store(place, calculate(b, "*", byte, taken, span), span))
        b.set(used, calculate(b, "+", at, taken, span), span)

    limit = stop.value * LONGEST if isinstance(stop, ops.Const) else 0
    scan(b, text, visit, span, min(limit + 1, text.size) if limit else 0)
    return b.get(used, span)


def guard(b: Builder, index: ops.Value, size: int, label: ops.Label, span: Span) -> None:
    """Leave `label` unless `index` is inside, as the verifier wants to see it."""
    inside = b.compare("<", index, b.const(size, span), span)
    b.emit(ops.Check(inside, Fault.INDEX, (), span, ops.Block((ops.Break(label, span),))))


def character(b: Builder, operand: Operand, index: ops.Value, span: Span, index_span: Span) -> Operand:
    """`text[index]`: one character, or IndexError."""
    literal = texts.known(operand)
    if literal is not None and isinstance(index, ops.Const):
        if not -len(literal) <= index.value < len(literal):
            b.error(type_errors.IndexOutOfRange(index_span, index.value, len(literal)))
        return Static(literal[index.value], repr(literal[index.value]))
    text = texts.placed(b, texts.text_of(b, operand, span), span)
    if isinstance(index, ops.Const) and not -text.size <= index.value < text.size:
        b.error(type_errors.IndexOutOfRange(index_span, index.value, text.size))
    assert isinstance(index.type, IntType)
    if index.type.low < 0:
        total = length(b, text, span)
        moved = b.emit(ops.Binary("+", index, total, I64, span))
        negative = b.compare("<", index, b.const(0, span), span)
        index = b.choose(negative, I64, moved, index, span)
        b.check(b.compare(">=", index, b.const(0, span), span), Fault.INDEX, span)
    start = _moderate(b, index, text.size, span)
    if isinstance(start, ops.Const):
        stop: ops.Value = b.const(start.value + 1, span)
    else:
        b.check(b.compare("<", start, b.const(text.size, span), span), Fault.INDEX, span)
        stop = b.emit(ops.Binary("+", start, b.const(1, span), IntType(1, text.size), span))
    type = layout.Text(min(LONGEST, text.size))
    address = b.scratch("character", type, span)
    b.zero(address, type.length, span)
    used = select(b, text, start, stop, address, type.length, span)
    b.check(texts.differs(b, used, span), Fault.INDEX, span)
    b.characters.add(address)
    return address


def ordinal(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """`ord(c)`. That it is one character is known if it was taken from text by its index; else it is a TypeError."""
    literal = texts.known(operand)
    if literal is not None:
        if len(literal) != 1:
            b.error(errors.NotOneCharacter(span, repr(literal)))
        return b.const(ord(literal), span)
    one = ops.is_value(operand) and operand in b.characters
    text = texts.text_of(b, operand, span)
    window = calculate(b, ">>", texts.word(b, text, 0, span), 32, span)
    more = following(b, window, span)
    if not one:
        _check_one(b, text, window, more, span)
    result = b.local("ord", IntType(0, 0x10FFFF), span)
    b.set(result, _decoded(b, window, 0, span), span)
    for number in (1, 2, 3):
        same = b.compare("==", more, b.const(number, span), span)
        b.if_(same, lambda number=number: b.set(result, _decoded(b, window, number, span), span), None, span)  # type: ignore[misc]
    return b.get(result, span)


def _check_one(b: Builder, text: Text, window: ops.Value, more: ops.Value, span: Span) -> None:
    """TypeError unless `text` is the one character that it starts with."""
    some = b.compare("!=", calculate(b, ">>", window, 24, span), b.const(0, span), span)
    b.check(some, Fault.TYPE, span)
    after = calculate(b, "<<", texts.word(b, text, 0, span), 8, span)  # the bytes after the first
    rest = calculate(b, "<<", after, calculate(b, "*", more, 8, span), span)
    b.check(b.compare("==", calculate(b, ">>", rest, 56, span), b.const(0, span), span), Fault.TYPE, span)


def _decoded(b: Builder, window: ops.Value, more: int, span: Span) -> ops.Value:
    """The number of the character in the highest bytes of `window`."""
    if not more:
        byte = calculate(b, ">>", window, 24, span)
        stray = calculate(b, "*", calculate(b, ">>", byte, 7, span), 0xDC00, span)  # as surrogateescape has it
        return calculate(b, "&", calculate(b, "+", byte, stray, span), 0xFFFF, span)
    total: ops.Value | None = None
    for number in range(more + 1):
        mask = 0x3F if number else {1: 0x1F, 2: 0x0F, 3: 0x07}[more]
        bits = calculate(b, "&", calculate(b, ">>", window, 24 - 8 * number, span), mask, span)
        moved = calculate(b, "<<", bits, 6 * (more - number), span)
        total = moved if total is None else calculate(b, "|", total, moved, span)
    assert total is not None
    return b.choose(
        b.compare("<=", total, b.const(0x10FFFF, span), span), IntType(0, 0x10FFFF), total, b.const(0, span), span
    )
