"""Keep only the way that is taken, where a branch is decided.

before                          after
if 0 <= i: a else: b            a           # i is known not to be negative
"""

from __future__ import annotations

from pyebpf.checks.facts import Facts
from pyebpf.ir import ops
from pyebpf.ir.types import I64


def live_branch(op: ops.If, facts: Facts) -> ops.If | tuple[ops.Op, ...]:
    """The ops that remain of a branch."""
    low, high = facts.intervals[op]
    if low != high:
        return op
    return op.then.ops if low else op.orelse.ops


def never_reached(op: ops.Op, facts: Facts) -> bool:
    """Whether nothing ever comes to `op`, nor to what follows it in its block."""
    return (ops.is_value(op) or isinstance(op, ops.If | ops.Check | ops.Loop)) and not facts.reachable(op)


def the_end(op: ops.Op, result: int) -> tuple[ops.Op, ...]:
    """What stands in the place of `op` and all that follows: the verifier may come there after all, and what was
    proven of the rest holds for nobody there."""
    value = ops.Const(result, I64, op.span)
    return value, ops.Return(value, op.span)
