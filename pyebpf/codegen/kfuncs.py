"""Kfuncs as functions that are only declared, in the section `.ksyms`, with types that libbpf compares."""

from __future__ import annotations

from typing import Final

from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.codegen.text import symbol
from pyebpf.ir.module import FunctionPointer, IntegerPointer, KfuncRef, KfuncType, StructPointer

_POINTERS: Final = (StructPointer, IntegerPointer, FunctionPointer)


def declarations(kfuncs: tuple[KfuncRef, ...], debug: DebugInfo) -> list[str]:
    """The declarations, in LLVM's words."""
    lines = []
    for kfunc in kfuncs:
        types = ", ".join("ptr" if isinstance(type, _POINTERS) else "i64" for type in kfunc.parameters)
        node = debug.extern(kfunc.name, kfunc.result, kfunc.parameters)
        lines.append(
            f'declare !dbg {node} dso_local {register(kfunc.result)} {symbol(kfunc.name)}({types}) section ".ksyms"'
        )
    return lines


def register(type: KfuncType | None) -> str:
    """How a result comes back: only that much of the register is defined."""
    match type:
        case None:
            return "void"
        case StructPointer() | IntegerPointer() | FunctionPointer():
            return "ptr"
        case _:
            return f"i{type.size * 8}"
