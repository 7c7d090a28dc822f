"""What is asked of the kernel that a program is loaded on, and pointers taken for what they are not declared as.

hasattr(task, "__state")   sizeof("struct task_struct")   kernel.enum("TCP_ESTABLISHED")
cast(sk, "struct tcp_sock")   container_of(entry, "struct task_struct", "tasks")
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from types import ModuleType
from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import kernel_types as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import BarePointer, Embedded, KernelEnum, MemberArray, MemberType
from pyebpf.ir.types import AddressType, IntType, KernelType
from pyebpf.irbuild import kernel_types, ksyms, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.kernel_structs import offset, place_of
from pyebpf.irbuild.operands import KernelArray, KernelPlace, Operand, Optional, PendingText, Static, describe
from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.lang.kernel_types import KernelPointer, struct_name
from pyebpf.lang.types import layout_or_none
from pyebpf.source import Span

Argument = tuple[Operand, Span]
SIZE: Final = IntType(0, (1 << 31) - 1)
TRUTH: Final = IntType(0, 1)
EXAMPLES: Final = {
    "cast": 'cast(sk, "struct tcp_sock")',
    "container_of": 'container_of(entry, "struct task_struct", "tasks")',
    "hasattr": 'hasattr(task, "__state")',
    "sizeof": 'sizeof("struct task_struct")',
    "enum": 'kernel.enum("TCP_ESTABLISHED")',
    "has_enum": 'kernel.has_enum("BPF_MAP_TYPE_ARENA")',
    "has_type": 'kernel.has_type("struct bpf_arena")',
}
TAKES: Final = {
    "cast": "a pointer and the name of a struct",
    "container_of": "a pointer, the name of a struct, and that of its member",
    "hasattr": "a kernel struct and a member's name",
    "sizeof": "a type, or something in a kernel struct",
    "enum": "the name of an enumerator, and that of its enum if need be",
    "has_enum": "the name of an enumerator, and that of its enum if need be",
    "has_type": "the name of a struct or union",
}


def function(b: Builder, name: str, arguments: list[Argument], span: Span) -> Operand:
    """A call of one of these."""
    match name, arguments:
        case "cast", [pointer, (Static(value=str() as text), where)]:
            return cast(b, pointer, _struct(b, text, where), span)
        case "container_of", [pointer, (Static(value=str() as text), where), (Static(value=str() as member), _)]:
            return _container_of(b, pointer, _struct(b, text, where), member, span)
        case "hasattr", [(Static(value=ModuleType(__name__=ksyms.MODULE)), _), (Static(value=str() as symbol), _)]:
            return ksyms.exists(b, symbol, span)
        case "hasattr", [(found, _), (Static(value=str() as member), where)]:
            return _has_member(b, found, member, span, where)
        case "sizeof", [(found, where)]:
            return _size(b, found, span, where)
        case "has_type", [(Static(value=str() as text), where)]:
            return _has_type(b, text, span, where)
        case "enum" | "has_enum", [(Static(value=str() as text), where)]:
            return _enumerator(b, name, text, "", span, where)
        case "enum" | "has_enum", [(Static(value=str() as text), where), (Static(value=str() as enum), _)]:
            return _enumerator(b, name, text, enum, span, where)
    given = ", ".join(describe(operand) for operand, _ in arguments) or "nothing"
    b.error(errors.KernelQuestion(span, name, TAKES[name], given, EXAMPLES[name]))


def _struct(b: Builder, text: str, span: Span) -> str:
    """The name of a struct that the BTF in use has."""
    name = struct_name(text)
    btf = b.module.btf_of(b, name, span) if name else b.module.btf(b, span)
    if name:
        found = btf.find(name, Kind.STRUCT) or btf.find(name, Kind.UNION)
        if found is not None:
            kernel_types.note_struct(b, btf, name, found)
            return name
    near = difflib.get_close_matches(name, [each for each, _ in btf.names(Kind.STRUCT, name[:3])], n=1, cutoff=0.6)
    b.error(errors.UnknownKernelType(span, text, f'did you mean "struct {near[0]}"?' if near else ""))


# Pointers


def cast(b: Builder, pointer: Argument, struct: str, span: Span) -> ops.Value:
    """`pointer` as the address of a `struct`, which only probe reads follow: nobody vouches for it."""
    operand, where = pointer
    operand = values.plain(b, operand, where)
    if not (ops.is_value(operand) and isinstance(operand.type, KernelType | AddressType | IntType)):
        b.error(type_errors.WrongType(where, "a pointer in the kernel, or its address", describe(operand), ""))
    known = isinstance(operand.type, KernelType) and (operand.type.direct or operand.type.mixed)
    return b.emit(ops.KernelAddress(operand, b.const(0, span), KernelType(struct, mixed=known), span))


def declared(b: Builder, operand: Operand, pointer: KernelPointer, spans: tuple[Span, Span]) -> Operand:
    """`operand`, as the annotation Kernel["…"] of a name says. The spans are those of both."""
    span = spans[0]
    struct = _struct(b, pointer.struct, spans[1])
    if isinstance(operand, Static) and operand.value is None:
        return b.emit(ops.Null(KernelType(struct), span))
    if ops.is_value(operand) and isinstance(operand.type, KernelType) and operand.type.struct == struct:
        return operand
    return cast(b, (operand, span), struct, span)


def _container_of(b: Builder, pointer: Argument, struct: str, member: str, span: Span) -> ops.Value:
    """The struct that `pointer` goes to a member of."""
    inside = cast(b, pointer, struct, span)
    place = place_of(b, inside, struct, member, span)
    distance = _member_fact(b, "member offset", place, offset(b, place))
    back = b.emit(ops.Binary("-", b.const(0, span), distance, IntType(-SIZE.high, 0), span))
    return b.emit(ops.KernelAddress(inside, back, KernelType(struct), span))


# Questions


def _member_fact(b: Builder, question: ops.KernelQuestion, place: KernelPlace, here: int) -> ops.Value:
    range = TRUTH if question == "member exists" else SIZE
    return b.emit(ops.KernelFact(question, place.struct, place.path, here, range, place.span))


def _answer(b: Builder, fact: ops.Value, here: bool, span: Span) -> ops.Value:
    """A truth value. What is only done elsewhere may name what the kernel at hand doesn't have."""
    found = b.compare("!=", fact, b.const(0, span), span)
    b.answers[found] = here
    return found


def _has_member(b: Builder, operand: Operand, name: str, span: Span, where: Span) -> ops.Value:
    operand = _there(operand)
    if not (ops.is_value(operand) and isinstance(operand.type, KernelType)):
        b.error(errors.KernelQuestion(span, "hasattr", TAKES["hasattr"], describe(operand), EXAMPLES["hasattr"]))
    struct = operand.type.struct
    btf = b.module.btf_of(b, struct, span)
    path: tuple[str | int, ...] = ()
    root = struct
    if isinstance(operand, ops.KernelField):
        root, path = operand.struct, operand.path
    type_id = kernel_types.struct_id(b, btf, struct, name, where)
    if btf.member(type_id, name) is not None:
        kernel_types.member(b, struct, name, where)
        fact: ops.Value = b.emit(ops.KernelFact("member exists", root, (*path, name), 1, TRUTH, span))
        return _answer(b, fact, True, span)
    if path and "." in struct:
        b.error(errors.AbsentType(where, name, kernel_types.shown(struct), ""))
    fact = b.const(0, span)
    kernel_types.note_struct(b, btf, struct, type_id)
    for kind, type in _kinds(struct):
        flavour = f"{struct}___{kind}"
        b.module.sizes[flavour] = (b.module.sizes[struct][0], False)
        b.module.use_member(flavour, name, 0, type)
        one = b.emit(ops.KernelFact("member exists", flavour, (name,), 0, TRUTH, span))
        fact = one if isinstance(fact, ops.Const) else b.emit(ops.Binary("|", fact, one, TRUTH, span))
    return _answer(b, fact, False, span)


def _kinds(struct: str) -> tuple[tuple[str, MemberType], ...]:
    """What a member may be of which nothing is known: a relocation finds those alone that are of its kind."""
    number, pointer, inner = layout.U8, BarePointer(AddressType("any")), Embedded(struct)
    plain: tuple[tuple[str, MemberType], ...] = (
        ("number", number),
        ("pointer", pointer),
        ("struct", inner),
        ("enum", layout.Enumeration("", layout.U8, ())),
    )
    return *plain, *((f"{name}s", MemberArray(type, 1)) for name, type in plain)


def _there(operand: Operand) -> Operand:
    return operand.value if isinstance(operand, Optional) else operand


def _size(b: Builder, operand: Operand, span: Span, where: Span) -> ops.Value:
    operand = _there(operand)
    match operand:
        case Static(value=str() as text):
            return _type_size(b, _struct(b, text, where), span)
        case Static(value=KernelPointer(struct=struct)):
            return _type_size(b, _struct(b, struct, where), span)
        case PendingText(array=KernelArray(place=place)) | KernelArray(place=place) if place.path:
            size = kernel_types.size(b, place.type)
            if size:
                return _member_fact(
                    b, "member size", KernelPlace(place.base, place.struct, place.path, place.type, False, span), size
                )
        case Static() if (type := layout_or_none(operand.value)) is not None:
            return b.const(type.size, span)
        case _ if ops.is_value(operand) and isinstance(operand.type, KernelType):
            if "." not in operand.type.struct:
                return _type_size(b, operand.type.struct, span)
    b.error(errors.KernelQuestion(span, "sizeof", TAKES["sizeof"], describe(operand), EXAMPLES["sizeof"]))


def _type_size(b: Builder, struct: str, span: Span) -> ops.Value:
    return b.emit(ops.KernelFact("type size", struct, (), b.module.sizes[struct][0], SIZE, span))


def _has_type(b: Builder, text: str, span: Span, where: Span) -> ops.Value:
    name = struct_name(text)
    if not name:
        b.error(errors.UnknownKernelType(where, text, EXAMPLES["has_type"]))
    btf = b.module.btf_of(b, name, span)
    is_union = text.split()[0] == "union"
    found = btf.find(name, Kind.UNION if is_union else Kind.STRUCT)
    if found is not None:
        kernel_types.note_struct(b, btf, name, found)
    else:
        b.module.sizes.setdefault(name, (1, is_union))
    fact = b.emit(ops.KernelFact("type exists", name, (), int(found is not None), TRUTH, span))
    return _answer(b, fact, found is not None, span)


def _enumerator(b: Builder, question: str, name: str, enum: str, span: Span, where: Span) -> ops.Value:
    """The number of an enumerator, or whether there is one."""
    enum = enum.split()[-1] if enum.strip() else ""
    found = _find_enumerator(b, name, enum, where)
    exists = question == "has_enum"
    if found is None and not (exists and enum):
        hint = f'{"kernel.has_enum" if exists else "kernel.enum"}("{name}", "bpf_map_type")'
        b.error(errors.UnknownEnumerator(where, name, f" in enum {enum}" if enum else "", "" if enum else hint))
    owner, size, value = found or (enum, 4, 0)
    if not owner:  # nothing to find it by on other kernels; those that users see don't change
        return _answer(b, b.const(1, span), True, span) if exists else b.const(value, span)
    known = b.module.enums.get(owner)
    members = known.members if known is not None else ()
    if name not in dict(members):
        b.module.enums[owner] = KernelEnum(owner, size, (*members, (name, value)))
    if exists:
        fact = b.emit(ops.KernelFact("enumerator exists", owner, (name,), int(found is not None), TRUTH, span))
        return _answer(b, fact, found is not None, span)
    low, high = (-(1 << 31), (1 << 31) - 1) if value < 0 else (0, (1 << 32) - 1 if size <= 4 else (1 << 63) - 1)
    return b.emit(ops.KernelFact("enumerator value", owner, (name,), value, IntType(low, high), span))


def _find_enumerator(b: Builder, name: str, enum: str, span: Span) -> tuple[str, int, int] | None:
    """The enum, its size, and the number: of the enum that is named, or of the first that has such an enumerator."""
    btf = b.module.btf(b, span)
    for type_id in btf.find_all(enum) if enum else _enums(btf):
        found = btf.type(type_id)
        if isinstance(found, btf_types.Enum):
            value = dict(found.values).get(name)
            if value is not None:
                return found.name, found.size, value
    return None


def _enums(btf: Btf) -> Iterator[int]:
    return (type_id for type_id in range(1, btf.count) if btf.kind(type_id) in (Kind.ENUM, Kind.ENUM64))
