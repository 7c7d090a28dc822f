"""Typed memory: reading places, writing them, and laying out keys and structs on the stack."""

from __future__ import annotations

from ipaddress import IPv6Address

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.diagnostics import text as text_errors
from pyebpf.diagnostics import types as errors
from pyebpf.diagnostics.kept import KeptElsewhere
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, BoolType, IntType, PointerType, Region, is_scalar, loaded
from pyebpf.irbuild import copies, kernel_arrays, kernel_structs, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, PendingText, Place, Static, describe, reference
from pyebpf.source import Span


def load(
    b: Builder, address: ops.Value, type: layout.Type, span: Span, bits: int = 0, bit_offset: int = 0
) -> ops.Value:
    """Read a scalar; anything else is its own address, a reference."""
    if not is_scalar(type):
        return address
    register = register_type(type, bits)
    return b.emit(ops.Load(address, register, span, bits, bit_offset))


def register_type(type: layout.Type, bits: int) -> IntType | BoolType:
    """The register type of a scalar, or of a field of so many `bits` of it."""
    register = loaded(type)
    if not bits or isinstance(register, BoolType):
        return register
    if register.signed:
        return IntType(-(1 << bits - 1), (1 << bits - 1) - 1, register.shown_as)
    return IntType(0, (1 << bits) - 1, register.shown_as)


def read(b: Builder, place: Place, span: Span) -> ops.Value:
    return load(b, place.address, place.type, span, place.bits, place.bit_offset)


def store(b: Builder, place: Place, operand: Operand, span: Span) -> None:
    """`place = operand`."""
    pointer = place.address.type
    assert isinstance(pointer, PointerType)
    if not pointer.writable:
        b.error(errors.ReadOnly(place.span, f"`{place.what}`"))
    match place.type:
        case layout.Integer() | layout.Enumeration() | layout.Boolean():
            register = register_type(place.type, place.bits)
            name = f"a field of {place.bits} bit{'s' * (place.bits > 1)}" if place.bits else ""
            value = values.fit(b, operand, register, span, name)
            b.emit(ops.Store(place.address, value, span, place.bits, place.bit_offset))
        case layout.Text():
            _store_text(b, place.address, place.type, operand, span)
        case layout.Address() if pointer.region is Region.CONTEXT:
            _store_words(b, place, operand, span)
        case layout.Struct() | layout.Array() | layout.Address():
            _store_whole(b, place.address, place.type, operand, span, place.slice)


def _store_words(b: Builder, place: Place, operand: Operand, span: Span) -> None:
    """An address into the context, of which the kernel takes four bytes at a time."""
    source = materialize(b, "address", place.type, operand, span)
    for at in range(0, place.type.size, layout.U32.size):
        word = load(b, b.member(source, at, layout.U32, span), layout.U32, span)
        b.emit(ops.Store(b.member(place.address, at, layout.U32, span), word, span))


def _store_text(b: Builder, address: ops.Value, type: layout.Text, operand: Operand, span: Span) -> None:
    operand = kernel_arrays.as_text(b, values.plain(b, operand, span), span)
    match operand:
        case PendingText():
            _write_text(b, address, type, operand, span)
            return
        case Static(value=str()):
            b.emit(ops.StoreBytes(address, literal(b, str(operand.value), type, span).ljust(type.length, b"\0"), span))
            return
        case _ if ops.is_value(operand) and isinstance(operand.type, PointerType):
            source = operand.type.target
            if isinstance(source, layout.Text) and source.length > type.length:
                b.error(text_errors.TextMayNotFit(span, source.length, type.length, span.text))
            if isinstance(source, layout.Text):
                if source.length < type.length:
                    rest = (source.length, type.length - source.length)
                    b.emit(ops.Zero(address, (rest,), span))
                b.emit(ops.Copy(address, operand, source.length, span))
                return
    b.error(errors.WrongType(span, str(type), describe(operand), ""))


def _write_text(b: Builder, address: ops.Value, type: layout.Text, operand: PendingText, span: Span) -> None:
    """Text straight to where it goes, unless it is made from what lies there, or that would be seen after a fault."""
    if operand.length > type.length:
        b.error(text_errors.TextMayNotFit(span, operand.length, type.length, span.text))
    lost = operand.may_fault and kernel_structs.outlives_fault(b, address)
    lost = lost or (isinstance(address.type, PointerType) and address.type.region is Region.ARENA)
    if lost or any(_may_overlap(address, source) for source in operand.sources):
        made = b.scratch("text", type, span)
        operand.write(b, made, type.length)
        b.emit(ops.Copy(address, made, type.length, span))
    else:
        operand.write(b, address, type.length)


def _may_overlap(one: ops.Value, other: ops.Value) -> bool:
    """Whether two addresses may be in the same object."""
    first, second = _root(one), _root(other)
    if isinstance(first, ops.SlotAddress) and isinstance(second, ops.SlotAddress):
        return first.slot is second.slot
    assert isinstance(one.type, PointerType) and isinstance(other.type, PointerType)
    return one.type.region is other.type.region


def _root(address: ops.Value) -> ops.Value:
    while isinstance(address, ops.MemberAddress | ops.ElementAddress):
        address = address.base
    return address


def literal(b: Builder, text: str, type: layout.Text, span: Span) -> bytes:
    """Literal text as bytes, which must fit `type`."""
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > type.length:
        b.error(errors.TextTooLong(span, len(data), type.length))
    if b"\0" in data:
        b.error(errors.WrongType(span, "text without NUL characters", "text with one", ""))
    return data


def _store_whole(b: Builder, address: ops.Value, type: layout.Type, operand: Operand, span: Span, slice: bool) -> None:
    if layout.kept_struct(type):
        b.error(KeptElsewhere(span, layout.kept_struct(type)))
    operand = values.plain(b, operand, span)
    if isinstance(operand, Static) and layout_of_address(operand.value) == type:
        assert isinstance(operand.value, IPv6Address | MacAddress)
        b.emit(ops.StoreBytes(address, operand.value.packed, span))
        return
    if ops.is_value(operand) and isinstance(operand.type, PointerType) and operand.type.target == type:
        copies.check(b, type, span, address, operand)
        b.emit(ops.Copy(address, operand, type.size, span, copies.shared(type, slice)))
        return
    at = kernel_arrays.bytes_of(b, operand, type, span)
    if at is not None:
        kernel_structs.copy_whole(b, address, at, type, span)
        return
    b.error(errors.WrongType(span, values_type(type), describe(operand), ""))


def layout_of_address(value: object) -> layout.Address | None:
    """The layout of a constant address that is longer than a register."""
    return {IPv6Address: layout.IPV6, MacAddress: layout.MAC}.get(type(value))


def values_type(type: layout.Type) -> str:
    return f"{type.kind} {type}" if isinstance(type, layout.Struct) else str(type)


def materialize(b: Builder, name: str, type: layout.Type, operand: Operand, span: Span) -> ops.Value:
    """`operand` as a `type` in memory that helpers can read: a key or value, on the stack."""
    if ops.is_value(operand) and isinstance(operand.type, PointerType):
        pointer = operand.type
        if pointer.target == type and pointer.region is Region.STACK and not pointer.nullable:
            return operand
    address = b.scratch(name, type, span)
    if isinstance(operand, PendingText) and not operand.length:
        b.zero(address, type.size, span)  # bytes behind the text's end are part of a key
    store(b, Place(address, type, name, span), operand, span)
    return address


def hold(b: Builder, operand: Operand, span: Span) -> Operand:
    """`operand` as it is now: what lies in memory is copied, so that writes to where it came from don't change it."""
    if isinstance(operand, PendingText) and (operand.sources or operand.may_fault):
        if operand.length:
            return materialize(b, "held", layout.Text(operand.length), operand, span)
        operand.write(b, b.scratch("touched", layout.Text(1), span), 1)  # as long as its place, but it raises here
    pointer = reference(operand)
    if pointer is None or pointer.nullable:
        return operand
    address = b.scratch("held", pointer.target, span)
    store(b, Place(address, pointer.target, "held", span), operand, span)
    return address


def duplicate(b: Builder, source: ops.Value, type: layout.Type, name: str, span: Span) -> ops.Value:
    """A new object on the stack with the contents of another. Copies of structs are copies all through, those of
    arrays are new lists of what the old ones hold."""
    copies.check(b, type, span, source)
    if b.in_loop:  # in the next round it may be a copy of this very one
        place = Place(b.scratch("held", type, span), type, "held", span)
        b.emit(ops.Copy(place.address, source, type.size, span, copies.shared(type, slice=True)))
        source = place.address
    new = b.slot(name, type, span)
    b.zero(new, type.size, span)
    b.emit(ops.Copy(new, source, type.size, span, copies.shared(type, slice=True)))
    return new


def field_place(b: Builder, base: ops.Value, field: layout.Field, what: str, span: Span) -> Place:
    """The place of a struct's field."""
    address = b.member(base, field.offset, field.type, span)
    return Place(address, field.type, what, span, field.bits, field.bit_offset)


def equal_literal(b: Builder, address: ops.Value, type: layout.Text, text: str, span: Span) -> ops.Value:
    """Whether text in memory equals a literal: its bytes, and the end right after them."""
    data = literal(b, text, type, span)
    if len(data) < type.length:
        data += b"\0"
    return b.emit(ops.EqualBytes(address, data, BOOL, span))


def equal_memory(b: Builder, left: ops.Value, right: ops.Value, size: int, span: Span) -> ops.Value:
    """Whether `size` bytes are equal."""
    result = b.local("equal", BOOL, span)
    b.set(result, b.truth(True, span), span)
    label = ops.Label("compare")
    before = b.assigned
    with b.block() as body:
        for offset in range(size):
            first, second = (_byte(b, base, offset, span) for base in (left, right))
            differ = b.compare("!=", first, second, span)
            with b.block() as unequal:
                b.set(result, b.truth(False, span), span)
                b.emit(ops.Break(label, span))
            b.reachable = True
            b.emit(ops.If(differ, ops.Block(tuple(unequal)), ops.Block(), span))
    b.assigned = before
    b.emit(ops.Scope(label, ops.Block(tuple(body)), span))
    return b.get(result, span)


def _byte(b: Builder, base: ops.Value, offset: int, span: Span) -> ops.Value:
    return b.emit(ops.Load(b.member(base, offset, layout.U8, span), IntType(0, 255), span))


def is_bool(value: ops.Value) -> bool:
    return isinstance(value.type, BoolType)
