"""What can be gone through item by item: ranges, arrays, tuples, array maps, and what Python makes of them.

All of it has a length, and an item for each number below it. So a loop counts, whatever it goes through, and sees
what its body changes, as in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import EnumMeta, IntEnum
from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, Obligation
from pyebpf.ir.types import I64, I64_MAX, I64_MIN, U64_MAX, BoolType, IntType
from pyebpf.irbuild import arithmetic, contexts, entries, letters, locals, maps, memory, names, order, texts, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.kernel_arrays import items as kernel_items
from pyebpf.irbuild.operands import (
    ContextArray,
    Entries,
    Items,
    KernelArray,
    KernelItems,
    Operand,
    OptionalValues,
    Range,
    Static,
    Values,
    describe,
    is_text,
    reference,
)
from pyebpf.irbuild.subscripts import element_place, from_end
from pyebpf.kernel.maps import MapType
from pyebpf.lang.maps import Map
from pyebpf.source import Span

Argument = tuple[Operand, Span]
MAKERS: Final = {range: "range", enumerate: "enumerate", zip: "zip", reversed: "reversed"}
FEW: Final = 8
"""Items that are rather gone through one by one, if their values are known."""


def maker(value: object) -> str:
    """The name of a class of Python's own that makes something to go through, or nothing."""
    return next((name for cls, name in MAKERS.items() if value is cls), "")


def make(b: Builder, name: str, arguments: list[Argument], keywords: dict[str, Argument], span: Span) -> Operand:
    """`range(…)`, `enumerate(…)`, `zip(…)` or `reversed(…)`."""
    if keywords and not (name == "enumerate" and set(keywords) == {"start"}):
        word = next(word for word in keywords if not (name == "enumerate" and word == "start"))
        b.error(errors.WrongArguments(keywords[word][1], name, "no keyword arguments", f"`{word}=`"))
    match name:
        case "range":
            return _range(b, arguments, span)
        case "enumerate":
            given = [*arguments, *keywords.values()]
            if not (arguments and len(given) <= 2):
                found = f"{len(given)} arguments"
                b.error(errors.WrongArguments(span, name, "what to go through, and a start", found))
            return _enumerate(b, given, span)
        case "zip":
            return _zip(b, [_by_number(b, name, argument) for argument in arguments], span)
        case _:
            if len(arguments) != 1:
                b.error(errors.WrongArguments(span, name, "what to go through", f"{len(arguments)} arguments"))
            return _reversed(b, arguments[0], span)


def items(b: Builder, operand: Operand, span: Span) -> Items | None:
    """`operand` item by item; None if that can't be done."""
    if isinstance(operand, OptionalValues):
        operand = values.plain(b, operand, span)
    match operand:
        case Items():
            return operand
        case Range():
            return _range_items(b, operand, span)
        case KernelArray():
            return kernel_items(b, operand, span)
        case Values():
            return _tuple_items(b, operand.items, span)
        case ContextArray():
            return Items("the context", b.const(operand.length, span), _context_item(operand, span), True, False)
        case Static(value=EnumMeta() as enumeration) if issubclass(enumeration, IntEnum):
            members = [names.static(b, member, operand.name, span) for member in enumeration]
            return _tuple_items(b, tuple(members), span)
        case Static(value=Map()):
            return _map_items(b, operand, span)
    operand = values.plain(b, operand, span)
    literal = texts.known(operand)
    if literal is not None:
        return _tuple_items(b, tuple(Static(letter, repr(letter)) for letter in literal), span)
    if is_text(operand):
        return letters.items(b, operand, span)
    pointer = reference(operand)
    if ops.is_value(operand) and pointer is not None and isinstance(pointer.target, layout.Array):
        return _array_items(b, operand, pointer.target, span)
    return None


def required(b: Builder, operand: Operand, span: Span) -> Items:
    """`operand` item by item, or a diagnostic."""
    found = items(b, operand, span)
    if found is None:
        b.error(type_errors.NotIterable(span, entries.described(b, operand), instead(operand, span)))
    return found


def instead(operand: Operand, span: Span) -> str:
    """What to loop over instead of something that has no items."""
    if ops.is_value(operand) and isinstance(operand.type, IntType):
        return f"for i in range({span.text}):"
    return ""


# Arrays, tuples, maps


def _array_items(b: Builder, base: ops.Value, array: layout.Array, span: Span) -> Items:
    def at(b: Builder, number: ops.Value) -> Operand:
        return memory.read(b, element_place(b, base, number, span, span, span), span)

    return Items("an array", b.const(array.length, span), at, False, False)


def _map_items(b: Builder, operand: Static, span: Span) -> Items | None:
    map = maps.ref(b, operand)
    if map.kind not in maps.INDEXED:
        return None

    def at(b: Builder, number: ops.Value) -> Operand:
        return memory.read(b, maps.entry(b, map, number, span, f"{map.name}[…]"), span)

    return Items(f"a {map.kind}", b.const(map.max_entries, span), at, False, False)


def _context_item(array: ContextArray, span: Span) -> Callable[[Builder, ops.Value], Operand]:
    return lambda b, number: contexts.element(b, array, number, span, span)


def _tuple_items(b: Builder, parts: tuple[Operand, ...], span: Span) -> Items:
    """The parts of a tuple, which texts in it stay. Where they are numbers all, any of them is found by halving."""
    parts = tuple(order.frozen(b, part, span) for part in parts)

    def at(b: Builder, number: ops.Value) -> Operand:
        return parts[number.value] if isinstance(number, ops.Const) else _pick(b, parts, number, span)

    constant = all(_is_constant(part) for part in parts)
    return Items("a tuple", b.const(len(parts), span), at, not _alike(parts), constant and len(parts) <= FEW)


def tuple_item(b: Builder, parts: tuple[Operand, ...], index: ops.Value, span: Span) -> Operand | None:
    """`t[i]` for an `i` that varies, checked; None where the parts are unlike each other."""
    if not parts or not _alike(parts):
        return None
    number = from_end(b, index, len(parts), span)
    b.check(b.compare("<", number, b.const(len(parts), span), span), Fault.INDEX, span)
    return _pick(b, parts, number, span)


def _is_constant(part: Operand) -> bool:
    if isinstance(part, Values):
        return all(_is_constant(inner) for inner in part.items)
    return isinstance(part, ops.Const)


def _alike(parts: tuple[Operand, ...]) -> bool:
    """Whether all are numbers of one 64-bit type, or tuples of such in the same places."""
    if all(isinstance(part, Values) for part in parts):
        rows = [part.items for part in parts if isinstance(part, Values)]
        return len({len(row) for row in rows}) <= 1 and all(_alike(column) for column in zip(*rows, strict=True))
    types = [part.type for part in parts if ops.is_value(part) and isinstance(part.type, IntType | BoolType)]
    if len(types) < len(parts):
        return False
    whole = [type for type in types if isinstance(type, IntType)]
    return not (any(type.low < 0 for type in whole) and any(type.high > I64_MAX for type in whole))


def _pick(b: Builder, parts: tuple[Operand, ...], number: ops.Value, span: Span) -> Operand:
    """The part of a variable number: half of those that are left is ruled out at a time."""
    if isinstance(parts[0], Values):
        rows = [part.items for part in parts if isinstance(part, Values)]
        return Values(tuple(_pick(b, column, number, span) for column in zip(*rows, strict=True)))
    found = [part for part in parts if ops.is_value(part)]
    type = found[0].type
    for part in found[1:]:
        assert isinstance(type, IntType | BoolType) and isinstance(part.type, IntType | BoolType)
        type = type if type == part.type else values.joined(type, part.type)
    chosen = b.local("item", type, span)

    def among(first: int, end: int) -> None:
        if end - first == 1:
            b.set(chosen, locals.stored(b, found[first], type, span), span)
            return
        middle = (first + end) // 2
        below = b.compare("<", number, b.const(middle, span), span)
        b.if_(below, lambda: among(first, middle), lambda: among(middle, end), span)

    among(0, len(found))
    return b.get(chosen, span)


# What Python makes of them


def _by_number(b: Builder, name: str, argument: Argument) -> Items:
    """What the function `name` goes through by its own counting."""
    operand, span = argument
    found = entries.of(b, operand)
    if found is not None:
        ring = found.map.type == MapType.USER_RINGBUF
        one, order = ("record", "as they were sent") if ring else ("key", "in no certain order")
        b.error(map_errors.OneByOne(span, name, found.map.name, found.map.kind, one, order))
    return required(b, operand, span)


def _enumerate(b: Builder, given: list[Argument], span: Span) -> Items | Entries | KernelItems:
    if isinstance(iterator := given[0][0], KernelItems):
        first = values.number(b, *given[1]) if len(given) == 2 else b.const(0, span)
        return replace(iterator, counted=(*iterator.counted, first))
    found = entries.of(b, given[0][0])
    start = values.number(b, *given[1]) if len(given) == 2 else b.const(0, span)
    if found is not None:
        return Entries(found.map, found.part, (*found.counted, start))
    inner = required(b, *given[0])

    def at(b: Builder, number: ops.Value) -> Operand:
        item = inner.at(b, number)
        if isinstance(start, ops.Const) and isinstance(number, ops.Const):
            return Values((b.const(start.value + number.value, span), item))
        if isinstance(start, ops.Const) and start.value == 0:
            return Values((number, item))
        return Values((arithmetic.arithmetic(b, "+", start, number, span, (span, span)), item))

    return Items("enumerate(…)", inner.length, at, inner.apart, inner.copies)


def _zip(b: Builder, parts: list[Items], span: Span) -> Items:
    length: ops.Value = parts[0].length if parts else b.const(0, span)
    for part in parts[1:]:
        length = _shorter(b, length, part.length, span)

    def at(b: Builder, number: ops.Value) -> Operand:
        return Values(tuple(part.at(b, number) for part in parts))

    return Items("zip(…)", length, at, any(part.apart for part in parts), any(part.copies for part in parts))


def _shorter(b: Builder, one: ops.Value, other: ops.Value, span: Span) -> ops.Value:
    assert isinstance(one.type, IntType) and isinstance(other.type, IntType)
    if one.type.high <= other.type.low:
        return one
    if other.type.high <= one.type.low:
        return other
    type = IntType(min(one.type.low, other.type.low), min(one.type.high, other.type.high))
    return b.choose(b.compare("<", other, one, span), type, other, one, span)


def _reversed(b: Builder, argument: Argument, span: Span) -> Operand:
    operand, where = argument
    if isinstance(operand, Items):
        b.error(type_errors.WrongType(where, "an array, a tuple or a range", describe(operand), ""))
    constant = constant_range(operand)
    if constant is not None:
        back = constant[::-1]
        return Range(b.const(back.start, span), b.const(back.stop, span), b.const(back.step, span), where)
    if isinstance(operand, Range) and _by_one_from_anywhere(operand):
        return _from_stop(b, operand, where)
    inner = _by_number(b, "reversed", argument)

    def at(b: Builder, number: ops.Value) -> Operand:
        if isinstance(inner.length, ops.Const) and isinstance(number, ops.Const):
            return inner.at(b, b.const(inner.length.value - 1 - number.value, span))
        assert isinstance(inner.length.type, IntType)
        type = IntType(0, max(inner.length.type.high - 1, 0))
        last = b.const(inner.length.value - 1, span) if isinstance(inner.length, ops.Const) else None
        last_number = last or b.emit(ops.Binary("-", inner.length, b.const(1, span), type, span))
        return inner.at(b, b.emit(ops.Binary("-", last_number, number, type, span)))

    return Items("reversed(…)", inner.length, at, inner.apart, inner.copies)


def _by_one_from_anywhere(range: Range) -> bool:
    """Whether a range of i64 goes up or down by one, and may begin below zero."""
    start, stop, step = range.start.type, range.stop.type, range.step
    assert isinstance(start, IntType) and isinstance(stop, IntType)
    by_one = isinstance(step, ops.Const) and abs(step.value) == 1
    return by_one and start.low < 0 and max(start.high, stop.high) <= I64_MAX


def _from_stop(b: Builder, range: Range, span: Span) -> Items:
    """Such a range backwards: it begins beside its stop, of which more may be known than of the number of its items."""
    start, stop, step = range.start.type, range.stop.type, range.step
    assert isinstance(start, IntType) and isinstance(stop, IntType) and isinstance(step, ops.Const)
    back: ops.Arithmetic = "-" if step.value > 0 else "+"

    def at(b: Builder, number: ops.Value) -> Operand:
        last = b.emit(ops.Binary(back, range.stop, b.const(1, span), I64, span))
        low, high = min(start.low, stop.low), max(start.high, stop.high)
        return b.emit(ops.Binary(back, last, number, IntType(low, high), span))

    return Items("reversed(…)", length_of(b, range, span), at, False, False)


# Ranges


def _range(b: Builder, arguments: list[Argument], span: Span) -> Range:
    if not 1 <= len(arguments) <= 3:
        b.error(errors.WrongArguments(span, "range", "one to three integers", f"{len(arguments)} arguments"))
    numbers = [values.number(b, *argument) for argument in arguments]
    step: ops.Value = b.const(1, span)
    if len(numbers) == 3:
        step = _step(b, numbers[2], arguments[2][1])
    first = 0 if len(numbers) == 1 else 1
    start, stop = numbers[0] if first else b.const(0, span), numbers[first]
    stop_span = arguments[first][1]
    assert isinstance(start.type, IntType) and isinstance(stop.type, IntType)
    if max(start.type.high, stop.type.high) > I64_MAX:
        start, stop = b.unsigned(start, stop_span), b.unsigned(stop, stop_span)
    return Range(start, stop, step, stop_span)


def _step(b: Builder, step: ops.Value, span: Span) -> ops.Value:
    """A step whose sign is certain; one that isn't constant must be proven to be positive."""
    assert isinstance(step.type, IntType)
    if isinstance(step, ops.Const) and step.value == 0:
        b.error(type_errors.WrongType(span, "a step other than zero", "0", ""))
    if step.type.high < 0:
        return step
    return b.prove(step, IntType(1, max(step.type.high, 1)), Obligation.POSITIVE, span)


def constant_range(operand: Operand) -> range | None:
    match operand:
        case Range(start=ops.Const() as start, stop=ops.Const() as stop, step=ops.Const() as step):
            return range(start.value, stop.value, step.value)
    return None


def length_of(b: Builder, operand: Range, span: Span) -> ops.Value:
    """How many numbers a range has."""
    constant = constant_range(operand)
    if constant is not None:
        # len(range) is limited to what the host's own sizes hold; this isn't
        distance = constant.stop - constant.start
        return b.const(max(0, -(-distance // constant.step)), span)
    start, stop, step = operand.start, operand.stop, operand.step
    assert isinstance(step.type, IntType) and isinstance(start.type, IntType) and isinstance(stop.type, IntType)
    down = step.type.high < 0
    low, high, size = (stop, start, opposite(b, step, span)) if down else (start, stop, step)
    assert isinstance(low.type, IntType) and isinstance(high.type, IntType)
    unsigned = max(low.type.high, high.type.high) > I64_MAX
    most = max(1, min(U64_MAX if unsigned else I64_MAX, high.type.high - low.type.low))
    result = b.local("length", IntType(0, most), span)
    b.set(result, b.const(0, span), span)

    def some(distance: ops.Value) -> None:
        if not (isinstance(size, ops.Const) and size.value == 1):
            before = b.emit(ops.Binary("-", distance, b.const(1, span), IntType(0, most - 1), span))
            whole = b.emit(ops.Binary("//", before, size, IntType(0, most - 1), span))
            distance = b.emit(ops.Binary("+", whole, b.const(1, span), IntType(1, most), span))
        b.set(result, distance, span)

    def of_distance(type: IntType) -> None:
        distance = b.emit(ops.Binary("-", _capped(b, low, high, span), low, type, span))
        positive = b.compare(">", distance, b.const(0, span), span)
        b.if_(positive, lambda: some(b.prove(distance, IntType(1, most), Obligation.FITS, span)), None, span)

    def of_order() -> None:
        # Where high > low their distance fits 64 bits, whatever its operands are.
        if isinstance(low, ops.Const) and low.value == 0:
            some(b.prove(high, IntType(1, most), Obligation.NOT_NEGATIVE, span))
        elif unsigned or isinstance(low, ops.Const):
            some(b.emit(ops.Binary("-", high, low, IntType(1, most), span)))
        else:
            of_distance(I64)

    ends = high.type.low - low.type.high, high.type.high - low.type.low
    if unsigned or isinstance(low, ops.Const) or not (ends[0] >= I64_MIN and ends[1] <= I64_MAX):
        b.if_(b.compare(">", high, low, span), of_order, None, span)
    else:
        of_distance(IntType(*ends))
    return b.get(result, span)


def _capped(b: Builder, low: ops.Value, high: ops.Value, span: Span) -> ops.Value:
    """`high`, but no more than I64_MAX above `low`, so that their distance fits; no loop gets farther."""
    assert isinstance(low.type, IntType) and isinstance(high.type, IntType)
    if high.type.high - low.type.low <= I64_MAX:
        return high
    capped = b.local("stop", high.type, span)
    b.set(capped, high, span)

    def cap() -> None:
        farthest = b.emit(ops.Binary("+", low, b.const(I64_MAX, span), I64, span))
        b.if_(b.compare(">", high, farthest, span), lambda: b.set(capped, farthest, span), None, span)

    b.if_(b.compare("<", low, b.const(0, span), span), cap, None, span)
    return b.get(capped, span)


def opposite(b: Builder, step: ops.Value, span: Span) -> ops.Value:
    assert isinstance(step.type, IntType)
    if isinstance(step, ops.Const):
        return b.const(-step.value, span)
    return b.emit(ops.Binary("-", b.const(0, span), step, IntType(-step.type.high, -step.type.low), span))


def _range_items(b: Builder, operand: Range, span: Span) -> Items:
    length = length_of(b, operand, span)
    start, step = operand.start, operand.step
    unsigned = isinstance(start.type, IntType) and start.type.high > I64_MAX

    def at(b: Builder, number: ops.Value) -> Operand:
        assert isinstance(step.type, IntType) and isinstance(start.type, IntType)
        if isinstance(start, ops.Const) and isinstance(step, ops.Const) and isinstance(number, ops.Const):
            return b.const(start.value + step.value * number.value, span)
        down = step.type.high < 0
        size = opposite(b, step, span) if down else step
        spans = (span, span)
        far = (
            number
            if isinstance(size, ops.Const) and size.value == 1
            else arithmetic.arithmetic(b, "*", number, size, span, spans)
        )
        if isinstance(start, ops.Const) and start.value == 0 and not down:
            return far
        if unsigned:
            return arithmetic.arithmetic(b, "-" if down else "+", start, far, span, spans)
        # A number of the range, so it fits 64 bits, whatever the types say.
        stop = operand.stop.type
        assert isinstance(stop, IntType)
        low, high = (
            (min(stop.low, start.type.high), start.type.high)
            if down
            else (start.type.low, max(stop.high, start.type.low))
        )
        return b.emit(ops.Binary("-" if down else "+", start, far, IntType(low, high), span))

    return Items("a range", length, at, False, False)
