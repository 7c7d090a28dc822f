"""Locals: what holds a name's value, by its type, and how that is read and written."""

from __future__ import annotations

import re
from typing import NoReturn

from pyebpf import layout
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Obligation
from pyebpf.ir.types import (
    I64,
    I64_MAX,
    BoolType,
    IntType,
    KernelType,
    PointerType,
    Region,
    ValueType,
    meeting,
)
from pyebpf.irbuild import inner_maps, memory, shapes, trusted, values
from pyebpf.irbuild.bindings import (
    RESULT,
    Binding,
    Fixed,
    OptionalScalar,
    OptionalText,
    Reference,
    Scalar,
    Shape,
    TextLocal,
    TupleLocal,
)
from pyebpf.irbuild.builder import Builder, storage
from pyebpf.irbuild.open_blocks import Given
from pyebpf.irbuild.operands import (
    Operand,
    Optional,
    OptionalValues,
    PendingText,
    Place,
    Static,
    Values,
    describe,
    describe_type,
    is_text,
    reference,
)
from pyebpf.source import Span


def read(b: Builder, binding: Binding, span: Span) -> Operand:
    match binding:
        case Scalar() | Reference():
            return b.get(binding.local, span)
        case OptionalScalar():
            return Optional(b.get(binding.present, span), b.get(binding.value, span))
        case TextLocal():
            return text_address(b, binding, span)
        case OptionalText():
            return Optional(b.get(binding.present, span), text_address(b, binding, span))
        case TupleLocal():
            items = Values(tuple(read(b, item, span) for item in binding.items))
            return items if binding.present is None else OptionalValues(b.get(binding.present, span), items)
        case Fixed():
            return binding.operand


def text_address(b: Builder, binding: TextLocal | OptionalText, span: Span) -> ops.Value:
    return b.emit(ops.SlotAddress(binding.slot, PointerType(binding.slot.type, Region.STACK), span))


def write(b: Builder, name: str, binding: Binding, operand: Operand, span: Span) -> None:
    match binding:
        case Scalar():
            _write_scalar(b, name, binding, operand, span)
        case OptionalScalar():
            _write_optional(b, name, binding, operand, span)
        case Reference():
            _write_reference(b, name, binding, operand, span)
        case TextLocal():
            _write_text(b, name, binding, operand, span)
        case OptionalText():
            _write_optional_text(b, name, binding, operand, span)
        case TupleLocal():
            _write_tuple(b, name, binding, operand, span)
        case Fixed(Static() as held) if inner_maps.is_inner(b, held):
            inner_maps.assign(b, held, operand, span)
        case Fixed():
            if binding.operand != operand:
                b.error(errors.FixedName(target(span, name), name, _fixed_as(binding.operand)))


def _write_text(b: Builder, name: str, binding: TextLocal, operand: Operand, span: Span) -> None:
    type = binding.slot.type
    if not binding.declared and _may_be_none(operand):
        shapes.retype(b, name, Shape(PointerType(type, Region.STACK), optional=True))
    _check_text(b, name, binding, operand, span)
    memory.store(b, Place(text_address(b, binding, span), type, name, span), operand, span)


def _may_be_none(operand: Operand) -> bool:
    pointer = reference(operand)
    none = isinstance(operand, Static) and operand.value is None
    return none or isinstance(operand, Optional) or (pointer is not None and pointer.nullable)


def _check_text(b: Builder, name: str, binding: TextLocal | OptionalText, operand: Operand, span: Span) -> None:
    type = binding.slot.type
    pointer = reference(operand.value if isinstance(operand, Optional) else operand)
    same = pointer is not None and pointer.target == type
    if not same and isinstance(operand, Static):
        same = memory.layout_of_address(operand.value) == type
    if not (same or (is_text(operand) and isinstance(type, layout.Text))):
        conflict(b, name, shapes.binding_type(binding), describe(operand), span)


def _write_optional_text(b: Builder, name: str, binding: OptionalText, operand: Operand, span: Span) -> None:
    place = Place(text_address(b, binding, span), binding.slot.type, name, span)

    def nothing() -> None:
        b.set(binding.present, b.truth(False, span), span)
        b.zero(place.address, place.type.size, span)

    def something(value: Operand) -> None:
        b.set(binding.present, b.truth(True, span), span)
        memory.store(b, place, value, span)

    if isinstance(operand, Static) and operand.value is None:
        nothing()
        return
    _check_text(b, name, binding, operand, span)
    pointer = reference(operand)
    if isinstance(operand, Optional):
        memory.store(b, place, operand.value, span)
        b.set(binding.present, operand.present, span)
    elif pointer is not None and pointer.nullable:
        assert ops.is_value(operand)
        b.if_(b.present(operand, span), lambda: something(b.not_null(operand, span)), nothing, span)
    else:
        something(operand)


def _write_tuple(b: Builder, name: str, binding: TupleLocal, operand: Operand, span: Span) -> None:
    none = isinstance(operand, Static) and operand.value is None
    if binding.present is None and (none or isinstance(operand, OptionalValues)):
        shapes.retype_tuple(b, name, binding, optional=True)
    if none:
        assert binding.present is not None
        _clear(b, binding, span)
        return
    found = operand.values if isinstance(operand, OptionalValues) else operand
    if not (isinstance(found, Values) and len(found.items) == len(binding.items)):
        conflict(b, name, shapes.binding_type(binding), describe(operand), span)
    items = _apart(b, binding, found, span).items

    def write_items() -> None:
        for part, (each, item) in zip(binding.items, shapes.named(name, items), strict=True):
            write(b, each, part, item, span)

    if isinstance(operand, OptionalValues):
        assert binding.present is not None
        b.if_(operand.present, write_items, lambda: _clear(b, binding, span), span)
        b.set(binding.present, operand.present, span)  # after them, so that it tells of them
        return
    write_items()
    if binding.present is not None:
        b.set(binding.present, b.truth(True, span), span)


def _clear(b: Builder, binding: Binding, span: Span) -> None:
    """None. Numbers are zero then, for what is known of a local that was never set is lost where ways join."""
    match binding:
        case TupleLocal():
            for item in binding.items:
                _clear(b, item, span)
        case OptionalScalar(value=local) | Scalar(local=local) if isinstance(local.type, IntType):
            b.set(local, b.const(0, span), span)
        case OptionalScalar(value=local) | Scalar(local=local) if isinstance(local.type, BoolType):
            b.set(local, b.truth(False, span), span)
    if isinstance(binding, TupleLocal | OptionalScalar) and binding.present is not None:
        b.set(binding.present, b.truth(False, span), span)


def _apart(b: Builder, binding: TupleLocal, new: Values, span: Span) -> Values:
    """`new`, whose text doesn't lie where `binding` has its own: t = (t[1], t[0])."""
    slots = {item.slot for item in binding.items if isinstance(item, TextLocal | OptionalText)}

    def apart(item: Operand) -> Operand:
        match item:
            case Values():
                return Values(tuple(apart(each) for each in item.items))
            case ops.SlotAddress() if item.slot in slots:
                return memory.hold(b, item, span)
            case Optional(value=ops.SlotAddress(slot=slot) as address) if slot in slots:
                held = memory.hold(b, address, span)
                assert ops.is_value(held)
                return Optional(item.present, held)
            case _:
                return item

    held = apart(new)
    assert isinstance(held, Values)
    return held


def conflict(b: Builder, name: str, first: str, second: str, span: Span) -> NoReturn:
    """A name is given a value that it can't hold."""
    if name == RESULT or name.startswith(f"{RESULT}["):
        b.error(type_errors.ReturnsDiffer(span, b.frame.function.name, second, first, b.frame.returned or span))
    b.error(type_errors.ConflictingTypes(span, name, first, second))


def target(value: Span, name: str) -> Span:
    """Where `name` is assigned the value at `value`, if it stands on the same line."""
    before = value.source.line(value.line)[: value.column]
    found = re.search(rf"\b{re.escape(name)}\b(?=\s*[:=])", before)
    return Span(value.source, value.line, found.start(), value.line, found.end()) if found else value


def _fixed_as(operand: Operand) -> str:
    """What a name that can't be assigned stands for."""
    if ops.is_value(operand) and isinstance(operand.type, PointerType) and operand.type.region is Region.RING:
        return "the reserved event"
    return describe(operand)


def _write_scalar(b: Builder, name: str, binding: Scalar, operand: Operand, span: Span) -> None:
    local = binding.local
    if binding.declared:
        value = values.fit(b, operand, local.type, span)
        b.set(local, value, span)
        return
    missing = isinstance(operand, Optional) or (isinstance(operand, Static) and operand.value is None)
    if missing and isinstance(local.type, IntType | BoolType):
        shapes.retype(b, name, Shape(local.type, optional=True))
    if isinstance(operand, Static) and operand.value is None and isinstance(local.type, KernelType):
        b.set(local, b.emit(ops.Null(local.type, span)), span)
        return
    if not ops.is_value(operand):
        conflict(b, name, describe_type(local.type), describe(operand), span)
    if isinstance(local.type, KernelType) and not local.type.direct:
        operand = trusted.as_address(b, operand)
    wanted = _common(b, name, local, operand, span)
    if wanted != local.type:
        shapes.retype(b, name, Shape(wanted))
    b.set(local, stored(b, operand, local.type, span), span)
    if isinstance(local.type, KernelType):
        trusted.note(b, name, local, operand)


def _common(b: Builder, name: str, local: ops.Local, value: ops.Value, span: Span) -> ValueType:
    """The type that `local` needs so that it can hold `value` as well."""
    old, new = local.type, value.type
    if isinstance(old, IntType) and isinstance(new, BoolType):
        return IntType(old.low, old.high)
    if isinstance(old, BoolType) and isinstance(new, IntType):
        return IntType(I64.low, I64.high) if new.high <= I64_MAX else storage(IntType(new.low, new.high))
    if isinstance(old, IntType) and isinstance(new, IntType):
        shown = old.shown_as if old.shown_as == new.shown_as else None
        wide = storage(IntType(new.low, new.high)) if new.high > I64_MAX else old
        assert isinstance(wide, IntType)
        return IntType(wide.low, wide.high, shown)
    if isinstance(old, KernelType) and isinstance(new, KernelType) and old.struct == new.struct:
        first = b.given.setdefault(local, Given(value)).first
        if old.direct and first is value:
            return old if new.direct else meeting(old, new)
        if old.direct and trusted.is_current(first):
            return KernelType(old.struct)  # from now on its address alone, as which it may be one of several
        return meeting(old, new)
    if type(old) is not type(new) or old != new:
        conflict(b, name, describe_type(old), describe_type(new), span)
    return old


def stored(b: Builder, value: ops.Value, type: ValueType, span: Span) -> ops.Value:
    """`value` as a local of `type` holds it: bools count as integers, and u64 takes nothing negative."""
    if isinstance(type, IntType) and isinstance(value.type, BoolType):
        return values.number(b, value, span)
    if isinstance(type, IntType) and type.low >= 0 and isinstance(value.type, IntType) and value.type.low < 0:
        return b.prove(value, IntType(0, I64_MAX), Obligation.NOT_NEGATIVE, span)
    return value


def _write_optional(b: Builder, name: str, binding: OptionalScalar, operand: Operand, span: Span) -> None:
    match operand:
        case Static(value=None):
            _clear(b, binding, span)
            return
        case Optional() if not isinstance(operand.value.type, PointerType):
            present, value = operand.present, operand.value
        case Optional() if binding.value.type == I64:
            shapes.retype(b, name, Shape(operand.value.type, optional=True))
        case _ if ops.is_value(operand) and isinstance(operand.type, IntType | BoolType):
            present, value = b.truth(True, span), operand
        case Values() | OptionalValues() if binding.value.type == I64:
            shapes.retype_tuple(b, name, operand if isinstance(operand, Values) else operand.values, optional=True)
        case PendingText(length=length) if length and binding.value.type == I64:
            shapes.retype(b, name, Shape(PointerType(layout.Text(length), Region.STACK), optional=True))
        case _ if ops.is_value(operand) and isinstance(operand.type, PointerType) and binding.value.type == I64:
            # `x = None` came first; now it turns out to be a reference, or text.
            pointer = operand.type
            shapes.retype(b, name, Shape(PointerType(pointer.target, pointer.region, True, pointer.writable)))
        case _ if ops.is_value(operand) and isinstance(operand.type, KernelType) and binding.value.type == I64:
            shapes.retype(b, name, Shape(operand.type))
        case _:
            conflict(b, name, shapes.binding_type(binding), describe(operand), span)
    wanted = _common(b, name, binding.value, value, span)
    if wanted != binding.value.type:
        shapes.retype(b, name, Shape(wanted, optional=True))
    b.set(binding.present, present, span)
    b.set(binding.value, stored(b, value, binding.value.type, span), span)


def _check_kept(b: Builder, name: str, type: PointerType, span: Span) -> None:
    """A diagnostic if `name` could still refer to a reserved event when the event is handed to the ring."""
    if type.region is not Region.RING:
        return
    here = [reservation for reservation in b.reservations if reservation.frame == b.frame.number]
    whole = name.partition("[")[0]
    if here and (whole in here[-1].before or whole == RESULT):
        b.error(map_errors.EventKept(span))


def _write_reference(b: Builder, name: str, binding: Reference, operand: Operand, span: Span) -> None:
    old = binding.local.type
    assert isinstance(old, PointerType)
    if isinstance(operand, Static) and operand.value is None:
        if not old.nullable:
            shapes.retype(b, name, Shape(PointerType(old.target, old.region, True, old.writable)))
        b.set(binding.local, b.emit(ops.Null(old, span)), span)
        return
    if not (ops.is_value(operand) and isinstance(operand.type, PointerType) and operand.type.target == old.target):
        conflict(b, name, describe_type(old), describe(operand), span)
    new = operand.type
    _check_kept(b, name, new, span)
    if new.region != old.region:
        what = f"{describe_type(new)} in {new.region.value} memory"
        conflict(b, name, f"{describe_type(old)} in {old.region.value} memory", what, span)
    if (new.nullable and not old.nullable) or (old.writable and not new.writable):
        shapes.retype(
            b,
            name,
            Shape(PointerType(old.target, old.region, old.nullable or new.nullable, old.writable and new.writable)),
        )
    b.set(binding.local, operand, span)
