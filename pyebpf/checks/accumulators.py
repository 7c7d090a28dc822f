"""Locals that a loop only adds to: how far they can get.

    n = 0
    for i in range(8):
        n += 1          # n grows by at most 1 each time this runs
        x = n
        n = x + 2       # the same, by way of another local

Widening alone would let n reach any number, and wrap around. But no op runs more often than the whole program may run
instructions, so what is added adds up to something finite.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.checks.environment import Environment, Interval, range_of
from pyebpf.ir import ops
from pyebpf.records import dataclass

MOST_RUNS: Final = 1 << 27
"""How often an op can run in one run of a program: programs that may run more instructions are refused."""
MOST_SOURCES: Final = 10_000
"""From which anything comes to locals, of all together: long chains of copies have each all that are before it."""


@final
@dataclass(frozen=True, slots=True)
class Growth:
    """What a loop does to a local: all that is added on the way to it, or taken away, the constants that it may come
    from, and the locals."""

    added: tuple[ops.Value, ...]
    taken: tuple[ops.Value, ...]
    set_to: tuple[int, ...]
    sources: tuple[ops.Local, ...]

    def limit(self, local: ops.Local, entry: Environment, intervals: dict[ops.Op, Interval]) -> Interval | None:
        """All that `local` can be in the loop, from `entry` before it; None if it might wrap around.

        A source that has no value before the loop is written before it is read.
        """
        starts = [(number, number) for number in self.set_to]
        starts += [entry.get(source) for source in self.sources if source is local or source in entry.intervals]
        low, high = min(start[0] for start in starts), max(start[1] for start in starts)
        for value, sign in (*((value, 1) for value in self.added), *((value, -1) for value in self.taken)):
            known = intervals.get(value)
            if known is None:
                continue  # never reached
            change = known if sign > 0 else (-known[1], -known[0])
            low, high = low + MOST_RUNS * min(change[0], 0), high + MOST_RUNS * max(change[1], 0)
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


def growths(loop: ops.Loop) -> dict[ops.Local, Growth]:
    """The locals that `loop` only adds to, copies, or sets to constants, without the loop's own counter."""
    steps: dict[ops.Local, list[_Step | None]] = {}
    writes = [op for block in (loop.body, loop.step) for op in ops.walk(block) if isinstance(op, ops.LocalSet)]
    written = {op.local for op in writes}
    for op in writes:
        steps.setdefault(op.local, []).append(_step(op.local, op.value, written))
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
        if growth.added or growth.taken:
            found[local] = growth
        left -= len(growth.sources)
        if left < 0:
            break
    return found


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
    amounts = [(step.amount, step.sign) for step in steps if step.amount is not None]
    return Growth(
        tuple(amount for amount, sign in amounts if sign > 0),
        tuple(amount for amount, sign in amounts if sign < 0),
        tuple(step.constant for step in steps if step.source is None),
        tuple(reached),
    )
