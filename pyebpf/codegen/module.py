"""A whole module as LLVM's textual IR.

Comes in: typed IR that `ir.validate` has passed. Goes out: text, from which `assemble` makes a BPF object.
The same module gives the same text.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.codegen import ksyms
from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.codegen.kernel_structs import INTRINSICS, KernelTypes, described, struct_types
from pyebpf.codegen.kfuncs import declarations
from pyebpf.codegen.program import emit_program
from pyebpf.codegen.sections import Sections
from pyebpf.codegen.values import Surroundings
from pyebpf.ir import validate
from pyebpf.ir.module import Module
from pyebpf.records import dataclass
from pyebpf.source import Source

_INTRINSICS: Final = (
    "declare i16 @llvm.bswap.i16(i16)",
    "declare i32 @llvm.bswap.i32(i32)",
    "declare i64 @llvm.bswap.i64(i64)",
    *INTRINSICS,
)

# Before 6.19 the kernel knows no jump tables, which LLVM makes for processor version 4.
_ATTRIBUTES: Final = (
    'attributes #0 = { nounwind "no-builtins" "no-jump-tables"="true" }',
    'attributes #1 = { noinline nounwind "no-builtins" "no-jump-tables"="true" }',
)


@final
@dataclass(frozen=True, slots=True)
class LlvmText:
    """A module in LLVM's textual IR."""

    text: str


def emit_module(module: Module, *, big_endian: bool = False, in_order: bool = False) -> LlvmText:
    """`module` in LLVM's words. Raises InternalError for IR that isn't well-formed.

    `in_order`: compute where the source does, for programs that need too many values at a time.
    """
    validate.validate(module)
    structs = described(module.kernel_structs)
    debug = DebugInfo(_main_source(module), structs, big_endian=big_endian)
    sections = Sections(module)
    kernel = KernelTypes(module, structs, debug, big_endian=big_endian)
    around = Surroundings(sections, debug, kernel, big_endian, in_order)
    order = "E" if big_endian else "e"
    lines = [
        f'target datalayout = "{order}-m:e-p:64:64-i64:64-i128:128-n32:64-S128"',
        f'target triple = "{"bpfeb" if big_endian else "bpf"}"',
        *struct_types(structs, debug),
        *sections.globals(debug),
    ]
    for program in module.programs:
        lines += emit_program(program, around)
    lines += [*kernel.globals, *declarations(module.kfuncs, debug), *ksyms.declarations(module.ksyms, debug)]
    lines += [*_INTRINSICS, *_ATTRIBUTES, *debug.lines()]
    return LlvmText("\n".join(lines) + "\n")


def _main_source(module: Module) -> Source:
    spans = [program.span for program in module.programs] + [item.span for item in module.maps if item.span]
    return spans[0].source if spans else Source("<none>", "")
