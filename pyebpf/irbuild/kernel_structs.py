"""Chains through kernel structs: `current_task().real_parent.tgid`, relocated for the kernel that they run on (CO-RE).

Where the verifier knows what a pointer points to, members are loaded directly; a pointer that may be null is checked
before it is followed. Everything else is read with `probe_read_kernel`, whose failure (a null pointer, memory that is
gone) is a fault, unless a table says that it can't happen (`kernel/never_null.py`). A failed read leaves zero, from
which the next read of the chain fails as well: so only the last one is checked. Where the kernel has memory at address
0 each pointer is tested before it is followed.
"""

from __future__ import annotations

from typing import TypeAlias

from pyebpf import layout
from pyebpf.diagnostics.kernel_types import NamelessKept
from pyebpf.ir import ops
from pyebpf.ir.module import BarePointer, BitField, Embedded, Fault, MemberArray, Scalar, StructPointer
from pyebpf.ir.types import (
    I64,
    U64,
    AddressType,
    BoolType,
    IntType,
    KernelType,
    PointerType,
    Region,
    loaded,
)
from pyebpf.irbuild import kernel_types, trusted
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import KernelArray, KernelInteger, KernelPlace, Operand, PendingText
from pyebpf.kernel.never_null import CURRENT, KNOWN, NEVER_NULL
from pyebpf.source import Span

STATUS = IntType(-4095, 0)
KERNEL = AddressType("kernel")
SHIFT = IntType(0, 63)
LARGEST_UNIT = 8
"""Bytes that a bit field is read with at most."""
Found: TypeAlias = Operand | KernelInteger


def read_member(b: Builder, base: ops.Value, struct: str, name: str, span: Span, chained: bool, pending: bool) -> Found:
    """`base.name`, where `base` is the address of a kernel `struct`.

    `chained`: a member of the result is read next. `pending`: an integer may be left for its place to read.
    """
    return read(b, place_of(b, base, struct, name, span), chained, pending)


def place_of(b: Builder, base: ops.Value, struct: str, name: str, span: Span) -> KernelPlace:
    """Where `base.name` is. Structs that are embedded in others are gone through from the outermost one."""
    type = kernel_types.member(b, struct, name, span)
    if isinstance(base, ops.KernelField) and isinstance(base.type, KernelType):
        direct = base.type.direct and kernel_types.is_loadable(b, struct, name, span)
        return KernelPlace(base.base, base.struct, (*base.path, name), type, direct, span)
    if "." in struct:
        b.error(NamelessKept(span, kernel_types.shown(struct)))
    known = base.type if isinstance(base.type, KernelType) else KernelType(struct)
    direct = known.direct and kernel_types.is_loadable(b, struct, name, span)
    if (known.direct or known.mixed) and not _is_surely_there(b, base):
        b.check(b.present(base, span), Fault.NULL_POINTER, span)
    return KernelPlace(base, struct, (name,), type, direct, span)


def read(b: Builder, place: KernelPlace, chained: bool = False, pending: bool = False) -> Found:
    """What is at `place`."""
    type, span = place.type, place.span
    match type:
        case BitField():
            return _read_bits(b, place, type)
        case StructPointer():
            pointer = _read_pointer(b, place, KernelType(type.struct, place.direct), chained)
            if _is_never_null(place) and _is_surely_there(b, place.base):
                b.surely_there.add(pointer)
            return pointer
        case BarePointer():
            return _read_pointer(b, place, type.type, chained)
        case Embedded():
            return address(b, place, KernelType(type.struct, place.direct))
        case MemberArray(element=element) if element == kernel_types.CHAR:
            array = KernelArray(place, element, type.length)
            return _pending(address(b, place), type.length, span, array)
        case MemberArray():
            return KernelArray(place, type.element, type.length)
        case _:
            return _read_scalar(b, place, type, pending)


def address(b: Builder, place: KernelPlace, type: AddressType | KernelType = KERNEL) -> ops.Value:
    """The address of `place`."""
    if not place.path:
        return b.emit(ops.KernelAddress(place.base, b.const(0, place.span), type, place.span))
    return b.emit(ops.KernelField(place.base, place.struct, place.path, type, place.span))


def _read_scalar(b: Builder, place: KernelPlace, type: Scalar, pending: bool) -> ops.Value | KernelInteger:
    number = type.base if isinstance(type, layout.Enumeration) else type
    if place.direct:
        return _load(b, place, number, loaded(number))
    at = address(b, place)
    if pending and isinstance(number, layout.Integer):
        return KernelInteger(at, number, place.span)
    return read_number(b, at, number, place.span)


def _load(
    b: Builder, place: KernelPlace, type: layout.Type, register: IntType | BoolType | KernelType | AddressType
) -> ops.Load:
    """A load that the verifier checks."""
    target = PointerType(type, Region.KERNEL, writable=False)
    at = b.emit(ops.KernelField(place.base, place.struct, place.path, target, place.span))
    return b.emit(ops.Load(at, register, place.span))


def _read_pointer(b: Builder, place: KernelPlace, type: KernelType | AddressType, chained: bool) -> ops.Value:
    if place.direct:
        return _load(b, place, layout.U64, type)
    found = _probe_read(b, address(b, place), layout.U64, place.span, checked=not chained)
    return b.emit(ops.Load(found, type, place.span))


def read_number(b: Builder, at: ops.Value, type: layout.Integer | layout.Boolean, span: Span) -> ops.Value:
    """A number in kernel memory, as a value."""
    return b.emit(ops.Load(_probe_read(b, at, type, span), loaded(type), span))


def read_into(b: Builder, place: ops.Value, found: KernelInteger) -> None:
    """Copy an integer from kernel memory to `place`, which has its size; a fault if that fails."""
    copy_whole(b, place, found.address, found.type, found.span)


def outlives_fault(b: Builder, place: ops.Value) -> bool:
    """Whether what is at `place` is still seen after a fault: by a handler, or as others share it."""
    pointer = place.type
    assert isinstance(pointer, PointerType)
    return bool(b.handlers) or pointer.region not in (Region.STACK, Region.RING)


def copy_whole(b: Builder, place: ops.Value, at: ops.Value, type: layout.Type, span: Span) -> None:
    """Copy a `type` from kernel memory to `place`, which stays as it was if that is a fault, wherever that is seen."""
    made = b.scratch("copied", type, span) if outlives_fault(b, place) else place
    copy_bytes(b, made, at, type.size, span)
    if made is not place:
        b.emit(ops.Copy(place, made, type.size, span))


def copy_bytes(b: Builder, place: ops.Value, at: ops.Value, size: int, span: Span, checked: bool = True) -> None:
    """Copy from kernel memory; a fault if that fails."""
    refuse_null(b, at, span)
    status = b.call("probe_read_kernel", (place, b.const(size, span), at), STATUS, span, writes=size)
    if checked and not _is_member_surely_there(b, at):
        b.check(b.compare("==", status, b.const(0, span), span), Fault.NULL_POINTER, span)


def _probe_read(
    b: Builder, at: ops.Value, type: layout.Integer | layout.Boolean, span: Span, checked: bool = True
) -> ops.SlotAddress:
    """Copy a number from kernel memory to the stack; a fault if that fails. It leaves zero then."""
    place = b.scratch("read", type, span)
    copy_bytes(b, place, at, type.size, span, checked)
    return place


def _read_bits(b: Builder, place: KernelPlace, type: BitField) -> ops.Value:
    """A bit field: the bytes around it, as many as it takes there, shifted up until nothing is above it, and down."""
    span = place.span
    unit = type.unit.base if isinstance(type.unit, layout.Enumeration) else type.unit
    size, first = _extent(type)
    above = type.bit_offset if b.module.btf(b, span).big_endian else 64 - type.bits - first

    def fact(question: ops.KernelQuestion, here: int, range: IntType) -> ops.Value:
        return b.emit(ops.KernelFact(question, place.struct, place.path, here, range, span))

    held = b.scratch("bits", layout.U64, span)
    b.zero(held, held.type.target.size, span)
    bytes_ = fact("member size", size, IntType(1, LARGEST_UNIT))
    start = fact("member offset", offset(b, place), IntType(0, (1 << 16) - 1))
    at = b.emit(ops.KernelAddress(place.base, start, KERNEL, span))
    refuse_null(b, at, span)
    status = b.call("probe_read_kernel", (held, bytes_, at), STATUS, span)
    if not _is_surely_there(b, place.base):
        b.check(b.compare("==", status, b.const(0, span), span), Fault.NULL_POINTER, span)
    raw = b.emit(ops.Load(held, U64, span))
    up: ops.Value = b.emit(ops.Binary("<<", raw, fact("left shift", above, SHIFT), U64, span))
    down = fact("right shift", 64 - type.bits, SHIFT)
    if isinstance(unit, layout.Integer) and unit.signed:
        up = b.emit(ops.Convert(up, layout.I64, I64, span))
        found = b.emit(ops.Binary(">>", up, down, I64, span))
        return b.emit(ops.Convert(found, unit, IntType(unit.minimum, unit.maximum), span))
    most = (1 << type.bits) - 1
    whole = b.emit(ops.Binary(">>", up, down, U64, span))
    number = b.emit(ops.Binary("&", whole, b.const(most, span), IntType(0, most), span))
    return b.compare("!=", number, b.const(0, span), span) if isinstance(unit, layout.Boolean) else number


def _extent(type: BitField) -> tuple[int, int]:
    """Bytes to read, and the bit in them where the field begins: more than its unit where it goes beyond that."""
    size = type.unit.size
    while type.bit_offset + type.bits > size * 8 and size < LARGEST_UNIT:
        size *= 2
    return size, type.bit_offset


def offset(b: Builder, place: KernelPlace) -> int:
    """The offset of `place` in the BTF in use."""
    found, struct = 0, place.struct
    type: object = None
    for step in place.path:
        if isinstance(step, int):
            assert isinstance(type, MemberArray)
            found, type = found + step * kernel_types.size(b, type.element), type.element
        else:
            member = b.module.members[struct][step]
            found, type = found + member.offset, member.type
        if isinstance(type, Embedded):
            struct = type.struct
    return found


def _is_never_null(place: KernelPlace) -> bool:
    """Whether the pointer there is never null, which the verifier must agree to where it knows types."""
    if not place.path or (place.struct, place.path[-1]) not in NEVER_NULL:
        return False
    return not place.direct or place.path[-1] in KNOWN


def _is_surely_there(b: Builder, struct: ops.Value) -> bool:
    """Whether `struct` is the address of one in use, so that reading it can't fail."""
    return struct in b.surely_there or (isinstance(struct, ops.Call) and struct.helper in CURRENT)


def refuse_null(b: Builder, at: ops.Value, span: Span) -> None:
    """A fault if what `at` lies in is at address 0, where the kernel may have memory; elsewhere the read fails."""
    if not b.module.reads_null:
        return
    while isinstance(at, ops.KernelField | ops.KernelAddress):
        at = at.base
    if not _is_surely_there(b, at):
        b.check(is_set(b, at, span), Fault.NULL_POINTER, span)


def is_set(b: Builder, address: ops.Value, span: Span) -> ops.Value:
    """Whether an address in kernel memory isn't null."""
    number = isinstance(address.type, IntType)
    return b.compare("!=", address, b.const(0, span), span) if number else b.present(address, span)


def _is_member_surely_there(b: Builder, at: ops.Value) -> bool:
    return isinstance(at, ops.KernelField) and _is_surely_there(b, at.base)


def address_number(b: Builder, pointer: ops.Value, span: Span) -> ops.Value:
    """The address as a number. With what the verifier knows to be a pointer it lets nobody compute, so the kernel
    copies that: what a helper has written are numbers."""
    pointer = trusted.as_address(b, pointer)
    held = b.scratch("address", layout.U64, span)
    b.emit(ops.Store(held, pointer, span))
    if isinstance(pointer.type, KernelType) and (pointer.type.direct or pointer.type.mixed):
        copied = b.scratch("number", layout.U64, span)
        b.call("probe_read_kernel", (copied, b.const(8, span), held), STATUS, span, writes=8)
        held = copied
    return b.emit(ops.Load(held, U64, span))


# Text and arrays


def kernel_text(at: ops.Value, length: int, span: Span) -> PendingText:
    """Text in kernel memory, copied to wherever it goes. `length` is 0 where only its NUL ends it."""
    return _pending(at, length, span)


def _pending(at: ops.Value, length: int, span: Span, array: KernelArray | None = None) -> PendingText:
    def write(b: Builder, destination: ops.Value, size: int) -> None:
        refuse_null(b, at, span)
        status = b.read_text("kernel", destination, size, at, span, min(size, length + 1) if length else size)
        b.check(b.compare(">=", status, b.const(0, span), span), Fault.NULL_POINTER, span)

    return PendingText(write, length, span.text, array=array, may_fault=True)


def element(b: Builder, array: KernelArray, index: ops.Value, span: Span) -> KernelPlace:
    """Where the element is. `index` isn't negative, and checked where it isn't constant."""
    place = array.place
    if isinstance(index, ops.Const) and place.path:
        direct = place.direct and array.length > 0
        return KernelPlace(place.base, place.struct, (*place.path, index.value), array.element, direct, span)
    if isinstance(array.element, Embedded) and "." in array.element.struct:
        b.error(NamelessKept(span, kernel_types.shown(array.element.struct)))
    step: ops.Value = b.const(kernel_types.size(b, array.element), span)
    if isinstance(array.element, Embedded):
        here = b.module.sizes[array.element.struct][0]
        step = b.emit(ops.KernelFact("type size", array.element.struct, (), here, IntType(0, (1 << 24) - 1), span))
    assert isinstance(index.type, IntType)
    if isinstance(index, ops.Const) and isinstance(step, ops.Const):
        offset: ops.Value = b.const(index.value * step.value, span)
    else:
        assert isinstance(step.type, IntType)
        most = min(index.type.high * step.type.high, (1 << 62) - 1)
        offset = b.emit(ops.Binary("*", index, step, IntType(0, most), span))
    at = b.emit(ops.KernelAddress(address(b, place), offset, KERNEL, span))
    return KernelPlace(at, "", (), array.element, False, span)


def pointed(pointer: ops.Value, span: Span) -> KernelArray | None:
    """What `pointer[i]` are elements of: a pointer to numbers or pointers as an array without an end."""
    type = pointer.type
    match type.target if isinstance(type, AddressType) and type.space != "user" else None:
        case layout.Integer() | layout.Boolean() | layout.Enumeration() as scalar:
            return KernelArray(KernelPlace(pointer, "", (), MemberArray(scalar, 0), False, span), scalar, 0)
        case KernelType(struct=struct):
            target: StructPointer | BarePointer = StructPointer(struct)
        case AddressType() as inner:
            target = BarePointer(inner)
        case _:
            return None
    return KernelArray(KernelPlace(pointer, "", (), MemberArray(target, 0), False, span), target, 0)


# Contexts


def context_member(b: Builder, struct: str, name: str, type: layout.Integer, span: Span) -> ops.Value:
    """A field of a tracepoint's record, by a relocated direct load."""
    context = b.emit(ops.ContextPointer(PointerType(layout.U8, Region.CONTEXT, writable=False), span))
    btf = b.module.btf_of(b, struct, span)
    type_id = kernel_types.struct_id(b, btf, struct, name, span)
    access = btf.member(type_id, name)
    assert access is not None
    kernel_types.note_struct(b, btf, struct, type_id)
    b.module.use_member(struct, name, access.byte_offset, type)
    pointer = PointerType(type, Region.CONTEXT, writable=False)
    at = b.emit(ops.KernelField(context, struct, (name,), pointer, span))
    return b.emit(ops.Load(at, loaded(type), span))
