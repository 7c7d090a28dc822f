"""Typed IR → LLVM IR → BPF object, with BTF from debug information.

Comes in: an `ir.module.Module` whose checks have all passed. Goes out: `emit_module` gives LLVM's textual IR,
`assemble` (or a `Worker` started early) the bytes of the ELF object.
"""

from pyebpf.codegen.module import LlvmText, emit_module
from pyebpf.codegen.stack import stack_size
from pyebpf.codegen.worker import StackOverrun, Worker, assemble

__all__ = ["LlvmText", "StackOverrun", "Worker", "assemble", "emit_module", "stack_size"]
