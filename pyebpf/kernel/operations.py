"""Structs of operations: which of them the kernel takes, by its BTF, and what it wants to be in them.

Sources: kernel/bpf/bpf_struct_ops.c; for congestion control net/ipv4/bpf_tcp_ca.c and net/ipv4/tcp_cong.c.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.arguments import Signature, function_signature
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_types import Kind
from pyebpf.records import dataclass

LINKS: Final = (6, 4)
"""First kernel where operations can be there for as long as a link is."""
_AROUND: Final = "bpf_struct_ops_"
"""The kernel has a struct of this name around each that it takes."""


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """What the kernel asks of a struct when it is registered."""

    struct: str
    required: tuple[tuple[str, ...], ...] = ()
    """Operations, of each group one."""
    values: tuple[tuple[str, bool], ...] = ()
    """The other members that it takes, and whether there must be one; what isn't here must be zero."""
    refused: tuple[str, ...] = ()
    """Operations that it takes from modules alone."""
    seen_as: tuple[tuple[str, str], ...] = ()
    """Structs that arguments lead to, which the verifier knows to be the beginning of larger ones."""


RULES: Final = (
    Rule(
        "tcp_congestion_ops",
        required=(("ssthresh",), ("undo_cwnd",), ("cong_avoid", "cong_control")),
        values=(("name", True), ("flags", False)),
        refused=("get_info",),
        seen_as=(("sock", "tcp_sock"),),
    ),
)
_BY_STRUCT: Final = {rule.struct: rule for rule in RULES}


def rule_of(struct: str) -> Rule:
    """What is known of a struct; nothing of most."""
    return _BY_STRUCT.get(struct) or Rule(struct)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """A member as this kernel has it. `signature` is that of an operation."""

    name: str
    kind: Literal["operation", "number", "text", "other"]
    offset: int
    size: int
    signed: bool = False
    signature: Signature | None = None


def structs(btf: Btf) -> list[str]:
    """Those that the kernel takes."""
    return sorted(name.removeprefix(_AROUND) for name, _ in btf.names(Kind.STRUCT, _AROUND))


def places(btf: Btf, struct: str) -> dict[str, Place] | None:
    """The members of a struct of operations by name; None if the kernel takes no such struct. Raises BtfError."""
    if btf.find(_AROUND + struct, Kind.STRUCT) is None:
        return None
    number = btf.find(struct, Kind.STRUCT)
    found = btf.type(number) if number is not None else None
    if not isinstance(found, types.Struct):
        return None
    return {member.name: _place(btf, member) for member in found.members if member.name}


def _place(btf: Btf, member: types.Member) -> Place:
    type = btf.type(btf.resolve(member.type_id)) if member.type_id else None
    offset = member.bit_offset // 8
    if member.bit_size:
        return Place(member.name, "other", offset, 0)
    match type:
        case types.Pointer():
            target = btf.type(btf.resolve(type.type_id)) if type.type_id else None
            if isinstance(target, types.FunctionPrototype):
                return Place(
                    *(member.name, "operation", offset, 8), signature=function_signature(btf, target, member.name)
                )
        case types.Int(size=1 | 2 | 4 | 8) | types.Enum(size=1 | 2 | 4 | 8):
            return Place(member.name, "number", offset, type.size, type.signed)
        case types.Array():
            element = btf.type(btf.resolve(type.type_id))
            if isinstance(element, types.Int) and element.size == 1:
                return Place(member.name, "text", offset, type.length)
    return Place(member.name, "other", offset, 0)


def named(signature: Signature, names: tuple[str, ...]) -> Signature:
    """With the arguments called as the method calls its parameters: prototypes of members have no names."""
    arguments = tuple(replace(each, name=name) for each, name in zip(signature.arguments, names, strict=True))
    return replace(signature, arguments=arguments)
