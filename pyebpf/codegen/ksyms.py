"""Symbols of the kernel as variables that are only declared, in the section `.ksyms`, as clang writes them.

Those with a type are found by it in the kernel's BTF; those of none (`const void`) are mere addresses.
"""

from __future__ import annotations

from pyebpf import layout
from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.codegen.registers import register
from pyebpf.codegen.text import Code, Operand, symbol
from pyebpf.ir import ops
from pyebpf.ir.module import BarePointer, KsymRef, MemberArray, MemberType
from pyebpf.ir.types import AddressType, KernelType


def declarations(ksyms: tuple[KsymRef, ...], debug: DebugInfo) -> list[str]:
    """The declarations, in LLVM's words."""
    return [_declaration(ksym, debug) for ksym in ksyms]


def _declaration(ksym: KsymRef, debug: DebugInfo) -> str:
    type = "null" if ksym.type is None else _type(ksym.type, debug)
    size = 1 if ksym.type is None else debug.kernel_size(ksym.type)
    dbg = debug.declaration(ksym.name, debug.constant(type))
    linkage = "extern_weak" if ksym.weak else "external"
    return f'{symbol(ksym.name)} = {linkage} dso_local constant [{size} x i8], section ".ksyms", align 1{dbg}'


def _type(type: MemberType, debug: DebugInfo) -> str:
    """As `DebugInfo.kernel_type`, but for what pointers point to: libbpf compares it."""
    match type:
        case BarePointer():
            return debug.pointer(_target(type.type, debug))
        case MemberArray():
            return debug.array(_type(type.element, debug), type.length, debug.kernel_size(type))
        case _:
            return debug.kernel_type(type)


def _target(address: AddressType, debug: DebugInfo) -> str:
    match address.target:
        case None:
            return "null"
        case KernelType(struct=struct):
            return debug.pointer(debug.kernel_struct(struct))
        case AddressType() as inner:
            return debug.pointer(_target(inner, debug))
        case layout.Integer() | layout.Boolean() | layout.Enumeration() as scalar:
            return debug.kernel_type(scalar)
        case other:
            return debug.type(other)


def address(code: Code, op: ops.KsymAddress) -> Operand:
    """The address, which the loader fills in."""
    if register(op.type) == "ptr":
        return Operand(symbol(op.name), "ptr")
    return Operand(code.value(f"ptrtoint ptr {symbol(op.name)} to i64"), "i64")
