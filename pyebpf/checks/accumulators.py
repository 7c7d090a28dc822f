"""Locals that a loop only adds to: how far they can get.

    n = 0
    for i in range(8):
        n += 1          # n grows by at most 1 each time this runs

Widening alone would let n reach any number, and wrap around. But no op runs more often than the whole program may run
instructions, so what is added adds up to something finite.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from pyebpf.checks.environment import Interval, hull, range_of
from pyebpf.ir import ops
from pyebpf.records import dataclass

MOST_RUNS: Final = 1 << 27
"""How often an op can run in one run of a program: programs that may run more instructions are refused."""


@final
@dataclass(frozen=True, slots=True)
class Growth:
    """What a loop does to a local: all that is added to it, or taken away, and the constants that it is set to."""

    added: tuple[ops.Value, ...]
    taken: tuple[ops.Value, ...]
    set_to: tuple[int, ...]

    def limit(self, local: ops.Local, entry: Interval, intervals: dict[ops.Op, Interval]) -> Interval | None:
        """All that `local` can be in the loop, from `entry` before it; None if it might wrap around."""
        low, high = entry
        for number in self.set_to:
            low, high = hull((low, high), (number, number))
        for value, sign in (*((value, 1) for value in self.added), *((value, -1) for value in self.taken)):
            known = intervals.get(value)
            if known is None:
                continue  # never reached
            change = known if sign > 0 else (-known[1], -known[0])
            low, high = low + MOST_RUNS * min(change[0], 0), high + MOST_RUNS * max(change[1], 0)
        type = range_of(local.type)
        return (low, high) if type[0] <= low and high <= type[1] else None


def growths(loop: ops.Loop) -> dict[ops.Local, Growth]:
    """The locals that `loop` only adds to or sets to constants, without the loop's own counter."""
    writes: dict[ops.Local, list[ops.Value]] = {}
    for op in _walk((*loop.body.ops, *loop.step.ops)):
        if isinstance(op, ops.LocalSet):
            writes.setdefault(op.local, []).append(op.value)
    if loop.counting is not None:
        writes.pop(loop.counting.counter, None)
    found = {local: _growth(local, values) for local, values in writes.items()}
    return {local: growth for local, growth in found.items() if growth is not None}


def _growth(local: ops.Local, values: list[ops.Value]) -> Growth | None:
    added, taken, set_to = [], [], []
    for value in values:
        match value:
            case ops.Const():
                set_to.append(value.value)
            case ops.Binary(operator="+", left=ops.LocalGet(local=read), right=amount) if read is local:
                added.append(amount)
            case ops.Binary(operator="+", left=amount, right=ops.LocalGet(local=read)) if read is local:
                added.append(amount)
            case ops.Binary(operator="-", left=ops.LocalGet(local=read), right=amount) if read is local:
                taken.append(amount)
            case _:
                return None
    return Growth(tuple(added), tuple(taken), tuple(set_to)) if added or taken else None


def _walk(block: tuple[ops.Op, ...]) -> Iterator[ops.Op]:
    for op in block:
        yield op
        for inner in ops.blocks(op):
            yield from _walk(inner.ops)
