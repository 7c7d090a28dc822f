"""What the verifier will have to follow, estimated high: every way through the code, every round of every loop.

At a condition that it can't decide the verifier follows both ways. Where they meet again it notices that the second
way has nothing new, if it has remembered the state there. In a loop it remembers one only every hundred instructions
or twenty branches (`is_state_visited` in kernel/bpf/verifier.c), so ways multiply in between. What they leave
different it is made to forget at the end of each round.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import log2
from typing import Final, final

from pyebpf.checks.bounds import bound
from pyebpf.checks.branches import is_known, known_locals
from pyebpf.checks.instructions import cost
from pyebpf.checks.intervals import Facts, locals_written
from pyebpf.checks.worst_case import CALL, CALLBACK_ROUNDS, worst_case
from pyebpf.ir import ops
from pyebpf.records import dataclass

WINDOW: Final = 100
"""Instructions after which the verifier remembers another state of a loop."""
WINDOW_BRANCHES: Final = 20
"""Or branches."""
MOST: Final = 1 << 40
"""Nothing is counted beyond this."""


@final
@dataclass(frozen=True)
class Estimate:
    """Of one program. `callbacks`: the loops that are to be functions."""

    facts: Facts
    known: frozenset[ops.Local]
    callbacks: frozenset[ops.Loop]

    def block(self, block: ops.Block) -> int:
        """Instructions followed in `block`, come to once."""
        return min(sum(self.op(op) for op in block.ops), MOST)

    def op(self, op: ops.Op) -> int:
        match op:
            case ops.If():
                return cost(op) + self.block(op.then) + self.block(op.orelse)
            case ops.Scope():
                return self.block(op.body)
            case ops.Check(failing=ops.Block() as failing):
                return cost(op) + self.block(failing)
            case ops.Loop():
                inside = self.block(op.body) + self.block(op.step) + 3
                if op in self.callbacks or op.strategy != "bounded":
                    return min(CALLBACK_ROUNDS * inside + CALL, MOST)
                return min(self.rounds(op) * inside * self.ways(op, inside), MOST)
            case _:
                return cost(op)

    def rounds(self, loop: ops.Loop) -> int:
        return (bound(loop, self.facts) or 1) + 1

    def ways(self, loop: ops.Loop, inside: int) -> int:
        """How many different ways through the rounds the verifier follows side by side."""
        paths = Paths(self, {})
        round = paths.block(loop.body) + sum(count for label, count in paths.jumps.items() if label is loop.label)
        if round <= 1:
            return 1
        branches = sum(isinstance(op, ops.If | ops.Check) for op in _direct(loop)) + 1
        rounds = self.rounds(loop)
        together = min(WINDOW / inside, WINDOW_BRANCHES / branches, rounds)
        multiplied = int(2 ** min(together * log2(round), 40)) + 1
        return min(multiplied, MOST)

    def undecided(self, op: ops.If) -> bool:
        return self.facts.always(op.condition) is None and not is_known(op.condition, self.known)


def estimate(body: ops.Block, facts: Facts, callbacks: frozenset[ops.Loop] = frozenset()) -> int:
    """Instructions that the verifier follows in a program whose loops in `callbacks` are functions."""
    hidden = {local for loop in callbacks for local in _carried(loop, body)}
    known = known_locals(body) - hidden
    ours = Estimate(facts, known, callbacks).block(body)
    return max(ours, worst_case(body, facts, known, callbacks=callbacks))


def _carried(loop: ops.Loop, body: ops.Block) -> set[ops.Local]:
    """Locals that `loop` writes and something outside of it uses: what the verifier knows nothing of in a function."""

    def used(ops_of: Iterable[ops.Op]) -> Counter[ops.Local]:
        return Counter(op.local for op in ops_of if isinstance(op, ops.LocalGet | ops.LocalSet))

    everywhere = used(ops.walk(body))
    everywhere.subtract(used(op for block in (loop.body, loop.step) for op in ops.walk(block)))
    return {local for local in locals_written(loop) if everywhere[local]}


def _direct(loop: ops.Loop) -> list[ops.Op]:
    """Ops of `loop` that aren't in a loop inside of it."""
    found: list[ops.Op] = []
    pending = [loop.body, loop.step]
    while pending:
        for op in pending.pop().ops:
            found.append(op)
            if not isinstance(op, ops.Loop):
                pending.extend(ops.blocks(op))
    return found


@final
@dataclass(frozen=True)
class Paths:
    """Counts ways through one round of a loop. Those that leave it end, so they don't count."""

    estimate: Estimate
    jumps: dict[ops.Label, int]
    """Ways to the end of a Scope, or to the next round, other than by running there."""

    def block(self, block: ops.Block) -> int:
        """Ways to the end of `block`, each distinct from the others."""
        ways = 1
        for op in block.ops:
            ways = min(self.op(op, ways), MOST)
            if not ways:
                break
        return ways

    def op(self, op: ops.Op, ways: int) -> int:
        match op:
            case ops.If() if self.estimate.undecided(op):
                return self.inside(op.then, ways) + self.inside(op.orelse, ways)
            case ops.If():
                return max(self.inside(op.then, ways), self.inside(op.orelse, ways))
            case ops.Check(failing=ops.Block() as failing):
                return ways + self.inside(failing, ways)
            case ops.Scope():
                self.jumps[op.label] = 0
                return self.inside(op.body, ways) + self.jumps.pop(op.label)
            case ops.Break() if op.label in self.jumps:
                self.jumps[op.label] = min(self.jumps[op.label] + ways, MOST)
                return 0
            case ops.Continue():
                self.jumps[op.label] = min(self.jumps.get(op.label, 0) + ways, MOST)
                return 0
            case ops.Break() | ops.Return() | ops.Raise():
                return 0
            case _:
                return ways

    def inside(self, block: ops.Block, ways: int) -> int:
        """Ways to the end of `block`, where `ways` lead to its start."""
        inner = Paths(self.estimate, dict.fromkeys(self.jumps, 0))
        result = inner.block(block) * ways
        for label, count in inner.jumps.items():
            self.jumps[label] = min(self.jumps.get(label, 0) + count * ways, MOST)
        return result
