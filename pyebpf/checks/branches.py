"""How many branches the verifier may have to remember on the longest way through a program.

At a condition that it can't decide the verifier follows one way and remembers the other. It goes through loops
round by round, so what is made of constants and loop counters alone is decided every time.
"""

from __future__ import annotations

from collections.abc import Container, Iterator

from pyebpf.checks.bounds import bound
from pyebpf.checks.intervals import Facts
from pyebpf.ir import ops

FOLLOWED = ("+", "-", "*", "&", "|", "^", "<<", ">>")
"""Operations on known numbers whose result the verifier knows (divisions it doesn't compute)."""
FEW = 4
"""Rounds of a callback that the verifier follows until nothing is new; each may end the loop."""


def open_branches(body: ops.Block, facts: Facts, callbacks: Container[ops.Loop] = ()) -> int:
    """Undecided branches on the longest way through a program. `callbacks`: loops that are to be functions as well."""
    return _count(body, facts, known_locals(body), callbacks)


def known_locals(body: ops.Block) -> frozenset[ops.Local]:
    """Locals that only ever hold what is made of constants and of each other: on each way their values are known."""
    writes = [op for op in _walk(body) if isinstance(op, ops.LocalSet)]
    forgotten = {local for op in _walk(body) if isinstance(op, ops.Forget) for local in op.locals}
    known = frozenset(op.local for op in writes if op.local not in forgotten)
    while True:
        left = known - {op.local for op in writes if not is_known(op.value, known)}
        if left == known:
            return known
        known = left


def _walk(block: ops.Block) -> Iterator[ops.Op]:
    for op in block.ops:
        yield op
        for inner in ops.blocks(op):
            yield from _walk(inner)


def is_known(value: ops.Value, known: frozenset[ops.Local]) -> bool:
    """Whether `value` is made of constants and `known` locals alone."""
    match value:
        case ops.Const():
            return True
        case ops.LocalGet():
            return value.local in known
        case ops.Binary():
            return value.operator in FOLLOWED and is_known(value.left, known) and is_known(value.right, known)
        case ops.Compare():
            return is_known(value.left, known) and is_known(value.right, known)
        case ops.Convert() | ops.Prove() | ops.Not():
            return is_known(value.value, known)
        case _:
            return False


def _count(block: ops.Block, facts: Facts, known: frozenset[ops.Local], callbacks: Container[ops.Loop]) -> int:
    total = 0
    for op in block.ops:
        total += _own(op, facts, known)
        match op:
            case ops.If():
                total += max(_count(inner, facts, known, callbacks) for inner in ops.blocks(op))
            case ops.Loop():
                inside = sum(_count(inner, facts, known, callbacks) for inner in ops.blocks(op))
                once = op.strategy != "bounded" or op in callbacks
                total += inside * (FEW if once else bound(op, facts) or 1)
            case _:
                total += sum(_count(inner, facts, known, callbacks) for inner in ops.blocks(op))
    return total


def _own(op: ops.Op, facts: Facts, known: frozenset[ops.Local]) -> int:
    """Branches that the op itself becomes."""
    match op:
        case ops.If() | ops.Check():
            return 0 if facts.always(op.condition) is not None or is_known(op.condition, known) else 1
        case ops.LocalSet(value=ops.Compare() | ops.Not() | ops.Present()):
            return 0 if is_known(op.value, known) else 1
        case ops.BitLength():
            return 6
        case ops.EqualBytes():
            return 1
        case ops.Binary(operator="//" | "%"):
            plain = facts.interval(op.left)[0] >= 0 and facts.interval(op.right)[0] > 0
            return 0 if plain or is_known(op.left, known) else 3
        case _:
            return 0
