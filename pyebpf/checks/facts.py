"""What the interval analysis found of a program, for those who ask again and again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import final

from pyebpf.checks.environment import Environment, Interval, range_of
from pyebpf.checks.instructions import Turns, turns
from pyebpf.checks.transfer import Mode
from pyebpf.ir import ops


@final
@dataclass
class Facts:
    """What the analysis found. Intervals hold for every execution of the op."""

    mode: Mode
    intervals: dict[ops.Op, Interval] = field(default_factory=dict)
    entries: dict[ops.Loop, Environment] = field(default_factory=dict)
    """What is known each time a loop is entered."""
    repeats: dict[ops.Loop, bool] = field(default_factory=dict)
    """Whether the end of the loop's body can be reached at all."""
    bounds: dict[ops.Loop, int | None] = field(default_factory=dict)
    """What was worked out of them (`checks/bounds.py`)."""
    turns: dict[int, tuple[ops.Block, Turns]] = field(default_factory=dict)
    """By the block's id; a block that is kept has it to itself."""

    def interval(self, value: ops.Value) -> Interval:
        return self.intervals.get(value) or range_of(value.type)

    def always(self, condition: ops.Value) -> bool | None:
        """True or False if `condition` is the same every time, else None."""
        low, high = self.interval(condition)
        return bool(low) if low == high else None

    def reachable(self, op: ops.Op) -> bool:
        """Whether any execution comes to `op` (a value, a Check, an If, a Loop)."""
        return op in self.intervals

    def carried(self, old: ops.Block, new: ops.Block) -> Facts:
        """The same of `new`, in which some ops of `old` are done in another way, in the same order; Forgets may have
        come in between, which change nothing, and the addresses of memory that they are for."""
        if new is old:
            return self
        found = Facts(self.mode)
        every = list(ops.walk(new))
        places: dict[ops.Op, Interval] = {op.address: (1, 1) for op in every if isinstance(op, ops.ForgetBytes)}
        found.intervals.update(places)
        after = (op for op in every if not (isinstance(op, ops.Forget | ops.ForgetBytes) or op in places))
        for op, other in zip(ops.walk(old), after, strict=True):
            if op in self.intervals:
                found.intervals[other] = self.intervals[op]
            if isinstance(op, ops.Loop) and isinstance(other, ops.Loop) and op in self.entries:
                found.entries[other], found.repeats[other] = self.entries[op], self.repeats[op]
        return found

    def turns_of(self, block: ops.Block) -> Turns:
        """What of `block` those look at who count instructions and ways."""
        found = self.turns.get(id(block))
        if found is None:
            found = self.turns[id(block)] = (block, turns(block))
        return found[1]


def locals_named(*blocks: ops.Block) -> Counter[ops.Local]:
    """How often ops in `blocks` read or write each local."""
    return Counter(
        op.local for block in blocks for op in ops.walk(block) if isinstance(op, ops.LocalGet | ops.LocalSet)
    )


def locals_read(*blocks: ops.Block) -> Counter[ops.Local]:
    """How often ops in `blocks` read each local."""
    return Counter(op.local for block in blocks for op in ops.walk(block) if isinstance(op, ops.LocalGet))


def locals_written(op: ops.Op) -> frozenset[ops.Local]:
    """The locals that some op inside `op` writes."""
    return frozenset(
        inner.local for block in ops.blocks(op) for inner in ops.walk(block) if isinstance(inner, ops.LocalSet)
    )
