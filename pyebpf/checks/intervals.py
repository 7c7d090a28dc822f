"""Interval analysis: what every value can be, on every way through a program.

Comes in: a program's structured IR. Goes out: Facts. Branches refine what they
test, checks refine what follows them, loops are followed until nothing new is
learnt (with widening to the numbers that they speak of, then narrowing).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from pyebpf.checks.accumulators import Growth, growths
from pyebpf.checks.environment import Delta, Environment, Interval, Key, hull, meet, range_of
from pyebpf.checks.facts import Facts, locals_written
from pyebpf.checks.joining import Arrivals, differing, join
from pyebpf.checks.liveness import Liveness, liveness
from pyebpf.checks.thresholds import Names, Thresholds
from pyebpf.checks.transfer import Mode, assume, interval_of, unknown
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.types import BoolType, IntType

MOST_ROUNDS = 64
"""Rounds of a loop before every changing interval is given up; widening ends far earlier."""
NARROWING_ROUNDS = 2
MOST_KNOWN = 2_000
"""Values and locals of which something is known at a time."""
MOST_VISITS = 100
"""To each op, on average. Loops in loops in loops are followed so often that each level multiplies; after that many
visits the rounds of a loop aren't followed one by one any more."""


def analyze(program: Program, mode: Mode) -> Facts:
    """Facts about one program."""
    visits = MOST_VISITS * sum(1 for _ in ops.walk(program.body))
    analysis = _Analysis(Facts(mode), visits, liveness(program.body))
    analysis.block(program.body, Environment())
    return analysis.facts


def _includes(outer: Interval, inner: Interval) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _begin(known: Environment, written: frozenset[ops.Local]) -> None:
    """Locals that a loop is the first to write are zero before it."""
    for local in written:
        low, high = range_of(local.type)
        if local not in known.intervals and local not in known.lost and low <= 0 <= high:
            known.set(local, (0, 0))
            known.renew(local)


def _forget(head: Environment, written: frozenset[ops.Local]) -> Environment:
    """At a loop's head, what was known of the former contents of locals says nothing of those of the next round."""
    for local in written:
        head.unlearn(local)
    return head


def _limit(key: Key, interval: Interval) -> Interval:
    """How far `interval` can be widened. What the verifier was made to forget may be outside of its type."""
    low, high = range_of(key.type)
    beyond = isinstance(key.type, IntType) and not (low <= interval[0] and interval[1] <= high)
    return unknown(key.type) if beyond and isinstance(key.type, IntType) else (low, high)


@final
class _About:
    """What can be said of a loop without regard to what is known before it."""

    def __init__(self, loop: ops.Loop, mode: Mode) -> None:
        self.written = locals_written(loop)
        self.growing = growths(loop) if mode == "language" else {}
        self.names = Names(loop)


@final
@dataclass
class _Analysis:
    facts: Facts
    visits: int
    """How often ops may be visited yet."""
    lives: Liveness
    leaves: dict[ops.Label, Arrivals] = field(default_factory=dict)
    repeats: dict[ops.Label, Arrivals] = field(default_factory=dict)
    found: dict[ops.Loop, tuple[Environment, Environment]] = field(default_factory=dict)
    """What was known before each loop the last time, and what then was found at its head."""
    depth: int = 0
    """Loops that are being followed."""
    loops: dict[ops.Loop, _About] = field(default_factory=dict)
    """The same each time."""
    functions: list[set[ops.Label]] = field(default_factory=list)
    """The loops that are functions to the verifier, outermost first: labels that are inside of each."""

    def block(self, block: ops.Block, known: Environment | None) -> Environment | None:
        """What is known after `block`, given what is known before it; None where its end can't be reached."""
        self.visits -= len(block.ops)
        for op in block.ops:
            if known is None:
                return None
            known = self.op(op, known)
        return known

    def op(self, op: ops.Op, known: Environment) -> Environment | None:
        match op:
            case ops.LocalSet():
                self.set_local(op, known)
            case ops.Forget():
                if self.facts.mode == "verifier":
                    for local in op.locals:
                        known.forget(
                            local, unknown(local.type) if isinstance(local.type, IntType) else range_of(local.type)
                        )
            case ops.Check():
                self.facts.intervals[op] = known.get(op.condition)
                if op.failing is not None:
                    self.drop(op, known)
                    otherwise = known.copy()
                    self.block(op.failing, otherwise if assume(otherwise, op.condition, False) else None)
                return known if assume(known, op.condition, True) else None
            case ops.If():
                return self.if_(op, known)
            case ops.Loop():
                return self.loop(op, known)
            case ops.Scope():
                return self.scope(op, known)
            case ops.Break():
                self.leaves[op.label].add(self.outside(op.label, known, self.lives.ends[op.label]))
                return None
            case ops.Continue():
                self.repeats[op.label].add(self.outside(op.label, known, self.lives.bodies[op.label]))
                return None
            case ops.Return() | ops.Raise():
                self.facts.intervals[op] = (0, 1)
                return None
            case _ if ops.is_value(op):
                self.value(op, known)
        return known

    def outside(self, label: ops.Label, known: Environment, place: int) -> Environment:
        """What is known after a jump to `label`, which may lead out of a function."""
        return self.hidden(known, place) if self.functions and label not in self.functions[-1] else known

    def hidden(self, known: Environment, place: int) -> Environment:
        """What the verifier knows in a function of the numbers outside, which it reads from memory: their types at
        most."""
        return known.hidden(lambda key: self.lives.asked(key, place), unknown)

    def join(self, a: Environment | None, b: Environment | None, place: int) -> Environment | None:
        return join(a, b, self.lives, place)

    def drop(self, op: ops.Op, known: Environment) -> None:
        """Of what is known at `op` what isn't worth to be copied."""
        # What the verifier knows of a value may be less than its type says.
        known.drop(self.lives.last, self.lives.numbers[op], MOST_KNOWN if self.facts.mode == "language" else None)

    def value(self, op: ops.Value, known: Environment) -> None:
        interval = interval_of(op, known, self.facts.mode)
        known.define(op, interval)
        self.facts.intervals[op] = interval
        if isinstance(op, ops.LocalGet):
            known.read(op.local, op)
        if isinstance(op, ops.NotNull) and self.facts.mode == "verifier":
            self.facts.intervals[op] = known.get(op.pointer)  # as of what is to be proven
            known.refine(op.pointer, (1, 1))
        if isinstance(op, ops.Prove):
            self.facts.intervals[op] = known.get(op.value)  # what there is to prove it with
            if not (isinstance(op.type, IntType) and self.facts.mode == "verifier"):
                known.refine(op.value, range_of(op.type) if not isinstance(op.type, BoolType) else (1, 1))

    def set_local(self, op: ops.LocalSet, known: Environment) -> None:
        implied: tuple[Delta | None, Delta | None] | None = None
        if isinstance(op.local.type, BoolType) and not isinstance(op.value, ops.Const):
            implied = (
                known.supposed(lambda known: assume(known, op.value, False)),
                known.supposed(lambda known: assume(known, op.value, True)),
            )
        known.write(op.local, op.value)
        if implied is not None:
            known.when[op.local] = implied  # which write has named among what is changed

    def if_(self, op: ops.If, known: Environment) -> Environment | None:
        self.facts.intervals[op] = known.get(op.condition)
        self.drop(op, known)
        otherwise = known.copy()
        taken = self.block(op.then, known if assume(known, op.condition, True) else None)
        other = self.block(op.orelse, otherwise if assume(otherwise, op.condition, False) else None)
        return self.join(taken, other, self.lives.ends[op])

    def scope(self, op: ops.Scope, known: Environment) -> Environment | None:
        self.facts.intervals[op] = (0, 1)
        self.leaves[op.label] = Arrivals(self.lives, self.lives.ends[op.label])
        if self.functions:
            self.functions[-1].add(op.label)
        end = self.block(op.body, known)
        return self.join(end, self.leaves.pop(op.label).joined(), self.lives.ends[op])

    def loop(self, op: ops.Loop, known: Environment) -> Environment | None:
        self.facts.intervals[op] = (0, 1)
        self.drop(op, known)
        self.facts.entries[op] = known.of_locals()
        self.facts.repeats[op] = False
        if op not in self.loops:
            self.loops[op] = _About(op, self.facts.mode)
        place, about = self.lives.numbers[op], self.loops[op]
        written, growing = about.written, about.growing
        if self.facts.mode == "language":
            _begin(known, written)
        if self.visits < 0:
            return self.loop_at_once(op, known, written)
        function = op.is_function and self.facts.mode == "verifier"
        if function:
            known = self.hidden(known, place)
            self.functions.append({op.label})
        elif self.functions:
            self.functions[-1].add(op.label)
        thresholds = Thresholds(about.names, known)
        head = self.head(op, known)
        self.depth += 1
        end, back = self.round(op, head.copy())
        for number in range(MOST_ROUNDS):
            merged = self.join(known.copy(), back, place)
            assert merged is not None
            limits = self.limit(growing, known, merged)
            limits = limits if number < MOST_ROUNDS // 2 else {}
            steps = thresholds if number < MOST_ROUNDS - 1 else None
            wider = self.widen(head, merged, place, limits, steps)
            if wider is None:
                break
            head = _forget(wider, written)
            end, back = self.round(op, head.copy())
        for _ in range(NARROWING_ROUNDS):
            narrower = self.join(known.copy(), back, place)
            assert narrower is not None
            self.limit(growing, known, narrower)
            if all(head.intervals.get(key) == narrower.intervals.get(key) for key in self.asked(head, narrower, place)):
                break
            head = _forget(narrower, written)
            end, back = self.round(op, head.copy())
        self.facts.repeats[op] = back is not None
        self.depth -= 1
        if self.depth:
            self.found[op] = known, head
        else:
            self.found.clear()  # nothing comes to it again
        if function:
            self.functions.pop()
        return self.hidden(end, self.lives.ends[op]) if function and end is not None else end

    def head(self, op: ops.Loop, known: Environment) -> Environment:
        """Where to begin: with what is known before the loop; and with what was found at its head of the locals that
        it writes when less was known (an outer loop goes round once more), which will be found again."""
        head, about = known.copy(), self.loops[op]
        if op in self.found:
            before, found = self.found[op]
            if all(_includes(known.get(key), before.get(key)) for key in about.names.outside | about.written):
                for local in about.written & known.intervals.keys():
                    head.set(local, hull(known.intervals[local], found.get(local)))
        return _forget(head, about.written)

    def loop_at_once(self, op: ops.Loop, known: Environment, written: frozenset[ops.Local]) -> Environment | None:
        """What is known after a loop, where all that it writes may be anything at its head."""
        start = (0, 0) if op.counting is None else known.get(op.counting.start)
        head = _forget(known, written)
        for local in written:
            head.set(local, range_of(local.type))
        if op.counting is not None:
            low, high = range_of(op.counting.counter.type)
            head.set(op.counting.counter, (start[0], high) if op.counting.step > 0 else (low, start[1]))
        end, back = self.round(op, head)
        self.facts.repeats[op] = back is not None
        return end

    def round(self, op: ops.Loop, head: Environment) -> tuple[Environment | None, Environment | None]:
        """One time round: what is known where the loop is left, and at its head next time."""
        self.leaves[op.label] = Arrivals(self.lives, self.lives.ends[op.label])
        self.repeats[op.label] = Arrivals(self.lives, self.lives.bodies[op.label])
        end = self.block(op.body, head)
        end = self.join(end, self.repeats.pop(op.label).joined(), self.lives.bodies[op.label])
        back = self.block(op.step, end) if end is not None else None
        return self.leaves.pop(op.label).joined(), back

    def limit(self, growing: dict[ops.Local, Growth], entry: Environment, known: Environment) -> dict[Key, Interval]:
        """Keep what a loop only adds to within what that can add up to; the limits."""
        limits: dict[Key, Interval] = {}
        for local, growth in growing.items():
            found = growth.limit(local, entry, self.facts.intervals)
            inside = meet(known.get(local), found) if found is not None and local in known.intervals else None
            if found is not None and inside is not None:
                known.set(local, inside)
                limits[local] = found
        return limits

    def asked(self, head: Environment, merged: Environment, place: int) -> Iterator[Key]:
        """All of which the two may say something different, and that anybody asks for after `place`."""
        return (key for key in differing(head, merged) if self.lives.asked(key, place))

    def widen(
        self,
        head: Environment,
        merged: Environment,
        place: int,
        limits: dict[Key, Interval],
        steps: Thresholds | None,
    ) -> Environment | None:
        """`head` grown to what `merged` adds, to the next of `steps` or to its limit; None if it adds nothing.

        Uses `merged` up.
        """
        grown = False
        for key in self.asked(head, merged, place):
            old, new = head.intervals.get(key), merged.intervals.get(key)
            if old is None or new is None:
                grown = grown or old is not None
                continue
            low, high = hull(old, new)
            if (low, high) != old:
                grown = True
                limit = limits.get(key) or _limit(key, (low, high))
                if key in limits:
                    merged.set(key, hull(old, limit))
                    continue
                low = old[0] if low == old[0] else limit[0] if steps is None else max(limit[0], steps.below(low))
                high = old[1] if high == old[1] else limit[1] if steps is None else min(limit[1], steps.above(high))
            merged.set(key, (low, high))
        return merged if grown else None
