"""Keep only the way that is taken, where a branch is decided.

before                          after
if 0 <= i: a else: b            a           # i is known not to be negative
"""

from __future__ import annotations

from pyebpf.checks.facts import Facts
from pyebpf.ir import ops


def live_branch(op: ops.If, facts: Facts) -> ops.If | tuple[ops.Op, ...] | None:
    """The ops that remain of a branch. One that nothing ever comes to is dropped whole."""
    if not facts.reachable(op):
        return None
    low, high = facts.intervals[op]
    if low != high:
        return op
    return op.then.ops if low else op.orelse.ops
