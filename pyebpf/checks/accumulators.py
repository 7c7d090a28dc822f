"""Locals that a loop only adds to: how far they can get.

    n = 0
    for i in range(8):
        n += 1          # n grows by at most 1 each time this runs
        x = n
        n = x + 2       # the same, by way of another local

Widening alone would let n reach any number, and wrap around. But an op runs only as often as the loops around it go
round, or else as the whole program may run instructions, so what is added adds up to something finite.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, TypeAlias, final

from pyebpf.checks.environment import Environment, Interval, range_of
from pyebpf.ir import ops
from pyebpf.ir.ranges import rounds
from pyebpf.records import dataclass

MOST_RUNS: Final = 1 << 27
"""How often an op can run in one run of a program: programs that may run more instructions are refused."""
MOST_ITEMS: Final = (1 << 31) - 1
"""Of one iterator of the kernel's. Tasks, mappings and the like are counted by an `int` there; and each takes long
enough for no run to come to more."""
ENDLESS: Final = 1 << 40
"""How often an op can run in loops that iterators end: it would take hours, in which the CPU does nothing else."""
MOST_SOURCES: Final = 10_000
"""From which anything comes to locals, of all together: long chains of copies have each all that are before it."""


Nest: TypeAlias = "tuple[ops.Loop, ...]"
"""The loops around an op, from the one that is looked at inwards."""


@final
@dataclass(frozen=True, slots=True)
class Growth:
    """What a loop does to a local: all that is added on the way to it, or taken away (-1), the constants that it may
    come from, and the locals."""

    changes: tuple[tuple[ops.Value, int, Nest], ...]
    set_to: tuple[int, ...]
    sources: tuple[ops.Local, ...]

    def limit(self, local: ops.Local, entry: Environment, intervals: dict[ops.Op, Interval]) -> Interval | None:
        """All that `local` can be in the loop, from `entry` before it; None if it might wrap around.

        A source that has no value before the loop is written before it is read.
        """
        starts = [(number, number) for number in self.set_to]
        starts += [entry.get(source) for source in self.sources if source is local or source in entry.intervals]
        low, high = min(start[0] for start in starts), max(start[1] for start in starts)
        for value, sign, nest in self.changes:
            known = intervals.get(value)
            if known is None:
                continue  # never reached
            change, runs = known if sign > 0 else (-known[1], -known[0]), _runs(nest, intervals)
            low, high = low + runs * min(change[0], 0), high + runs * max(change[1], 0)
        type = range_of(local.type)
        return (low, high) if type[0] <= low and high <= type[1] else None


@final
@dataclass(frozen=True, slots=True)
class _Step:
    """One write: a constant, or what another local holds, and what is added to it or taken away."""

    source: ops.Local | None
    constant: int = 0
    amount: ops.Value | None = None
    sign: int = 1
    nest: Nest = ()


def growths(loop: ops.Loop) -> dict[ops.Local, Growth]:
    """The locals that `loop` only adds to, copies, or sets to constants, without the loop's own counter."""
    steps: dict[ops.Local, list[_Step | None]] = {}
    writes = list(_writes(loop, ()))
    written = {op.local for op, _ in writes}
    for op, nest in writes:
        step = _step(op.local, op.value, written)
        steps.setdefault(op.local, []).append(replace(step, nest=nest) if step is not None else None)
    if loop.counting is not None:
        steps[loop.counting.counter] = [None]
    known = {local: [step for step in each if step is not None] for local, each in steps.items() if None not in each}
    while True:
        unknown = {local for local, each in known.items() if any(_outside(step, known, steps) for step in each)}
        if not unknown:
            break
        known = {local: each for local, each in known.items() if local not in unknown}
    found: dict[ops.Local, Growth] = {}
    left = MOST_SOURCES
    for local in known:
        growth = _growth(local, known)
        if growth.changes:
            found[local] = growth
        left -= len(growth.sources)
        if left < 0:
            break
    return found


def _writes(op: ops.Op, around: Nest) -> Iterator[tuple[ops.LocalSet, Nest]]:
    """The writes inside of `op`, each with the loops around it."""
    if isinstance(op, ops.Loop):
        around = (*around, op)
    for block in ops.blocks(op):
        for inner in block.ops:
            if isinstance(inner, ops.LocalSet):
                yield inner, around
            yield from _writes(inner, around)


def _runs(nest: Nest, intervals: dict[ops.Op, Interval]) -> int:
    """How often an op runs at most, by what is known of what the loops around it count."""
    runs, limit = 1, MOST_RUNS
    for loop in nest:
        if loop.is_endless:
            runs, limit = min(runs * MOST_ITEMS, ENDLESS), ENDLESS
            continue
        most = MOST_RUNS if loop.bound is None else loop.bound + 1
        if (counting := loop.counting) is not None:  # what it adds to comes after its test
            most = rounds(_interval(counting.start, intervals), _interval(counting.stop, intervals), counting.step)
        runs = min(runs * most, limit)
    return runs


def _interval(value: ops.Value, intervals: dict[ops.Op, Interval]) -> Interval:
    return (value.value, value.value) if isinstance(value, ops.Const) else intervals.get(value, range_of(value.type))


def _outside(step: _Step, known: dict[ops.Local, list[_Step]], written: dict[ops.Local, list[_Step | None]]) -> bool:
    """Whether a write takes from a local that changes in the loop in a way that isn't followed."""
    return step.source is not None and step.source in written and step.source not in known


def _step(local: ops.Local, value: ops.Value, written: set[ops.Local]) -> _Step | None:
    match value:
        case ops.Const():
            return _Step(None, value.value)
        case ops.LocalGet():
            return _Step(value.local)
        case ops.Binary(operator="+", left=left, right=right):
            for one, other in ((left, right), (right, left)):
                if isinstance(one, ops.LocalGet) and one.local is local:
                    return _Step(local, 0, other)
            for one, other in ((left, right), (right, left)):
                if isinstance(one, ops.LocalGet) and one.local in written:
                    return _Step(one.local, 0, other)
        case ops.Binary(operator="-", left=ops.LocalGet(local=read), right=amount):
            return _Step(read, 0, amount, -1)
    return None


def _growth(local: ops.Local, known: dict[ops.Local, list[_Step]]) -> Growth:
    """All that can come to `local`, through whichever locals. Each addition on the way is a run of its own."""
    reached, waiting = {local: None}, [local]
    steps: list[_Step] = []
    while waiting:
        for step in known.get(waiting.pop(), ()):
            steps.append(step)
            if step.source is not None and step.source not in reached:
                reached[step.source] = None
                waiting.append(step.source)
    return Growth(
        tuple((step.amount, step.sign, step.nest) for step in steps if step.amount is not None),
        tuple(step.constant for step in steps if step.source is None),
        tuple(reached),
    )
