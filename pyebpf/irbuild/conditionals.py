"""`body if test else orelse`: one value from two ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias, final

from pyebpf import layout
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import unreachable
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, BoolType, IntType, KernelType, PointerType, Region
from pyebpf.irbuild import locals, memory, values
from pyebpf.irbuild.builder import Builder, storage
from pyebpf.irbuild.operands import (
    Operand,
    Optional,
    OptionalValues,
    PendingText,
    Place,
    Static,
    Values,
    describe,
    reference,
)
from pyebpf.records import dataclass
from pyebpf.source import Span

Way = Callable[[], Operand]


@final
@dataclass(frozen=True, slots=True)
class _One:
    """Where either way leaves a value, and whether there is one if it may be None."""

    value: ops.Local
    present: ops.Local | None


@final
@dataclass(frozen=True, slots=True)
class _Tuple:
    items: tuple[_Meeting, ...]
    present: ops.Local | None


@final
@dataclass(frozen=True, slots=True)
class _Same:
    """What is the same both ways, and no value at run time: None, a map, a function."""

    operand: Operand


@final
@dataclass(frozen=True, slots=True)
class _Text:
    """Text, which is copied: where it comes from may change. `present` as in `_One`."""

    slot: ops.Slot
    present: ops.Local | None


_Meeting: TypeAlias = "_One | _Tuple | _Same | _Text"


def either(b: Builder, test: ops.Value, ways: tuple[Way, Way], spans: tuple[Span, Span], span: Span) -> Operand:
    """What the first way evaluates to where `test` is true, else what the second does."""
    found: list[Operand] = []
    meetings: list[_Meeting] = []

    def last(number: int) -> None:
        if number == 0:
            meetings.append(_meeting(b, found[0], found[1], span))
        _bring(b, found[number], meetings[0], spans[number])

    b.if_(test, lambda: found.append(ways[0]()), lambda: found.append(ways[1]()), span, last)
    return _result(b, meetings[0], span)


def _result(b: Builder, meeting: _Meeting, span: Span) -> Operand:
    match meeting:
        case _Same():
            return meeting.operand
        case _Text():
            text = _slot_address(b, meeting, span)
            return text if meeting.present is None else Optional(b.get(meeting.present, span), text)
        case _One():
            value = b.get(meeting.value, span)
            return value if meeting.present is None else Optional(b.get(meeting.present, span), value)
        case _Tuple():
            items = Values(tuple(_result(b, item, span) for item in meeting.items))
            return items if meeting.present is None else OptionalValues(b.get(meeting.present, span), items)
        case _:
            unreachable(meeting)


def _text_size(operand: Operand) -> int:
    """The most bytes of text, at least one; 0 if it isn't text, or only its place gives it a size."""
    if isinstance(operand, Static) and isinstance(operand.value, str):
        return max(len(operand.value.encode("utf-8", "surrogatepass")), 1)
    if isinstance(operand, PendingText):
        return operand.length
    pointer = reference(_there(operand))
    return pointer.target.size if pointer is not None and isinstance(pointer.target, layout.Text) else 0


def _slot_address(b: Builder, meeting: _Text, span: Span) -> ops.Value:
    return b.emit(ops.SlotAddress(meeting.slot, PointerType(meeting.slot.type, Region.STACK), span))


def _is_none(operand: Operand) -> bool:
    return isinstance(operand, Static) and operand.value is None


def _meeting(b: Builder, first: Operand, second: Operand, span: Span, item: bool = False) -> _Meeting:
    """Where either of two operands can lie. An `item` of a tuple is anything where there is no tuple."""
    if first == second and not (ops.is_value(first) or isinstance(first, Values | Optional | OptionalValues)):
        return _Same(first)
    none = _is_none(first) or _is_none(second)
    optional = none or _is_optional(first) or _is_optional(second)
    sample, other = (second if _is_none(first) else first), (first if _is_none(second) else second)
    sizes = (_text_size(sample), _text_size(other))
    if all(sizes):
        return _Text(ops.Slot("either", layout.Text(max(sizes)), span), _present(b, optional, span))
    sample, other = _there(sample), _there(other)
    if isinstance(sample, Values) or isinstance(other, Values):
        return _tuple(b, sample, other, optional, span)
    type = sample.type if none and ops.is_value(sample) else None
    if none and not isinstance(type, IntType | BoolType | PointerType | KernelType):
        what = "a number, text, a struct, an array or a tuple beside None"
        b.error(type_errors.WrongType(span, what, describe(sample), ""))
    type = type or values.join(b, sample, other, span)
    if isinstance(type, PointerType) and none:
        type = PointerType(type.target, type.region, True, type.writable)
    optional = optional and isinstance(type, IntType | BoolType)  # a null pointer is None
    return _One(b.local("either", storage(type) if item or optional else type, span), _present(b, optional, span))


def _tuple(b: Builder, first: Operand, second: Operand, optional: bool, span: Span) -> _Tuple:
    if not (isinstance(first, Values) and isinstance(second, Values) and len(first.items) == len(second.items)):
        b.error(type_errors.WrongType(span, f"{describe(first)} on both sides", describe(second), ""))
    items = tuple(
        _meeting(b, one, other, span, item=True) for one, other in zip(first.items, second.items, strict=True)
    )
    return _Tuple(items, _present(b, optional, span))


def _is_optional(operand: Operand) -> bool:
    """Whether a value, text or a tuple may be None."""
    pointer = reference(operand)
    return isinstance(operand, Optional | OptionalValues) or (pointer is not None and pointer.nullable)


def _present(b: Builder, optional: bool, span: Span) -> ops.Local | None:
    return b.local("present", BOOL, span) if optional else None


def _bring(b: Builder, operand: Operand, meeting: _Meeting, span: Span) -> None:
    """`operand` into the locals that `_meeting` made."""
    match meeting:
        case _Same():
            return
        case _Text():
            _bring_text(b, operand, meeting, span)
        case _One():
            _bring_one(b, operand, meeting, span)
        case _Tuple():
            if meeting.present is not None:
                present = (
                    operand.present if isinstance(operand, OptionalValues) else b.truth(not _is_none(operand), span)
                )
                b.set(meeting.present, present, span)
            inner = operand.values if isinstance(operand, OptionalValues) else operand
            if isinstance(inner, Values):
                for item, own in zip(inner.items, meeting.items, strict=True):
                    _bring(b, item, own, span)
            else:
                _clear(b, meeting, span)
        case _:
            unreachable(meeting)


def _bring_text(b: Builder, operand: Operand, meeting: _Text, span: Span) -> None:
    place = Place(_slot_address(b, meeting, span), meeting.slot.type, "either", span)

    def something(value: Operand, present: ops.Value) -> None:
        if meeting.present is not None:
            b.set(meeting.present, present, span)
        memory.store(b, place, value, span)

    pointer = reference(operand)
    if _is_none(operand):
        _clear(b, meeting, span)
    elif isinstance(operand, Optional):
        something(operand.value, operand.present)
    elif ops.is_value(operand) and pointer is not None and pointer.nullable:
        there = b.truth(True, span)
        b.if_(
            b.present(operand, span),
            lambda: something(b.not_null(operand, span), there),
            lambda: _clear(b, meeting, span),
            span,
        )
    else:
        something(operand, b.truth(True, span))


def _bring_one(b: Builder, operand: Operand, meeting: _One, span: Span) -> None:
    result, present = meeting.value, meeting.present
    if isinstance(result.type, KernelType | PointerType) and _is_none(operand):
        operand = b.emit(ops.Null(result.type, span))
    if present is None:
        operand = values.plain(b, operand, span) if isinstance(operand, Optional) else operand
    elif _is_none(operand):
        _clear(b, meeting, span)
        return
    elif isinstance(operand, Optional):
        b.set(present, operand.present, span)
        operand = operand.value
    else:
        b.set(present, b.truth(True, span), span)
    assert ops.is_value(operand)
    b.set(result, locals.stored(b, operand, result.type, span), span)


def _clear(b: Builder, meeting: _Meeting, span: Span) -> None:
    """None. Numbers are zero then, for what is known of a local that was never set is lost where ways join."""
    match meeting:
        case _One(value=local) if isinstance(local.type, IntType):
            zero = max(local.type.low, min(local.type.high, 0))
            b.set(local, b.const(zero, span), span)
        case _One(value=local) if isinstance(local.type, BoolType):
            b.set(local, b.truth(False, span), span)
        case _One(value=local) if isinstance(local.type, PointerType | KernelType) and _nullable(local.type):
            b.set(local, b.emit(ops.Null(local.type, span)), span)
        case _Text():
            b.zero(_slot_address(b, meeting, span), meeting.slot.type.size, span)
        case _Tuple():
            for item in meeting.items:
                _clear(b, item, span)
    if not isinstance(meeting, _Same) and meeting.present is not None:
        b.set(meeting.present, b.truth(False, span), span)


def _nullable(type: PointerType | KernelType) -> bool:
    return isinstance(type, KernelType) or type.nullable


def _there(operand: Operand) -> Operand:
    """What is left of a value that may be None when it isn't."""
    match operand:
        case Optional():
            return operand.value
        case OptionalValues():
            return operand.values
        case _:
            return operand
