"""Text in memory, eight bytes at a time: equality, order, what it starts with, and how long it is.

A word is read with its first byte in the highest place, so that the order of words is the order of text; and the
order of UTF-8 is that of the characters. What lies behind a text's first NUL is anything, and must not matter.
Words are worked on without branches, so that the verifier has one way to follow and not one for every length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, final

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, U64, IntType, PointerType
from pyebpf.irbuild import memory, values
from pyebpf.irbuild.builder import LOOP, Builder
from pyebpf.irbuild.operands import Operand, PendingText, Static
from pyebpf.records import dataclass
from pyebpf.source import Span

WORD: Final = 8
LOW_BITS: Final = 0x7F7F7F7F7F7F7F7F
HIGH_BITS: Final = 0x8080808080808080
ONES: Final = 0x0101010101010101
ALL: Final = (1 << 64) - 1
UNROLLED: Final = 4
"""Words that are handled one after the other; more are a loop."""
UNSIZED_TEXT: Final = 256
"""Bytes of `user_str(p)` that are looked at where nothing gives it a size."""


@final
@dataclass(frozen=True, slots=True)
class Text:
    """Text at an address, or constant bytes. `size`: the bytes that there may be."""

    address: ops.Value | None
    data: bytes
    size: int


def constant(text: str) -> Text:
    data = text.encode("utf-8", "surrogatepass")
    return Text(None, data, len(data))


def known(operand: Operand) -> str | None:
    """The text, where it is a constant."""
    return operand.value if isinstance(operand, Static) and isinstance(operand.value, str) else None


def text_of(b: Builder, operand: Operand, span: Span, unsized: int = UNSIZED_TEXT) -> Text:
    """Text of any kind; what isn't in memory yet is written to the stack."""
    literal = known(operand)
    if literal is not None:
        return constant(literal)
    address, type = in_memory(b, operand, unsized, span)
    return Text(address, b"", type.length)


def in_memory(b: Builder, operand: Operand, size: int, span: Span) -> tuple[ops.Value, layout.Text]:
    """Text at an address. `size`: how much of it matters, where it has no size of its own."""
    operand = values.plain(b, operand, span)
    if ops.is_value(operand) and isinstance(operand.type, PointerType):
        assert isinstance(operand.type.target, layout.Text)
        return operand, operand.type.target
    literal = known(operand)
    if literal is not None:
        type = layout.Text(max(len(literal.encode("utf-8", "surrogatepass")), 1))
        return memory.materialize(b, "text", type, operand, span), type
    assert isinstance(operand, PendingText)
    type = layout.Text(operand.length or size + 1)
    address = b.scratch("text", type, span)
    operand.write(b, address, type.length)
    return address, type


def placed(b: Builder, text: Text, span: Span) -> Text:
    """`text` at an address, also if it is constant."""
    if text.address is not None:
        return text
    type = layout.Text(max(text.size, 1))
    address = b.scratch("text", type, span)
    b.emit(ops.StoreBytes(address, text.data.ljust(type.length, b"\0"), span))
    return Text(address, text.data, type.length)


# Numbers of 64 bits, without branches


def calculate(
    b: Builder, operator: ops.Arithmetic, left: ops.Value | int, right: ops.Value | int, span: Span
) -> ops.Value:
    """Arithmetic of 64 bits that wraps around."""
    one = b.const(left, span) if isinstance(left, int) else left
    other = b.const(right, span) if isinstance(right, int) else right
    return b.emit(ops.Binary(operator, one, other, U64, span))


def is_zero(b: Builder, value: ops.Value, span: Span) -> ops.Value:
    """1 if `value`, below 2**63, is zero; else 0."""
    return calculate(b, ">>", calculate(b, "-", value, 1, span), 63, span)


def below(b: Builder, value: ops.Value, limit: ops.Value | int, span: Span) -> ops.Value:
    """1 if `value` is less than `limit`, both below 2**63; else 0."""
    return calculate(b, ">>", calculate(b, "-", value, limit, span), 63, span)


def flag_not(b: Builder, flag: ops.Value, span: Span) -> ops.Value:
    return calculate(b, "^", flag, 1, span)


def differs(b: Builder, value: ops.Value, span: Span) -> ops.Value:
    return b.compare("!=", value, b.const(0, span), span)


def zero_bytes(b: Builder, word: ops.Value, span: Span) -> ops.Value:
    """The highest bit of each byte that is zero."""
    carried = calculate(b, "+", calculate(b, "&", word, LOW_BITS, span), LOW_BITS, span)
    flags = calculate(b, "&", calculate(b, "|", carried, word, span), HIGH_BITS, span)
    return calculate(b, "^", flags, HIGH_BITS, span)


def from_first(b: Builder, flags: ops.Value, span: Span) -> ops.Value:
    """The same flags, and those of all bytes after the first."""
    for shift in (8, 16, 32):
        flags = calculate(b, "|", flags, calculate(b, ">>", flags, shift, span), span)
    return flags


def without(b: Builder, word: ops.Value, flags: ops.Value, span: Span, after: int = 0) -> ops.Value:
    """`word` with the bytes cleared that have flags, or that come `after` bytes after those."""
    mask = calculate(b, "*", calculate(b, ">>", flags, 7 + 8 * after, span), 255, span)
    return calculate(b, "&", word, calculate(b, "^", mask, ALL, span), span)


# Reading


def word(b: Builder, text: Text, number: int, span: Span) -> ops.Value:
    """The eight bytes at `8 * number`; zeros where there are none."""
    if text.address is None:
        return b.const(int.from_bytes(text.data[number * WORD : (number + 1) * WORD].ljust(WORD, b"\0"), "big"), span)
    start = number * WORD
    left = min(text.size - start, WORD)
    if left <= 0:
        return b.const(0, span)
    if left == WORD:
        return memory.load(b, b.member(text.address, start, layout.BE64, span), layout.BE64, span)
    result: ops.Value | None = None
    for type in (layout.BE32, layout.BE16, layout.U8):
        if left >= type.size:
            piece = memory.load(b, b.member(text.address, start, type, span), type, span)
            used = start - number * WORD + type.size
            moved = calculate(b, "<<", piece, 8 * (WORD - used), span)
            result = moved if result is None else calculate(b, "|", result, moved, span)
            start, left = start + type.size, left - type.size
    assert result is not None
    return result


def word_at(b: Builder, text: Text, index: ops.Value, span: Span) -> ops.Value:
    """A whole word of text in memory."""
    assert text.address is not None
    count = text.size // WORD
    base = b.member(text.address, 0, layout.Array(layout.BE64, count), span)
    assert isinstance(base.type, PointerType)
    pointer = PointerType(layout.BE64, base.type.region, writable=base.type.writable)
    return memory.load(b, b.emit(ops.ElementAddress(base, index, count, pointer, span)), layout.BE64, span)


def byte_address(b: Builder, address: ops.Value, size: int, index: ops.Value, span: Span) -> ops.Value:
    """The address of a byte; `index` is known to be inside."""
    assert isinstance(address.type, PointerType)
    if isinstance(index, ops.Const):
        return b.member(address, index.value, layout.U8, span)
    base = b.member(address, 0, layout.Array(layout.U8, size), span)
    pointer = PointerType(layout.U8, address.type.region, writable=address.type.writable)
    return b.emit(ops.ElementAddress(base, index, size, pointer, span))


def byte_at(b: Builder, text: Text, index: ops.Value, span: Span) -> ops.Value:
    assert text.address is not None
    return memory.load(b, byte_address(b, text.address, text.size, index, span), layout.U8, span)


# Loops


def counted(b: Builder, count: int, body: Callable[[ops.Value, ops.Label], None], span: Span, start: int = 0) -> None:
    """`body(i, label)` for each i from `start` below `count`; a Break to the label ends it early."""
    if start >= count:
        return
    label = ops.Label(LOOP)
    counter = b.local("at", IntType(0, count), span)
    b.set(counter, b.const(start, span), span)
    with b.block() as inside:
        turn = b.get(counter, span)
        go_on = b.compare("<", turn, b.const(count, span), span)
        b.if_(go_on, lambda: None, lambda: leave(b, label, span), span)
        body(turn, label)
    b.reachable = True
    with b.block() as step:
        following = ops.Binary("+", b.get(counter, span), b.const(1, span), IntType(1, count), span)
        b.set(counter, b.emit(following), span)
    counting = ops.Counting(counter, b.const(start, span), b.const(count, span), 1)
    blocks = ops.Block(tuple(inside)), ops.Block(tuple(step))
    b.emit(ops.Loop(label, *blocks, counting, count - start, False, span))
    b.reachable = True


def leave(b: Builder, label: ops.Label, span: Span) -> None:
    b.emit(ops.Break(label, span))


def scope(b: Builder, name: str, body: Callable[[ops.Label], None], span: Span) -> None:
    """A block that a Break leaves."""
    label = ops.Label(name)
    with b.block() as inside:
        body(label)
    b.reachable = True
    b.emit(ops.Scope(label, ops.Block(tuple(inside)), span))


Step = Callable[[ops.Value, ops.Value], None]


def pairs(b: Builder, one: Text, other: Text, step: Step, span: Span) -> None:
    """`step` for each pair of words, up to one word beyond the end of the shorter text."""
    shorter = min(one.size, other.size)
    whole, start = shorter // WORD, 0
    if whole > UNROLLED and one.address is not None and other.address is not None:
        start = whole
        counted(b, whole, lambda i, _: step(word_at(b, one, i, span), word_at(b, other, i, span)), span)
    last = whole if one.size == other.size and shorter % WORD == 0 else whole + 1
    for number in range(start, last):
        step(word(b, one, number, span), word(b, other, number, span))


# What is made of it


def equal(b: Builder, one: Text, other: Text, span: Span) -> ops.Value:
    """Whether two texts are the same."""
    return _compare(b, one, other, span, lambda _, __: b.truth(False, span), True)


def less(b: Builder, one: Text, other: Text, span: Span) -> ops.Value:
    """Whether `one` comes before `other`."""
    return _compare(b, one, other, span, lambda x, y: b.compare("<", x, y, span), False)


def _compare(
    b: Builder,
    one: Text,
    other: Text,
    span: Span,
    decide: Callable[[ops.Value, ops.Value], ops.Value],
    same: bool,
) -> ops.Value:
    """What `decide` says of the first words that differ; `same` if none do."""
    result = b.local("texts", BOOL, span)
    b.set(result, b.truth(same, span), span)

    def body(label: ops.Label) -> None:
        def step(x: ops.Value, y: ops.Value) -> None:
            ends = zero_bytes(b, x, span)
            if same:  # the bytes of `other` count up to where `one` ends
                after = from_first(b, ends, span)
                difference = without(b, calculate(b, "^", x, y, span), after, span, after=1)
                x = y = difference
            else:
                x = without(b, x, from_first(b, ends, span), span)
                y = without(b, y, from_first(b, zero_bytes(b, y, span), span), span)
                difference = calculate(b, "^", x, y, span)

            def found() -> None:
                b.set(result, decide(x, y), span)
                leave(b, label, span)

            b.if_(differs(b, difference, span), found, None, span)
            b.if_(differs(b, ends, span), lambda: leave(b, label, span), None, span)

        pairs(b, one, other, step, span)

    scope(b, LOOP, body, span)
    return b.get(result, span)


def starts_with(b: Builder, text: Text, prefix: Text, span: Span) -> ops.Value:
    """Whether `text` starts with what `prefix` holds."""
    if prefix.address is None:
        if prefix.size > text.size:
            return b.truth(False, span)
        if not prefix.data or text.address is None:
            return b.truth(text.data.startswith(prefix.data), span)
        return b.emit(ops.EqualBytes(text.address, prefix.data, BOOL, span))
    result = b.local("starts", BOOL, span)
    b.set(result, b.truth(True, span), span)

    def body(label: ops.Label) -> None:
        def no() -> None:
            b.set(result, b.truth(False, span), span)
            leave(b, label, span)

        def step(x: ops.Value, y: ops.Value) -> None:
            ends = zero_bytes(b, y, span)
            difference = without(b, calculate(b, "^", x, y, span), from_first(b, ends, span), span)
            b.if_(differs(b, difference, span), no, None, span)
            b.if_(differs(b, ends, span), lambda: leave(b, label, span), None, span)

        pairs(b, text, prefix, step, span)

    scope(b, LOOP, body, span)
    return b.get(result, span)


def tidy(b: Builder, address: ops.Value, size: int, span: Span) -> None:
    """Clear what lies behind the first NUL of text in writable memory."""
    alive = b.local("alive", U64, span)
    b.set(alive, b.const(ALL, span), span)
    text, whole = Text(address, b"", size), size // WORD

    def step(read: ops.Value) -> ops.Value:
        ends = zero_bytes(b, read, span)
        left = b.get(alive, span)
        kept = calculate(b, "&", without(b, read, from_first(b, ends, span), span), left, span)
        goes_on = calculate(b, "-", 0, is_zero(b, calculate(b, ">>", ends, 7, span), span), span)
        b.set(alive, calculate(b, "&", left, goes_on, span), span)
        return kept

    start = 0
    if whole > UNROLLED:
        words = b.member(address, 0, layout.Array(layout.BE64, whole), span)
        assert isinstance(words.type, PointerType)
        pointer = PointerType(layout.BE64, words.type.region)

        def inner(index: ops.Value, _: ops.Label) -> None:
            place = b.emit(ops.ElementAddress(words, index, whole, pointer, span))
            b.emit(ops.Store(place, step(memory.load(b, place, layout.BE64, span)), span))

        counted(b, whole, inner, span)
        start = whole
    for number in range(start, -(-size // WORD)):
        kept, at = step(word(b, text, number, span)), number * WORD
        for type in (layout.BE64, layout.BE32, layout.BE16, layout.U8):
            while min(size, (number + 1) * WORD) - at >= type.size:
                shift = 8 * (WORD - (at - number * WORD) - type.size)
                piece = calculate(b, ">>", kept, shift, span) if shift else kept
                b.emit(ops.Store(b.member(address, at, type, span), piece, span))
                at += type.size
