"""Whether every name that refers to something does so wherever it is read, without a flag that says so."""

from __future__ import annotations

from typing import final

from pyebpf.checks.written import Names, Written
from pyebpf.ir import ops
from pyebpf.ir.types import KernelType, PointerType


def always_set(body: ops.Block) -> bool:
    """Whether each local that holds an address was written on every way to each of its reads, and never with null."""
    checker = _Checker()
    checker.block(body, frozenset())
    return checker.sound


@final
class _Checker(Written):
    def __init__(self) -> None:
        super().__init__()
        self.sound = True

    def visit(self, op: ops.Op, known: Names) -> Names:
        match op:
            case ops.LocalGet() if isinstance(op.type, PointerType) and op.local not in known:
                self.sound = False
            case ops.LocalGet() if isinstance(op.type, KernelType):
                self.sound = False  # nothing is known of those here
            case ops.LocalSet() if isinstance(op.local.type, PointerType):
                return known - {op.local} if _may_be_null(op.value) else known | {op.local}
        return known


def _may_be_null(value: ops.Value) -> bool:
    return isinstance(value, ops.Null) or (isinstance(value.type, PointerType) and value.type.nullable)
