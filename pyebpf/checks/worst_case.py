"""How many instructions the verifier goes through, and how many a run of the program may take."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from pyebpf.checks.bounds import bound
from pyebpf.checks.branches import known_locals
from pyebpf.checks.facts import Facts
from pyebpf.checks.instructions import cost
from pyebpf.checks.ways import multiplies, ways
from pyebpf.ir import ops

STATES: Final = 24
"""As many states at a time as the verifier was seen to keep apart in rounds that can go many ways."""
CALLBACK_ROUNDS: Final = 3
"""Rounds of a callback that the verifier follows until nothing is new."""
CALL: Final = 40
"""What a callback costs around its body."""


def worst_case(
    block: ops.Block,
    facts: Facts,
    known: frozenset[ops.Local] | None = None,
    states: int = 1,
    callbacks: Container[ops.Loop] = (),
) -> int:
    """Instructions that the verifier goes through, in so many states: both ways of every branch, every round of every
    loop. The ways through a round meet at its end; until then there are several, of which some make no difference.

    Of loops that are functions, or are to be (`callbacks`), or that an iterator ends, it follows a few rounds.
    """
    known = known_locals(block) if known is None else known
    plain, forks = facts.turns_of(block)
    total = plain * states
    for op in forks:
        total += cost(op) * states
        match op:
            case ops.If() | ops.Scope() | ops.Check():
                total += sum(worst_case(inner, facts, known, states, callbacks) for inner in ops.blocks(op))
            case ops.Loop():
                each = min(ways(op.body, facts, known), STATES) if multiplies(op, facts, known) else states
                inside = sum(worst_case(inner, facts, known, each, callbacks) for inner in ops.blocks(op))
                if op.is_function or op.is_endless or op in callbacks:
                    total += CALLBACK_ROUNDS * (inside + each) + CALL
                else:
                    total += (bound(op, facts) or 1) * (inside + each)
    return total


def longest_run(block: ops.Block, facts: Facts) -> int:
    """Instructions on the longest way through `block`, loops multiplied out."""
    total, forks = facts.turns_of(block)
    for op in forks:
        total += cost(op)
        inside = [longest_run(inner, facts) for inner in ops.blocks(op)]
        match op:
            case ops.If():
                total += max(inside)
            case ops.Loop():
                total += (bound(op, facts) or 1) * (sum(inside) + 1)
            case _:
                total += sum(inside)
    return total
