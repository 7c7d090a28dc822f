"""Typed IR → LLVM IR → BPF object, with BTF from debug information.

Comes in: an `ir.module.Module` whose checks have all passed. Goes out: `emit_module` gives LLVM's textual IR,
`assemble` (or a `Worker` started early) the bytes of the ELF object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyebpf.codegen.module import LlvmText as LlvmText
    from pyebpf.codegen.module import emit_module as emit_module
    from pyebpf.codegen.stack import stack_size as stack_size
    from pyebpf.codegen.worker import StackOverrun as StackOverrun
    from pyebpf.codegen.worker import Worker as Worker
    from pyebpf.codegen.worker import assemble as assemble

_HOMES = {
    "LlvmText": "module",
    "emit_module": "module",
    "stack_size": "stack",
    "StackOverrun": "worker",
    "Worker": "worker",
    "assemble": "worker",
}


def __getattr__(name: str) -> Any:
    """The worker is wanted long before the rest, so nothing is imported until it is asked for."""
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"pyebpf.codegen.{_HOMES[name]}"), name)
