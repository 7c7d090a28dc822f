"""Kernel structs as LLVM types, one for each used member: filling, the member, filling.

One type for the whole struct wouldn't do: members of nameless unions lie over each other.
"""

from __future__ import annotations

from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.codegen.text import Code
from pyebpf.diagnostics.base import InternalError
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


def field(code: Code, debug: DebugInfo, number: int, struct: KernelStruct, name: str, base: str) -> str:
    """The address of a member, in the struct at `base`: an intrinsic from which LLVM makes a CO-RE relocation."""
    index = next((i for i, member in enumerate(struct.members) if member.name == name), None)
    if index is None:
        raise InternalError(f"struct {struct.name} has no member {name} here")
    node = debug.kernel_struct(struct.name)
    if struct.is_union:
        call = f"call ptr @llvm.preserve.union.access.index.p0.p0(ptr {base}, i32 {index})"
    else:
        type, inside = type_name(number, index), element(struct.members[index])
        call = (
            "call ptr @llvm.preserve.struct.access.index.p0.p0("
            f"ptr elementtype({type}) {base}, i32 {inside}, i32 {index})"
        )
    result = code.value(call)
    code.lines[-1] += f", !llvm.preserve.access.index {node}"
    return result


def _parts(struct: KernelStruct, member: KernelMember, debug: DebugInfo) -> list[str]:
    size = debug.kernel_size(member.type)
    before, rest = [member.offset] if member.offset else [], struct.size - member.offset - size
    return [f"[{length} x i8]" for length in [*before, size, *([rest] if rest > 0 else [])]]
