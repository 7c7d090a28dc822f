"""Kernel structs as LLVM types, one for each used member: filling, the member, filling.

One type for the whole struct wouldn't do: members of nameless unions lie over each other.
"""

from __future__ import annotations

from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.ir.module import KernelMember, KernelStruct


def struct_types(structs: tuple[KernelStruct, ...], debug: DebugInfo) -> list[str]:
    """The type definitions."""
    return [
        f"{type_name(number, index)} = type <{{ {', '.join(_parts(struct, member, debug))} }}>"
        for number, struct in enumerate(structs)
        if not struct.is_union
        for index, member in enumerate(struct.members)
    ]


def type_name(struct: int, member: int) -> str:
    """The type for the `member`-th member of the `struct`-th struct."""
    return f"%kernel.{struct}.{member}"


def element(member: KernelMember) -> int:
    """Which element of its type the member is."""
    return 1 if member.offset else 0


def _parts(struct: KernelStruct, member: KernelMember, debug: DebugInfo) -> list[str]:
    size = debug.kernel_size(member.type)
    before, rest = [member.offset] if member.offset else [], struct.size - member.offset - size
    return [f"[{length} x i8]" for length in [*before, size, *([rest] if rest > 0 else [])]]
