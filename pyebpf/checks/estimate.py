"""What the verifier will have to follow, estimated high: every way through the code, every round of every loop.

At a condition that it can't decide the verifier follows both ways. Where they meet again it notices that the second
way has nothing new, if it has remembered the state there. In a loop it remembers one only every hundred instructions
or twenty branches (`is_state_visited` in kernel/bpf/verifier.c), so ways multiply in between. What they leave
different it is made to forget at the end of each round.
"""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from math import log2
from typing import Final, final

from pyebpf.checks.bounds import bound
from pyebpf.checks.branches import is_known, known_locals, open_branches
from pyebpf.checks.facts import Facts, locals_named, locals_written
from pyebpf.checks.instructions import cost
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
        plain, forks = self.facts.turns_of(block)
        return min(plain + sum([self.op(op) for op in forks]), MOST)

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
                if op in self.callbacks or op.is_function or op.is_endless:
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
        branches = self.branches(loop.body) + self.branches(loop.step) + 1
        rounds = self.rounds(loop)
        together = min(WINDOW / inside, WINDOW_BRANCHES / branches, rounds)
        multiplied = int(2 ** min(together * log2(round), 40)) + 1
        return min(multiplied, MOST)

    def branches(self, block: ops.Block) -> int:
        """Tests in `block`, without those in a loop inside of it."""
        found = 0
        for op in self.facts.turns_of(block).ops:
            found += isinstance(op, ops.If | ops.Check)
            if not isinstance(op, ops.Loop):
                found += sum([self.branches(inner) for inner in ops.blocks(op)])
        return found

    def undecided(self, op: ops.If) -> bool:
        return self.facts.always(op.condition) is None and not is_known(op.condition, self.known)


def estimate(body: ops.Block, facts: Facts, callbacks: frozenset[ops.Loop] = frozenset()) -> int:
    """Instructions that the verifier follows in a program whose loops in `callbacks` are functions."""
    return Weighing(body, facts).estimate(callbacks)


@final
class Weighing:
    """What a program costs the verifier, depending on which loops are functions."""

    def __init__(self, body: ops.Block, facts: Facts) -> None:
        self.body, self.facts = body, facts
        self._known = known_locals(body)
        self._carries: dict[ops.Loop, set[ops.Local]] = {}
        self._estimates: dict[frozenset[ops.Loop], int] = {}
        self._branches: dict[frozenset[ops.Loop], int] = {}

    def estimate(self, callbacks: frozenset[ops.Loop]) -> int:
        """Instructions that the verifier follows."""
        if callbacks not in self._estimates:
            known = self._known - {local for loop in callbacks for local in self._carried(loop)}
            ours = Estimate(self.facts, known, callbacks).block(self.body)
            worst = worst_case(self.body, self.facts, known, callbacks=callbacks)
            self._estimates[callbacks] = max(ours, worst)
        return self._estimates[callbacks]

    def branches(self, callbacks: frozenset[ops.Loop]) -> int:
        """Branches that the verifier may have to remember."""
        if callbacks not in self._branches:
            self._branches[callbacks] = open_branches(self.body, self.facts, callbacks, self._known)
        return self._branches[callbacks]

    def _carried(self, loop: ops.Loop) -> set[ops.Local]:
        """Locals that `loop` writes and something outside of it uses: what the verifier knows nothing of in a
        function."""
        if loop not in self._carries:
            inside = locals_named(*ops.blocks(loop))
            self._carries[loop] = {local for local in locals_written(loop) if self._everywhere[local] > inside[local]}
        return self._carries[loop]

    @cached_property
    def _everywhere(self) -> Counter[ops.Local]:
        return locals_named(self.body)


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
        for op in self.estimate.facts.turns_of(block).ops:
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
