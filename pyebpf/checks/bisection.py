"""Bounds of loops that halve the distance between two locals.

    while low < high:                   In each round `low` or `high` comes to the middle, so that at most half of what
        middle = (low + high) // 2      lies between them is left: as many rounds as the distance has bits.
        if values[middle] < x:
            low = middle + 1
        else:
            high = middle

Comes in: a test that keeps a loop going. Goes out: how often it can hold, or None. Entry: `rounds`.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.checks.facts import Facts
from pyebpf.checks.shapes import bare, halfway, halved
from pyebpf.checks.written import always_written
from pyebpf.ir import ops
from pyebpf.records import dataclass

MOST: Final = 1 << 62
"""How large the ends may be, so that their sum is what it is in Python."""


def rounds(loop: ops.Loop, low: ops.Local, high: ops.Local, least: int, facts: Facts) -> int | None:
    """How often `high - low >= least`, which keeps the loop going, can hold. `least`: 0 or 1."""
    entry = facts.entries[loop]
    if low is high or not always_written(loop.body, frozenset((low, high)), loop.label):
        return None
    for at, op in enumerate(loop.body.ops):
        if isinstance(op, ops.LocalSet):
            early = frozenset(ops.walk(ops.Block(loop.body.ops[: at + 1])))
            if _Middle(low, high, op, early).halves(loop, least, facts):
                return max(0, entry.get(high)[1] - entry.get(low)[0] + 1 - least).bit_length()
    return None


@final
@dataclass(frozen=True)
class _Middle:
    """What may be the middle between two ends. `early`: the ops of a round up to the one that computes it."""

    low: ops.Local
    high: ops.Local
    computed: ops.LocalSet
    early: frozenset[ops.Op]

    def halves(self, loop: ops.Loop, least: int, facts: Facts) -> bool:
        """Whether it is the middle, and the ends come to it wherever they are written."""
        ends, middle = (self.low, self.high), self.computed.local
        if middle in ends or not self.is_middle(bare(self.computed.value)):
            return False
        blocks = (loop.body, loop.step)
        writes = [op for block in blocks for op in ops.walk(block) if isinstance(op, ops.LocalSet)]
        if [op for op in writes if op.local is middle] != [self.computed]:
            return False
        moves = [op for op in writes if op.local in ends]
        if not all(op not in self.early and self.comes_nearer(op, least) for op in moves):
            return False
        read = [facts.interval(op) for op in self.early if isinstance(op, ops.LocalGet) and op.local in ends]
        return all(low >= -MOST and high <= MOST for low, high in read)

    def is_middle(self, value: ops.Value) -> bool:
        """`(low + high) // 2` or `low + (high - low) // 2`, of what the ends are before they are written."""
        whole = halved(value)
        if whole is not None:
            return self.is_of(whole, "+", self.low, self.high) or self.is_of(whole, "+", self.high, self.low)
        return isinstance(value, ops.Binary) and any(
            self.reads_end(one, self.low) and self.is_of(distance, "-", self.high, self.low)
            for one, distance in halfway(value)
        )

    def is_of(self, value: ops.Value, operator: ops.Arithmetic, left: ops.Local, right: ops.Local) -> bool:
        return (
            isinstance(value, ops.Binary)
            and value.operator == operator
            and self.reads_end(value.left, left)
            and self.reads_end(value.right, right)
        )

    def reads_end(self, value: ops.Value, end: ops.Local) -> bool:
        value = bare(value)
        return isinstance(value, ops.LocalGet) and value.local is end and value in self.early

    def comes_nearer(self, write: ops.LocalSet, least: int) -> bool:
        """Whether the lower end comes to just above the middle; the upper one to just below it, or, where at least 1
        was between them, to the middle itself."""
        value, above = bare(write.value), write.local is self.low
        if self.reads_middle(value):
            return not above and least == 1
        if not (isinstance(value, ops.Binary) and value.operator == ("+" if above else "-")):
            return False
        one = bare(value.right)
        return self.reads_middle(bare(value.left)) and isinstance(one, ops.Const) and one.value == 1

    def reads_middle(self, value: ops.Value) -> bool:
        """Whether it is what was computed in this round."""
        return isinstance(value, ops.LocalGet) and value.local is self.computed.local and value not in self.early
