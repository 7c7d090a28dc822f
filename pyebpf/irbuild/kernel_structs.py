"""Chains through kernel structs: `current_task().real_parent.tgid`, by CO-RE and probe reads.

Each pointer on the way is read with `probe_read_kernel`, whose failure (a null pointer, memory that is gone) is a
fault, unless a table says that it can't happen (`kernel/never_null.py`). A failed read leaves zero, from which the next
read of the chain fails as well: so only the last one is checked. Offsets are those of the BTF in use and are relocated
when the object is loaded on another kernel.
"""

from __future__ import annotations

import difflib

from pyebpf import layout
from pyebpf.diagnostics import hooks as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Embedded, Fault, IntegerArray, MemberType, StructPointer
from pyebpf.ir.types import AddressType, IntType, KernelType, PointerType, Region, loaded
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import KernelInteger, Operand, PendingText
from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.never_null import CURRENT, NEVER_NULL
from pyebpf.source import Span

STATUS = IntType(-4095, 0)
NEVER_NEGATIVE = ("pid_t", "__kernel_pid_t")
"""Typedefs of int whose values in the kernel's structs are never negative (process ids)."""


def read_member(
    b: Builder, base: ops.Value, struct: str, name: str, span: Span, chained: bool, pending: bool
) -> Operand | KernelInteger:
    """`base.name`, where `base` is the address of a kernel `struct`.

    `chained`: a member of the result is read next. `pending`: an integer may be left for its place to read.
    """
    type = member_type(b, struct, name, span)
    kernel = AddressType("kernel")
    match type:
        case layout.Integer():
            address = _field(b, base, struct, name, kernel, span)
            return KernelInteger(address, type, span) if pending else read_integer(b, address, type, span)
        case StructPointer():
            address = _field(b, base, struct, name, kernel, span)
            target = KernelType(type.struct) if type.struct else kernel
            place = _probe_read(b, address, layout.U64, span, checked=not chained)
            pointer = b.emit(ops.Load(place, target, span))
            if (struct, name) in NEVER_NULL and _is_surely_there(b, base):
                b.surely_there.add(pointer)
            return pointer
        case Embedded():
            return _field(b, base, struct, name, KernelType(type.struct), span)
        case IntegerArray():
            address = _field(b, base, struct, name, kernel, span)
            if type.element.size != 1:
                b.error(errors.MemberType(span, struct, name, "an array of integers"))
            return kernel_text(address, type.length, span)


def _field(
    b: Builder, base: ops.Value, struct: str, name: str, type: AddressType | KernelType, span: Span
) -> ops.KernelField:
    return b.emit(ops.KernelField(base, struct, name, type, span))


def read_integer(b: Builder, address: ops.Value, type: layout.Integer, span: Span) -> ops.Value:
    """An integer in kernel memory, as a value."""
    return b.emit(ops.Load(_probe_read(b, address, type, span), loaded(type), span))


def read_into(b: Builder, place: ops.Value, found: KernelInteger) -> None:
    """Copy an integer from kernel memory to `place`, which has its size; a fault if that fails."""
    arguments = (place, b.const(found.type.size, found.span), found.address)
    status = b.call("probe_read_kernel", arguments, STATUS, found.span, writes=found.type.size)
    if not _is_member_surely_there(b, found.address):
        b.check(b.compare("==", status, b.const(0, found.span), found.span), Fault.NULL_POINTER, found.span)


def _probe_read(
    b: Builder, address: ops.Value, type: layout.Integer, span: Span, checked: bool = True
) -> ops.SlotAddress:
    """Copy an integer from kernel memory to the stack; a fault if that fails. It leaves zero then."""
    place = b.scratch("read", type, span)
    arguments = (place, b.const(type.size, span), address)
    status = b.call("probe_read_kernel", arguments, STATUS, span, writes=type.size)
    if checked and not _is_member_surely_there(b, address):
        b.check(b.compare("==", status, b.const(0, span), span), Fault.NULL_POINTER, span)
    return place


def _is_surely_there(b: Builder, struct: ops.Value) -> bool:
    """Whether `struct` is the address of one in use, so that reading it can't fail."""
    return struct in b.surely_there or (isinstance(struct, ops.Call) and struct.helper in CURRENT)


def _is_member_surely_there(b: Builder, address: ops.Value) -> bool:
    return isinstance(address, ops.KernelField) and _is_surely_there(b, address.base)


def kernel_text(address: ops.Value, length: int, span: Span) -> PendingText:
    """Text in kernel memory, copied to wherever it goes."""

    def write(b: Builder, destination: ops.Value, size: int) -> None:
        status = b.read_text("kernel", destination, size, address, span)
        b.check(b.compare(">=", status, b.const(0, span), span), Fault.NULL_POINTER, span)

    return PendingText(write, length, span.text)


def context_member(b: Builder, struct: str, name: str, type: layout.Integer, span: Span) -> ops.Value:
    """A field of a tracepoint's record, by a relocated direct load."""
    context = b.emit(ops.ContextPointer(PointerType(layout.U8, Region.CONTEXT, writable=False), span))
    btf = b.module.btf(b, span)
    type_id = _struct_id(b, btf, struct, name, span)
    access = btf.member(type_id, name)
    assert access is not None
    b.module.use_member(struct, btf.size_of(type_id), False, name, access.byte_offset, type)
    address = b.emit(ops.KernelField(context, struct, name, PointerType(type, Region.CONTEXT, writable=False), span))
    return b.emit(ops.Load(address, loaded(type), span))


def member_type(b: Builder, struct: str, name: str, span: Span) -> MemberType:
    """What `struct.name` is, according to the BTF in use; the member is remembered for the object."""
    btf = b.module.btf(b, span)
    type_id = _struct_id(b, btf, struct, name, span)
    found = btf.type(type_id)
    access = btf.member(type_id, name)
    if access is None:
        word = Span(span.source, span.end_line, span.end_column - len(name), span.end_line, span.end_column)
        b.error(errors.UnknownMember(word, struct, name, _nearest(btf, type_id, name)))
    if access.bit_size:
        b.error(errors.MemberType(span, struct, name, "a bit field"))
    type = _classify(btf, access.type_id)
    if isinstance(type, str):
        b.error(errors.MemberType(span, struct, name, type))
    is_union = isinstance(found, btf_types.Struct) and found.is_union
    b.module.use_member(struct, btf.size_of(type_id), is_union, name, access.byte_offset, type)
    for other in (type,):
        if isinstance(other, Embedded):
            inner = _struct_id(b, btf, other.struct, name, span)
            b.module.sizes.setdefault(other.struct, (btf.size_of(inner), False))
    return type


def _struct_id(b: Builder, btf: Btf, struct: str, name: str, span: Span) -> int:
    type_id = btf.find(struct, Kind.STRUCT) or btf.find(struct, Kind.UNION)
    if type_id is None:
        b.error(errors.UnknownMember(span, struct, name, f"the kernel's BTF has no struct {struct}"))
    return type_id


def _nearest(btf: Btf, type_id: int, name: str) -> str:
    near = difflib.get_close_matches(name, _member_names(btf, type_id, 0), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def _member_names(btf: Btf, type_id: int, depth: int) -> list[str]:
    found = btf.type(btf.resolve(type_id))
    names: list[str] = []
    if isinstance(found, btf_types.Struct) and depth < 8:
        for member in found.members:
            names += [member.name] if member.name else _member_names(btf, member.type_id, depth + 1)
    return names


def _classify(btf: Btf, type_id: int) -> MemberType | str:
    """The member type of BTF type `type_id`, or what it is that can't be read."""
    typedef = _typedef_name(btf, type_id)
    found = btf.type(btf.resolve(type_id))
    match found:
        case btf_types.Int(size=1 | 2 | 4 | 8):
            signed = found.signed and typedef not in NEVER_NEGATIVE
            return _integer(found.size, signed)
        case btf_types.Enum(size=1 | 2 | 4 | 8):
            return _integer(found.size, found.signed)
        case btf_types.Pointer():
            target = btf.type(btf.resolve(found.type_id))
            return StructPointer(target.name if isinstance(target, btf_types.Struct) else "")
        case btf_types.Struct() if found.name:
            return Embedded(found.name)
        case btf_types.Struct():
            return "a nameless struct"
        case btf_types.Array():
            element = btf.type(btf.resolve(found.type_id))
            if isinstance(element, btf_types.Int) and found.length:
                return IntegerArray(_integer(element.size, element.signed), found.length)
            return "an array"
        case _:
            return "of a kind"


def _typedef_name(btf: Btf, type_id: int) -> str:
    for _ in range(16):
        found = btf.type(type_id)
        if isinstance(found, btf_types.Typedef):
            return found.name
        if not isinstance(found, btf_types.Modifier):
            break
        type_id = found.type_id
    return ""


def _integer(size: int, signed: bool) -> layout.Integer:
    return layout.Integer(f"{'i' if signed else 'u'}{size * 8}", size, signed)
