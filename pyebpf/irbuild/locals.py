"""Locals: what holds a name's value, by its type, and how that is read and written."""

from __future__ import annotations

import re

from pyebpf import layout
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Obligation
from pyebpf.ir.types import (
    BOOL,
    I64,
    I64_MAX,
    BoolType,
    IntType,
    KernelType,
    PointerType,
    Region,
    ValueType,
    is_scalar,
    loaded,
)
from pyebpf.irbuild import memory, values
from pyebpf.irbuild.bindings import RESULT, Binding, Fixed, OptionalScalar, Reference, Scalar, Shape, TextLocal
from pyebpf.irbuild.builder import Builder, Retype, storage
from pyebpf.irbuild.operands import (
    Operand,
    Optional,
    PendingText,
    Place,
    Range,
    Static,
    describe,
    describe_type,
    is_text,
    reference,
)
from pyebpf.lang.maps import Map
from pyebpf.source import Span


def read(b: Builder, binding: Binding, span: Span) -> Operand:
    match binding:
        case Scalar() | Reference():
            return b.get(binding.local, span)
        case OptionalScalar():
            return Optional(b.get(binding.present, span), b.get(binding.value, span))
        case TextLocal():
            return text_address(b, binding, span)
        case Fixed():
            return binding.operand


def text_address(b: Builder, binding: TextLocal, span: Span) -> ops.Value:
    return b.emit(ops.SlotAddress(binding.slot, PointerType(binding.slot.type, Region.STACK), span))


def bind(b: Builder, name: str, operand: Operand, span: Span, declared: layout.Type | None) -> Binding:
    """A binding of the type that the first assignment, the annotation, or an earlier attempt asks for."""
    shape = b.retyped.get((b.frame.number, name))
    if isinstance(shape, Shape):
        value = b.local(name, shape.type, span)
        if isinstance(shape.type, PointerType):
            return Reference(value)
        return OptionalScalar(b.local(f"{name}.present", BOOL, span), value) if shape.optional else Scalar(value)
    if declared is not None:
        return _bind_declared(b, name, declared, span)
    match operand:
        case Optional():
            return OptionalScalar(
                b.local(f"{name}.present", BOOL, span), b.local(name, storage(operand.value.type), span)
            )
        case Static(value=None):
            return OptionalScalar(b.local(f"{name}.present", BOOL, span), b.local(name, I64, span))
        case PendingText(length=length) if length:
            return TextLocal(ops.Slot(name, layout.Text(length), span))
        case PendingText():
            b.error(type_errors.TextNeedsPlace(span, operand.source))
        case Static(value=str()):
            b.error(type_errors.TextNeedsPlace(span, repr(operand.value)))
        case Static(value=Map()):
            b.error(map_errors.MapAsValue(span, operand.name))
        case _ if ops.is_value(operand):
            if isinstance(operand.type, PointerType):
                target = operand.type.target
                if isinstance(target, layout.Text) or (
                    isinstance(target, layout.Address) and not operand.type.nullable
                ):
                    return TextLocal(ops.Slot(name, target, span))
                return Reference(b.local(name, operand.type, span))
            return Scalar(b.local(name, storage(operand.type), span))
        case _:
            hint = "for i in range(4):" if isinstance(operand, Range) else ""
            b.error(type_errors.WrongType(span, "a value", describe(operand), hint))


def _bind_declared(b: Builder, name: str, declared: layout.Type, span: Span) -> Binding:
    if is_scalar(declared):
        return Scalar(b.local(name, loaded(declared), span), declared=True)
    if isinstance(declared, layout.Text | layout.Address):
        return TextLocal(ops.Slot(name, declared, span))
    return Reference(b.local(name, PointerType(declared, Region.STACK), span))


def declared_as(binding: Binding, declared: layout.Type) -> bool:
    match binding:
        case Scalar():
            return is_scalar(declared) and loaded(declared) == binding.local.type
        case TextLocal():
            return binding.slot.type == declared
        case Reference():
            return isinstance(binding.local.type, PointerType) and binding.local.type.target == declared
        case _:
            return False


def binding_type(binding: Binding) -> str:
    match binding:
        case Scalar(declared=True) if isinstance(binding.local.type, IntType) and not binding.local.type.shown_as:
            return values.type_name(binding.local.type)
        case Scalar() | Reference():
            return describe_type(binding.local.type)
        case OptionalScalar():
            return f"{describe_type(binding.value.type)} or None"
        case TextLocal():
            return str(binding.slot.type)
        case Fixed():
            return describe(binding.operand)


def write(b: Builder, name: str, binding: Binding, operand: Operand, span: Span) -> None:
    match binding:
        case Scalar():
            _write_scalar(b, name, binding, operand, span)
        case OptionalScalar():
            _write_optional(b, name, binding, operand, span)
        case Reference():
            _write_reference(b, name, binding, operand, span)
        case TextLocal():
            pointer = reference(operand)
            if not (is_text(operand) or (pointer is not None and pointer.target == binding.slot.type)):
                b.error(type_errors.ConflictingTypes(span, name, str(binding.slot.type), describe(operand)))
            place = Place(text_address(b, binding, span), binding.slot.type, name, span)
            memory.store(b, place, operand, span)
        case Fixed():
            b.error(errors.FixedName(target(span, name), name, _fixed_as(binding.operand)))


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


def _retype(b: Builder, name: str, shape: Shape) -> None:
    b.retyped[(b.frame.number, name)] = shape
    raise Retype


def _write_scalar(b: Builder, name: str, binding: Scalar, operand: Operand, span: Span) -> None:
    local = binding.local
    if binding.declared:
        value = values.fit(b, operand, local.type, span)
        b.set(local, value, span)
        return
    missing = isinstance(operand, Optional) or (isinstance(operand, Static) and operand.value is None)
    if missing and isinstance(local.type, IntType | BoolType):
        _retype(b, name, Shape(local.type, optional=True))
    if isinstance(operand, Static) and operand.value is None and isinstance(local.type, KernelType):
        operand = b.emit(ops.Null(local.type, span))
    if not ops.is_value(operand):
        b.error(type_errors.ConflictingTypes(span, name, describe_type(local.type), describe(operand)))
    wanted = _common(b, name, local, operand, span)
    if wanted != local.type:
        _retype(b, name, Shape(wanted))
    b.set(local, stored(b, operand, local.type, span), span)


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
    if type(old) is not type(new) or old != new:
        b.error(type_errors.ConflictingTypes(span, name, describe_type(old), describe_type(new)))
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
            b.set(binding.present, b.truth(False, span), span)
            return
        case Optional():
            present, value = operand.present, operand.value
        case _ if ops.is_value(operand) and isinstance(operand.type, IntType | BoolType):
            present, value = b.truth(True, span), operand
        case _ if ops.is_value(operand) and isinstance(operand.type, PointerType) and binding.value.type == I64:
            # `x = None` came first; now it turns out to be a reference.
            pointer = operand.type
            _retype(b, name, Shape(PointerType(pointer.target, pointer.region, True, pointer.writable)))
            return
        case _ if ops.is_value(operand) and isinstance(operand.type, KernelType) and binding.value.type == I64:
            _retype(b, name, Shape(operand.type))
            return
        case _:
            b.error(type_errors.ConflictingTypes(span, name, binding_type(binding), describe(operand)))
    wanted = _common(b, name, binding.value, value, span)
    if wanted != binding.value.type:
        _retype(b, name, Shape(wanted, optional=True))
    b.set(binding.present, present, span)
    b.set(binding.value, stored(b, value, binding.value.type, span), span)


def _check_kept(b: Builder, name: str, type: PointerType, span: Span) -> None:
    """A diagnostic if `name` could still refer to a reserved event when the event is handed to the ring."""
    if type.region is not Region.RING:
        return
    here = [reservation for reservation in b.reservations if reservation.frame == b.frame.number]
    if here and (name in here[-1].before or name == RESULT):
        b.error(map_errors.EventKept(span))


def _write_reference(b: Builder, name: str, binding: Reference, operand: Operand, span: Span) -> None:
    old = binding.local.type
    assert isinstance(old, PointerType)
    if isinstance(operand, Static) and operand.value is None:
        if not old.nullable:
            _retype(b, name, Shape(PointerType(old.target, old.region, True, old.writable)))
        b.set(binding.local, b.emit(ops.Null(old, span)), span)
        return
    if not (ops.is_value(operand) and isinstance(operand.type, PointerType) and operand.type.target == old.target):
        b.error(type_errors.ConflictingTypes(span, name, describe_type(old), describe(operand)))
    new = operand.type
    _check_kept(b, name, new, span)
    if new.region != old.region:
        what = f"{describe_type(new)} in {new.region.value} memory"
        b.error(type_errors.ConflictingTypes(span, name, f"{describe_type(old)} in {old.region.value} memory", what))
    if (new.nullable and not old.nullable) or (old.writable and not new.writable):
        _retype(
            b,
            name,
            Shape(PointerType(old.target, old.region, old.nullable or new.nullable, old.writable and new.writable)),
        )
    b.set(binding.local, operand, span)
