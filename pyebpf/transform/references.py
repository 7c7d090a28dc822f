"""Whether every name that refers to something does so wherever it is read, without a flag that says so."""

from __future__ import annotations

from typing import final

from pyebpf.ir import ops
from pyebpf.ir.types import KernelType, PointerType

Names = frozenset[ops.Local]


def always_set(body: ops.Block) -> bool:
    """Whether each local that holds an address was written on every way to each of its reads, and never with null."""
    checker = _Checker()
    checker.block(body, frozenset())
    return checker.sound


@final
class _Checker:
    def __init__(self) -> None:
        self.sound = True
        self._leaves: dict[ops.Label, Names | None] = {}

    def block(self, block: ops.Block, known: Names | None) -> Names | None:
        """The locals that are written at the end of `block`, given those before it; None if its end isn't reached."""
        for op in block.ops:
            if known is None:
                return None
            known = self._op(op, known)
        return known

    def _op(self, op: ops.Op, known: Names) -> Names | None:
        match op:
            case ops.LocalGet() if isinstance(op.type, PointerType) and op.local not in known:
                self.sound = False
            case ops.LocalGet() if isinstance(op.type, KernelType):
                self.sound = False  # nothing is known of those here
            case ops.LocalSet() if isinstance(op.local.type, PointerType):
                return known - {op.local} if _may_be_null(op.value) else known | {op.local}
            case ops.If():
                return _both(self.block(op.then, known), self.block(op.orelse, known))
            case ops.Check(failing=ops.Block() as failing):
                self.block(failing, known)
            case ops.Scope():
                self._leaves[op.label] = None
                end = self.block(op.body, known)
                return _both(end, self._leaves.pop(op.label))
            case ops.Loop():
                self._leaves[op.label] = None
                end = self.block(op.body, known)
                self.block(op.step, known if end is None else end)
                return self._leaves.pop(op.label)
            case ops.Break():
                self._leaves[op.label] = _both(self._leaves.get(op.label), known)
                return None
            case ops.Continue() | ops.Return() | ops.Raise():
                return None
        return known


def _may_be_null(value: ops.Value) -> bool:
    return isinstance(value, ops.Null) or (isinstance(value.type, PointerType) and value.type.nullable)


def _both(one: Names | None, other: Names | None) -> Names | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
