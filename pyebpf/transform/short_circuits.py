"""What the left side of an `and` or an `or` decides is a constant there.

before                          after
set and = %1                    set and = false
if %1                           if %1
  ...                             ...
  set and = %2                    set and = %2

LLVM makes two jumps of what is false unless both are true; of a truth value that is one of two it makes a number first.
"""

from __future__ import annotations

from collections import Counter

from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import BOOL, BoolType

LEAVING = (ops.Break, ops.Continue, ops.Return, ops.Raise)


def settle_short_circuits(program: Program) -> Program:
    """`program` with constants where the left side decides."""
    sets = Counter(op.local for op in ops.walk(program.body) if isinstance(op, ops.LocalSet))
    settled: dict[ops.Op, tuple[ops.Op, ...]] = {}
    for block in _blocks(program.body):
        last: ops.LocalSet | None = None
        for op in block.ops:
            if isinstance(op, ops.If) and last is not None and sets[last.local] == 2:
                decided = _decided(last, op)
                if decided is not None:
                    constant = ops.Const(int(decided), BOOL, last.span)
                    settled[last] = (constant, ops.LocalSet(last.local, constant, last.span))
            if isinstance(op, ops.LocalSet):
                last = op if isinstance(op.local.type, BoolType) and not isinstance(op.value, ops.Const) else None
            elif not isinstance(op, ops.Const | ops.Not):
                last = None
    return rewrite(program, lambda op: settled.get(op, op)) if settled else program


def _decided(first: ops.LocalSet, op: ops.If) -> bool | None:
    """What is set where the `if` is skipped; None if that isn't sure, or not all that is seen of it."""
    if op.orelse.ops or not _sets(op.then, first.local):
        return None
    if op.condition is first.value:
        return False
    if isinstance(op.condition, ops.Not) and op.condition.value is first.value:
        return True
    return None


def _sets(then: ops.Block, local: ops.Local) -> bool:
    """Whether `then` always sets `local` before anything reads it."""
    for op in then.ops:
        if isinstance(op, ops.LocalSet) and op.local is local:
            return True
        inside = [op, *(inner for block in ops.blocks(op) for inner in ops.walk(block))]
        for inner in inside:
            if isinstance(inner, LEAVING) or (isinstance(inner, ops.Check) and inner.failing is not None):
                return False
            if isinstance(inner, ops.LocalGet | ops.LocalSet) and inner.local is local:
                return False
    return False


def _blocks(block: ops.Block) -> list[ops.Block]:
    return [block, *(inner for op in ops.walk(block) for inner in ops.blocks(op))]
