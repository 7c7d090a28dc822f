"""Which locals were surely written, on the way to each place of a program."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeAlias, final

from pyebpf.ir import ops

Names: TypeAlias = "frozenset[ops.Local]"


class Written(ABC):
    """Goes through a program with the locals that were written on every way to where it is; None where no way leads."""

    def __init__(self) -> None:
        self._leaves: dict[ops.Label, Names | None] = {}

    @abstractmethod
    def visit(self, op: ops.Op, known: Names) -> Names:
        """Look at `op`, before which `known` were written; what has been after it, but for what is inside of it."""

    def block(self, block: ops.Block, known: Names | None) -> Names | None:
        """At the end of `block`, given what was written before it."""
        for op in block.ops:
            if known is None:
                return None
            known = self._op(op, self.visit(op, known))
        return known

    def _op(self, op: ops.Op, known: Names) -> Names | None:
        match op:
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


def always_written(block: ops.Block, locals: Names, label: ops.Label) -> bool:
    """Whether every way through `block` that stays in the loop `label` writes one of `locals`."""
    rounds = _Rounds(locals, label)
    end = rounds.block(block, frozenset())
    return rounds.each_writes and (end is None or bool(end))


@final
class _Rounds(Written):
    """Looks at the places in a loop's body from where it goes on with the next round."""

    def __init__(self, locals: Names, label: ops.Label) -> None:
        super().__init__()
        self._locals, self._label = locals, label
        self.each_writes = True

    def visit(self, op: ops.Op, known: Names) -> Names:
        if isinstance(op, ops.Continue) and op.label is self._label and not known:
            self.each_writes = False
        return self._locals if isinstance(op, ops.LocalSet) and op.local in self._locals else known


def _both(one: Names | None, other: Names | None) -> Names | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
