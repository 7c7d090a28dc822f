"""In how many ways a round of a loop can go: each is a state of its own to the verifier."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyebpf.checks.bounds import bound
from pyebpf.checks.branches import is_known
from pyebpf.checks.facts import Facts
from pyebpf.ir import ops
from pyebpf.ir.types import IntType

MANY: Final = 1000
"""Ways enough not to count them any further."""
FEW_STATES: Final = 64
"""So many states at a loop's end aren't worth an instruction of every round."""


def multiplies(loop: ops.Loop, facts: Facts, known: frozenset[ops.Local]) -> bool:
    """Whether the states at the end of `loop` would be many, if they never met."""
    each = ways(loop.body, facts, known)
    rounds = bound(loop, facts) or 1
    return each > 1 and (rounds >= FEW_STATES or each**rounds > FEW_STATES)


def ways(block: ops.Block, facts: Facts, known: frozenset[ops.Local]) -> int:
    """How many ways lead through `block` to the end of the round, or out of an inner block, up to MANY."""
    total = 1
    for op in facts.turns_of(block).ops:
        match op:
            case ops.Break() | ops.Return() | ops.Raise():
                return 1 if isinstance(op, ops.Break) and op.label.name != "loop" else 0
            case ops.If() if not is_known(op.condition, known):
                total *= max(ways(op.then, facts, known) + ways(op.orelse, facts, known), 1)
            case ops.If():
                total *= max(ways(op.then, facts, known), ways(op.orelse, facts, known), 1)
            case ops.Loop():
                total *= MANY if ways(op.body, facts, known) > 1 or _leaves_early(op, known) else 1
            case ops.Scope():
                total *= max(ways(op.body, facts, known), 1)
            case ops.Check(failing=ops.Block()):
                total *= 2
            case ops.LocalSet(value=ops.Compare() | ops.Not() | ops.Present()) if not is_known(op.value, known):
                total *= 2
            case ops.EqualBytes() | ops.BitLength():
                total *= 2
            case ops.Binary(operator="//" | "%"):
                total *= 2 if isinstance(op.type, IntType) and op.type.signed else 1
            case _:
                continue
        if total >= MANY:
            return MANY
    return total


def _leaves_early(loop: ops.Loop, known: frozenset[ops.Local]) -> bool:
    """Whether a loop can end after different numbers of rounds."""
    tests = [op for op in loop.body.ops if isinstance(op, ops.If) and any(_breaks(op, loop.label))]
    return len(tests) != 1 or not is_known(tests[0].condition, known)


def _breaks(op: ops.Op, label: ops.Label) -> Iterator[bool]:
    for inner in ops.blocks(op):
        for nested in inner.ops:
            if isinstance(nested, ops.Break) and nested.label is label:
                yield True
            yield from _breaks(nested, label)
