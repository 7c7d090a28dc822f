"""Kernel structs as LLVM types, one for each used member: filling, the member, filling.

One type for the whole struct wouldn't do: members of nameless unions lie over each other. LLVM makes CO-RE relocations
from the intrinsics.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, final

from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.codegen.text import Code
from pyebpf.diagnostics.base import InternalError, unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import BitField, Embedded, KernelEnum, KernelMember, KernelStruct, MemberArray, MemberType, Module

_MEMBER_FACTS: Final = {"member offset": 0, "member size": 1, "member exists": 2, "left shift": 4, "right shift": 5}
"""`enum` of `__builtin_preserve_field_info`."""
_TYPE_FACTS: Final = {"type exists": 0, "type size": 1}
INNER: Final = ".inner"
"""What is behind the name of a union for the nameless struct in it."""
_ENUM_FACTS: Final = {"enumerator exists": 0, "enumerator value": 1}
INTRINSICS: Final = (
    "declare ptr @llvm.preserve.struct.access.index.p0.p0(ptr, i32 immarg, i32 immarg)",
    "declare ptr @llvm.preserve.union.access.index.p0.p0(ptr, i32 immarg)",
    "declare ptr @llvm.preserve.array.access.index.p0.p0(ptr, i32 immarg, i32 immarg)",
    "declare i32 @llvm.bpf.preserve.field.info.p0(ptr, i64 immarg)",
    "declare i32 @llvm.bpf.preserve.type.info(i32, i64 immarg)",
    "declare i64 @llvm.bpf.preserve.enum.value(i32, ptr, i64 immarg)",
)


def described(structs: tuple[KernelStruct, ...]) -> tuple[KernelStruct, ...]:
    """The structs as the object's types have them: what lies further on in a union is in a nameless struct in it, for
    LLVM takes the members of a union for being at its start."""
    found: list[KernelStruct] = []
    for struct in structs:
        further = tuple(member for member in struct.members if member.offset) if struct.is_union else ()
        if further:
            inner = KernelStruct(f"{struct.name}{INNER}", struct.size, False, further)
            first = tuple(member for member in struct.members if not member.offset)
            struct = replace(struct, members=(*first, KernelMember("", 0, Embedded(inner.name))))
            found.append(inner)
        found.append(struct)
    return tuple(found)


def struct_types(structs: tuple[KernelStruct, ...], debug: DebugInfo) -> list[str]:
    """The type definitions."""
    return [
        f"{type_name(number, index)} = type {_shape(struct, member, debug)}"
        for number, struct in enumerate(structs)
        if not struct.is_union
        for index, member in enumerate(struct.members)
    ]


def type_name(struct: int, member: int) -> str:
    """The type for the `member`-th member of the `struct`-th struct."""
    return f"%kernel.{struct}.{member}"


def element(member: KernelMember) -> int:
    """Which element of its type the member is."""
    return 1 if member.offset and not isinstance(member.type, BitField) else 0


def _shape(struct: KernelStruct, member: KernelMember, debug: DebugInfo) -> str:
    if isinstance(member.type, BitField):
        return "{ i64 }"  # LLVM looks for the bits in units of the struct's alignment
    size = debug.kernel_size(member.type)
    before, rest = [member.offset] if member.offset else [], struct.size - member.offset - size
    parts = [f"[{length} x i8]" for length in [*before, size, *([rest] if rest > 0 else [])]]
    return f"<{{ {', '.join(parts)} }}>"


@final
class KernelTypes:
    """What a module uses of the kernel's types."""

    def __init__(
        self, module: Module, structs: tuple[KernelStruct, ...], debug: DebugInfo, *, big_endian: bool
    ) -> None:
        self._structs = {struct.name: (number, struct) for number, struct in enumerate(structs)}
        self._enums = {enum.name: enum for enum in module.kernel_enums}
        self._debug = debug
        self._big_endian = big_endian
        self._asked = 0
        """Questions about types and enumerators, which LLVM wants numbered."""
        self.globals: list[str] = []

    def field(self, code: Code, name: str, path: tuple[str | int, ...], base: str) -> str:
        """The address of a member, in the struct `name` at `base`."""
        type: MemberType = Embedded(name)
        for step in path:
            if isinstance(step, int):
                if not isinstance(type, MemberArray):
                    raise InternalError(f"{name} has no array on the way of {path}")
                base, type = self._element(code, type, step, base), type.element
            else:
                if not isinstance(type, Embedded):
                    raise InternalError(f"{name} has no struct on the way of {path}")
                base, type = self._member(code, type.struct, step, base)
        return base

    def _member(self, code: Code, name: str, step: str, base: str) -> tuple[str, MemberType]:
        number, struct = self._structs[name]
        index = next((i for i, member in enumerate(struct.members) if member.name == step), None)
        if index is None and step and f"{name}{INNER}" in self._structs:
            inner, _ = self._member(code, name, "", base)
            return self._member(code, f"{name}{INNER}", step, inner)
        if index is None:
            raise InternalError(f"struct {name} has no member {step} here")
        if struct.is_union:
            call = f"call ptr @llvm.preserve.union.access.index.p0.p0(ptr {base}, i32 {index})"
        else:
            type, inside = type_name(number, index), element(struct.members[index])
            call = (
                "call ptr @llvm.preserve.struct.access.index.p0.p0("
                f"ptr elementtype({type}) {base}, i32 {inside}, i32 {index})"
            )
        return self._marked(code, call, self._debug.kernel_struct(name)), struct.members[index].type

    def _element(self, code: Code, type: MemberArray, step: int, base: str) -> str:
        size = self._debug.kernel_size(type.element)
        call = (
            "call ptr @llvm.preserve.array.access.index.p0.p0("
            f"ptr elementtype([{type.length} x [{size} x i8]]) {base}, i32 1, i32 {step})"
        )
        return self._marked(code, call, self._debug.kernel_type(type))

    def _marked(self, code: Code, call: str, node: str) -> str:
        result = code.value(call)
        code.lines[-1] += f", !llvm.preserve.access.index {node}"
        return result

    def fact(self, code: Code, op: ops.KernelFact) -> str:
        """A number that the loader fills in, as an i64."""
        match op.question:
            case "type exists" | "type size":
                node, flag = self._debug.kernel_struct(op.name), _TYPE_FACTS[op.question]
                self._asked += 1
                call = f"call i32 @llvm.bpf.preserve.type.info(i32 {self._asked}, i64 {flag})"
                return code.value(f"zext i32 {self._marked(code, call, node)} to i64")
            case "enumerator exists" | "enumerator value":
                return self._enumerator(code, self._enums[op.name], str(op.path[0]), _ENUM_FACTS[op.question])
            case "member exists" | "member offset" | "member size" | "left shift" | "right shift":
                field = self.field(code, op.name, op.path, "null")
                found = self._field_info(code, field, _MEMBER_FACTS[op.question])
                if op.question == "left shift" and self._big_endian:
                    found = self._from_top(code, field, found)
                return found
            case _:
                unreachable(op.question)

    def _field_info(self, code: Code, field: str, kind: int) -> str:
        number = code.value(f"call i32 @llvm.bpf.preserve.field.info.p0(ptr {field}, i64 {kind})")
        return code.value(f"zext i32 {number} to i64")

    def _from_top(self, code: Code, field: str, shift: str) -> str:
        """The shift of a unit that lies at the top of its 64 bits already, as a big-endian machine loads it; the
        kernel's answer is for one at the bottom."""
        size = self._field_info(code, field, _MEMBER_FACTS["member size"])
        bits = code.value(f"shl i64 {size}, 3")
        above = code.value(f"sub i64 64, {bits}")
        return code.value(f"sub i64 {shift}, {above}")

    def _enumerator(self, code: Code, enum: KernelEnum, name: str, flag: int) -> str:
        value = dict(enum.members)[name]
        self._asked += 1
        text = f"{name}:{value}"
        place = f"@__pyebpf_enumerator.{self._asked}"
        self.globals.append(f'{place} = private unnamed_addr constant [{len(text) + 1} x i8] c"{text}\\00"')
        call = f"call i64 @llvm.bpf.preserve.enum.value(i32 {self._asked}, ptr {place}, i64 {flag})"
        return self._marked(code, call, self._debug.kernel_enum(enum))
