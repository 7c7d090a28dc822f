"""From operands to values: numbers, truth, and what must fit where."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import data as data_errors
from pyebpf.diagnostics import types as errors
from pyebpf.diagnostics.ksyms import NeedsCpu
from pyebpf.encode import encode
from pyebpf.ir import ops
from pyebpf.ir.module import Obligation
from pyebpf.ir.types import BOOL, I64_MAX, BoolType, IntType, KernelType, PointerType, Region, ValueType, meeting
from pyebpf.irbuild.builder import Abandon, Builder, is_address
from pyebpf.irbuild.operands import (
    Operand,
    Optional,
    OptionalValues,
    PendingText,
    Static,
    Values,
    describe,
    describe_type,
    is_text,
)
from pyebpf.lang.ksyms import Ksym
from pyebpf.source import Span


def abandoned() -> Abandon:
    """Give up on a statement whose mistake was reported before."""
    return Abandon()


def plain(b: Builder, operand: Operand, span: Span) -> Operand:
    """`operand`, where None is out of place: an optional must be proven to be there."""
    if isinstance(operand, Optional):
        b.emit(ops.Prove(operand.present, BOOL, Obligation.NOT_NONE, span))
        return operand.value
    if isinstance(operand, OptionalValues):
        b.emit(ops.Prove(operand.present, BOOL, Obligation.NOT_NONE, span))
        return operand.values
    if ops.is_value(operand) and isinstance(operand.type, PointerType) and operand.type.nullable:
        pointer = operand.type
        there = PointerType(pointer.target, pointer.region, False, pointer.writable)
        return b.emit(ops.Prove(operand, there, Obligation.NOT_NONE, span))
    if isinstance(operand, Static) and isinstance(operand.value, Ksym):
        b.error(NeedsCpu(span, operand.value.name))
    return in_memory(b, operand, span)


def shape_of(operand: Operand) -> layout.Struct | None:
    """The struct or union that a Python object is an instance of, if `operand` is one known at compile time."""
    if not isinstance(operand, Static) or isinstance(operand.value, type):
        return None
    found = getattr(type(operand.value), "__layout__", None)
    return found if isinstance(found, layout.Struct) else None


def in_memory(b: Builder, operand: Operand, span: Span) -> Operand:
    """`operand`; an instance of a struct that the module made, in memory, where it can be read only."""
    shape = shape_of(operand)
    if shape is None or not isinstance(operand, Static):
        return operand
    try:
        data = encode(shape, operand.value, operand.name, b.module.order)
    except (TypeError, ValueError, OverflowError) as error:
        b.error(data_errors.BadConstant(span, operand.name, f"{shape.kind} {shape.name}", str(error)))
    slot = b.constants.setdefault((shape, data), ops.Slot(operand.name, shape, span))
    address = b.emit(ops.SlotAddress(slot, PointerType(shape, Region.STACK), span))
    b.emit(ops.StoreBytes(address, data, span))
    return b.emit(ops.MemberAddress(address, 0, PointerType(shape, Region.STACK, writable=False), span))


def number(b: Builder, operand: Operand, span: Span, hint: str = "") -> ops.Value:
    """`operand` as an integer value; True and False are 1 and 0, as in Python."""
    operand = plain(b, operand, span)
    if ops.is_value(operand):
        if isinstance(operand.type, IntType):
            return operand
        if isinstance(operand, ops.Const) and isinstance(operand.type, BoolType):
            return b.const(operand.value, span)
        if isinstance(operand.type, BoolType):
            return b.emit(ops.Convert(operand, layout.U8, IntType(0, 1), span))
    b.error(errors.WrongType(span, "an integer", describe(operand), hint or as_number(operand, span)))


def as_number(operand: Operand, span: Span) -> str:
    """What to write where an address is to be a number, if it is one that programs may have as such."""
    return f"u64({span.text})" if ops.is_value(operand) and isinstance(operand.type, KernelType) else ""


def is_number(operand: Operand) -> bool:
    """Whether `number` takes it."""
    if isinstance(operand, Optional):
        return is_number(operand.value)
    return ops.is_value(operand) and isinstance(operand.type, IntType | BoolType)


def truth(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """Whether `operand` counts as true: not zero, not None, not empty text."""
    match operand:
        case Optional():
            inner = truth(b, operand.value, span)
            result = b.local("truth", inner.type, span)
            b.set(result, b.truth(False, span), span)
            b.if_(operand.present, lambda: b.set(result, truth(b, operand.value, span), span), None, span)
            return b.get(result, span)
        case Static(value=None):
            return b.truth(False, span)
        case Static(value=str()):
            return b.truth(bool(operand.value), span)
        case Values():
            return b.truth(bool(operand.items), span)
        case OptionalValues():
            return operand.present if operand.values.items else b.truth(False, span)
        case PendingText():
            text = layout.Text(operand.length or 2)
            address = b.scratch("text", text, span)
            operand.write(b, address, text.length)
            return _value_truth(b, address, span)
        case _ if ops.is_value(operand):
            return _value_truth(b, operand, span)
        case _:
            b.error(errors.WrongType(span, "a condition", describe(operand), ""))


def _value_truth(b: Builder, value: ops.Value, span: Span) -> ops.Value:
    type = value.type
    if isinstance(type, BoolType):
        return value
    if isinstance(type, IntType):
        return b.compare("!=", value, b.const(0, span), span)
    if is_address(type):
        return b.present(value, span)
    if isinstance(type, PointerType) and type.nullable:
        return b.present(value, span)
    if isinstance(type, PointerType) and isinstance(type.target, layout.Text):
        first = b.member(value, 0, layout.U8, span)
        loaded = b.emit(ops.Load(first, IntType(0, 255), span))
        return b.compare("!=", loaded, b.const(0, span), span)
    if isinstance(type, PointerType):
        return b.truth(True, span)
    b.error(errors.WrongType(span, "a condition", describe_type(type), ""))


def fit(b: Builder, operand: Operand, type: ValueType, span: Span, name: str = "") -> ops.Value:
    """`operand` as a value of exactly the register type `type` (of a declared local, field, key or result).

    `name` is what messages call the type.
    """
    operand = plain(b, operand, span)
    if isinstance(type, BoolType):
        if ops.is_value(operand) and isinstance(operand.type, BoolType):
            return operand
        hint = f"{span.text} != 0" if is_number(operand) else ""
        b.error(errors.WrongType(span, "bool", describe(operand), hint))
    if isinstance(type, IntType):
        if not is_number(operand):
            expected = str(type.shown_as) if type.shown_as else "an integer"
            hint = as_number(operand, span) if type.high == layout.U64.maximum else ""
            b.error(errors.WrongType(span, expected, describe(operand), hint))
        return fit_integer(b, number(b, operand, span), type, span, name)
    if ops.is_value(operand) and operand.type == type:
        return operand
    b.error(errors.WrongType(span, describe_type(type), describe(operand), ""))


def fit_integer(b: Builder, value: ops.Value, type: IntType, span: Span, name: str = "") -> ops.Value:
    """An integer into the range of `type`: constants are checked now, the rest is left to proof."""
    assert isinstance(value.type, IntType)
    if isinstance(value, ops.Const) and not type.low <= value.value <= type.high:
        b.error(errors.OutOfRange(span, value.value, name or type_name(type), type.low, type.high))
    if value.type.low < 0 <= type.low and value.type.high <= type.high:
        return b.prove(value, IntType(0, min(type.high, I64_MAX)), Obligation.NOT_NEGATIVE, span)
    return b.prove(value, type, Obligation.FITS, span)


def type_name(type: IntType) -> str:
    """The language's name for an integer range."""
    for known in (layout.U8, layout.U16, layout.U32, layout.U64, layout.I8, layout.I16, layout.I32, layout.I64):
        if (known.minimum, known.maximum) == (type.low, type.high):
            return known.name
    return str(type)


def join(b: Builder, left: Operand, right: Operand, span: Span) -> ValueType:
    """The type of a local that holds either of two values."""
    if ops.is_value(left) and ops.is_value(right):
        a, c = left.type, right.type
        if isinstance(a, KernelType) and isinstance(c, KernelType) and a.struct == c.struct:
            return meeting(a, c)
        if a == c:
            return a
        if isinstance(a, IntType | BoolType) and isinstance(c, IntType | BoolType):
            return joined(a, c)
        if isinstance(a, PointerType) and isinstance(c, PointerType) and (a.target, a.region) == (c.target, c.region):
            return PointerType(a.target, a.region, a.nullable or c.nullable, a.writable and c.writable)
    kinds = (is_text(left) or isinstance(left, PendingText), is_text(right) or isinstance(right, PendingText))
    hint = "choose between texts with an if statement" if any(kinds) else ""
    b.error(errors.WrongType(span, f"{describe(left)} on both sides", describe(right), hint))


def joined(a: IntType | BoolType, c: IntType | BoolType) -> IntType:
    """The integers that either of two types has."""
    first = IntType(0, 1) if isinstance(a, BoolType) else a
    second = IntType(0, 1) if isinstance(c, BoolType) else c
    low, high = min(first.low, second.low), max(first.high, second.high)
    if low < 0 and high > I64_MAX:
        low = 0  # the signed one has to prove that it isn't negative
    shown = first.shown_as if first.shown_as == second.shown_as else None
    return IntType(low, high, shown)


BYTE = IntType(0, 255)
