"""What the members of kernel structs are, by the BTF in use; each that a probe names is noted for the object."""

from __future__ import annotations

import difflib
from typing import Final, final

from pyebpf import layout
from pyebpf.diagnostics import hooks as errors
from pyebpf.diagnostics.kernel_types import AbsentType
from pyebpf.ir.module import BarePointer, BitField, Embedded, MemberArray, MemberType, Scalar, StructPointer
from pyebpf.ir.types import AddressType, KernelType
from pyebpf.irbuild.builder import Builder
from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kernel.btf_types import MemberAccess
from pyebpf.lang.kernel_types import KernelPointer
from pyebpf.records import dataclass
from pyebpf.source import Span

CHAR: Final = layout.Integer("char", 1)
"""A letter. Whether it is signed says the machine; numbers that matter are declared otherwise."""
LETTERS: Final = ("char", "unsigned char")
"""What pointers to text point to, where no typedef (`u8`, `__u8`) says that it is numbers. Arrays of the latter are."""
BIG_ENDIAN: Final = {"__be16": layout.BE16, "__be32": layout.BE32, "__be64": layout.BE64}
"""Typedefs of numbers in network order."""
NEVER_NEGATIVE: Final = ("pid_t", "__kernel_pid_t")
"""Typedefs of int whose values in the kernel's structs are never negative (process ids)."""
POINTER_BYTES: Final = 8
_DEEPEST: Final = 8
"""Levels of nameless structs, arrays and pointers that are looked into."""


@final
@dataclass(frozen=True, slots=True)
class Reason:
    """Why a type can't be read: what it is, and what would help."""

    what: str
    hint: str = ""


def member(b: Builder, struct: str, name: str, span: Span) -> MemberType:
    """What `struct.name` is; the member is remembered for the object."""
    btf = b.module.btf_of(b, struct, span)
    type_id = struct_id(b, btf, struct, name, span)
    access = btf.member(type_id, name)
    if access is None:
        if b.elsewhere:
            note_struct(b, btf, struct, type_id)
            return _absent(b, struct, name, span)
        b.error(errors.UnknownMember(last_word(span, name), shown(struct), name, nearest(btf, type_id, name)))
    type = classify(b, btf, access.type_id, f"{struct}.{name}")
    if access.bit_size:
        type = _bit_field(type, access)
        first = access.byte_offset * 8 + access.bit_offset
        if first // 64 != (first + access.bit_size - 1) // 64:
            type = Reason("a bit field that goes on beyond 8 bytes")
    if isinstance(type, MemberArray) and not type.length and not _is_last(btf, type_id, access):
        type = Reason("an array without elements")
    if isinstance(type, Reason):
        b.error(errors.MemberType(span, shown(struct), name, type.what, type.hint))
    note_struct(b, btf, struct, type_id)
    b.module.use_member(struct, name, access.byte_offset, type)
    return type


def _is_last(btf: Btf, type_id: int, access: MemberAccess) -> bool:
    """Whether a member is the last one where it stands: an array of no length goes on from there."""
    for step in access.path:
        found = btf.type(btf.resolve(type_id))
        assert isinstance(found, btf_types.Struct)
        type_id, last = found.members[step].type_id, step == len(found.members) - 1
    return last


def _absent(b: Builder, struct: str, name: str, span: Span) -> MemberType:
    """A member that the kernel at hand doesn't have, as the annotation of where it goes declares it."""
    type: MemberType | None = None
    match b.wanted.get(name):
        case KernelPointer(struct=target):
            type = StructPointer(target)
        case layout.Text(length=length):
            type = MemberArray(CHAR, length)
        case layout.Array(element=layout.Integer() | layout.Boolean() as element, length=length):
            type = MemberArray(element, length)
        case layout.Integer() | layout.Boolean() | layout.Enumeration() as scalar:
            type = scalar
    if type is None:
        hint = f"declare what it is: value: u64 = {span.text}"
        b.error(AbsentType(last_word(span, name), name, shown(struct), hint))
    b.module.use_member(struct, name, 0, type)
    if isinstance(type, layout.Integer | layout.Boolean | layout.Enumeration):
        return BitField(type, type.size * 8, 0)  # read as bit fields are: with the size that it has there
    return type


def shown(struct: str) -> str:
    """The struct in messages: a nameless one after the member that it is the type of."""
    return struct.replace(".", "::") if "." in struct else struct


def last_word(span: Span, name: str) -> Span:
    """The member's name at the end of a chain."""
    return Span(span.source, span.end_line, span.end_column - len(name), span.end_line, span.end_column)


def struct_id(b: Builder, btf: Btf, struct: str, name: str, span: Span) -> int:
    """The type id of a struct or union; a diagnostic where the BTF has none."""
    known = b.module.type_ids.get(struct)
    if known is None:
        known = btf.find(struct, Kind.STRUCT) or btf.find(struct, Kind.UNION)
        if known is None:
            hint = f"the kernel's BTF has no struct {struct}"
            b.error(errors.UnknownMember(span, struct, name, hint))
        b.module.type_ids[struct] = known
    return known


def note_struct(b: Builder, btf: Btf, struct: str, type_id: int) -> None:
    """Remember that a struct is used, and how large it is."""
    found = btf.type(btf.resolve(type_id))
    is_union = isinstance(found, btf_types.Struct) and found.is_union
    b.module.type_ids.setdefault(struct, type_id)
    b.module.homes.setdefault(struct, btf)
    b.module.sizes[struct] = (btf.size_of(type_id), is_union)


def is_loadable(b: Builder, struct: str, name: str, span: Span) -> bool:
    """Whether the verifier takes a load of `struct.name` for what it is.

    Of members that lie over each other it takes the first that is large enough (`btf_struct_walk`), and an address has
    other rules than a number: so not where there are addresses in a union on the way.
    """
    known = b.module.loadable.get((struct, name))
    if known is None:
        btf = b.module.btf_of(b, struct, span)
        known = b.module.loadable[struct, name] = _is_loadable(btf, struct_id(b, btf, struct, name, span), name)
    return known


def _is_loadable(btf: Btf, type_id: int, name: str) -> bool:
    access = btf.member(type_id, name)
    if access is None:
        return False
    for step in access.path:
        found = btf.type(btf.resolve(type_id))
        if not isinstance(found, btf_types.Struct):
            return False
        if found.is_union and len(found.members) > 1 and _has_address(btf, type_id, 0):
            return False
        type_id = found.members[step].type_id
    return True


def _has_address(btf: Btf, type_id: int, depth: int) -> bool:
    found = btf.type(btf.resolve(type_id))
    match found:
        case btf_types.Pointer():
            return True
        case btf_types.Array():
            return depth > _DEEPEST or _has_address(btf, found.type_id, depth + 1)
        case btf_types.Struct():
            return depth > _DEEPEST or any(_has_address(btf, each.type_id, depth + 1) for each in found.members)
        case _:
            return False


def nearest(btf: Btf, type_id: int, name: str) -> str:
    """A suggestion instead of a member that isn't there."""
    near = difflib.get_close_matches(name, member_names(btf, type_id), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def member_names(btf: Btf, type_id: int, depth: int = 0) -> list[str]:
    """Names of a struct's members, those of nameless structs in it included."""
    found = btf.type(btf.resolve(type_id))
    names: list[str] = []
    if isinstance(found, btf_types.Struct) and depth < _DEEPEST:
        for each in found.members:
            names += [each.name] if each.name else member_names(btf, each.type_id, depth + 1)
    return names


def size(b: Builder, type: MemberType) -> int:
    """Bytes of a member, by the BTF in use."""
    match type:
        case StructPointer() | BarePointer():
            return POINTER_BYTES
        case Embedded():
            return b.module.sizes[type.struct][0]
        case MemberArray():
            return size(b, type.element) * type.length
        case BitField():
            return type.unit.size
        case _:
            return type.size


def classify(b: Builder, btf: Btf, type_id: int, key: str, depth: int = 0) -> MemberType | Reason:
    """The member type of BTF type `type_id`. `key` names it, should it be a struct without a name."""
    typedef = _typedef_name(btf, type_id)
    resolved = btf.resolve(type_id)
    found = btf.type(resolved)
    match found:
        case btf_types.Int() | btf_types.Enum():
            return scalar(found, typedef)
        case btf_types.Pointer():
            return _pointer(b, btf, found, key, depth)
        case btf_types.Struct():
            name = found.name or key
            note_struct(b, btf, name, resolved)
            return Embedded(name)
        case btf_types.Array() if depth < _DEEPEST:
            element = classify(b, btf, found.type_id, f"{key}[]", depth + 1)
            if isinstance(element, Reason):
                return Reason(f"an array of what is {element.what}", element.hint)
            return MemberArray(element, found.length)
        case btf_types.Float():
            return Reason("a floating-point number", "programs have no registers for those")
        case _:
            return Reason("of a type that isn't described")


def scalar(found: btf_types.Int | btf_types.Enum, typedef: str) -> Scalar | Reason:
    """An integer, an enum or a truth value."""
    if isinstance(found, btf_types.Enum):
        return layout.Enumeration(found.name, _integer(found.size, found.signed), ())
    if found.size not in (1, 2, 4, 8):
        return Reason(f"a number of {found.size} bytes", "cut it in two: cast(…) to a struct with two u64")
    if found.name == "_Bool" and found.size == 1:
        return layout.BOOL
    if found.name == LETTERS[0] and not typedef:
        return CHAR
    network = BIG_ENDIAN.get(typedef)
    if network is not None and network.size == found.size:
        return network
    return _integer(found.size, found.signed and typedef not in NEVER_NEGATIVE)


def _bit_field(type: MemberType | Reason, access: MemberAccess) -> MemberType | Reason:
    if isinstance(type, layout.Integer):
        unit = layout.Integer(f"{'i' if type.signed else 'u'}{type.size * 8}", type.size, type.signed)
        return BitField(unit, access.bit_size, access.bit_offset)
    if isinstance(type, layout.Enumeration | layout.Boolean):
        return BitField(type, access.bit_size, access.bit_offset)
    return type if isinstance(type, Reason) else Reason("a bit field of a strange type")


def _pointer(b: Builder, btf: Btf, pointer: btf_types.Pointer, key: str, depth: int) -> MemberType | Reason:
    tags = _tags(btf, pointer.type_id)
    if "percpu" in tags:
        return Reason("a per-CPU pointer, which points nowhere until a CPU is chosen", "")
    if "user" in tags:
        return BarePointer(AddressType("user"))
    resolved = btf.resolve(pointer.type_id) if pointer.type_id else 0
    found = btf.type(resolved)
    match found:
        case btf_types.Struct() if found.name:
            return StructPointer(found.name)
        case btf_types.Int() | btf_types.Enum():
            typedef = _typedef_name(btf, pointer.type_id)
            target = CHAR if found.name in LETTERS and not typedef else scalar(found, typedef)
            return BarePointer(AddressType("any", None if isinstance(target, Reason) else target))
        case btf_types.Pointer() if depth < _DEEPEST:
            inner = _pointer(b, btf, found, key, depth + 1)
            if isinstance(inner, StructPointer):
                return BarePointer(AddressType("any", KernelType(inner.struct)))
            return BarePointer(AddressType("any", inner.type if isinstance(inner, BarePointer) else None))
        case _:
            return BarePointer(AddressType("any"))


def _tags(btf: Btf, type_id: int) -> set[str]:
    """The tags (`user`, `percpu`, `rcu`) between a pointer and its target. Few compilers write them."""
    tags = set()
    for _ in range(_DEEPEST):
        found = btf.type(type_id)
        if not isinstance(found, btf_types.Modifier | btf_types.Typedef):
            break
        if isinstance(found, btf_types.Modifier) and found.word == "type_tag":
            tags.add(found.name)
        type_id = found.type_id
    return tags


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
