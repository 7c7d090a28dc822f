"""How far what a loop changes is taken to go at first: to the numbers that the loop itself speaks of.

Those are the constants in it and the limits of what it reads from outside: that is where tests in it stop something. A
program may have hundreds of other constants, and stopping at each of them would take as many rounds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Final, final

from pyebpf.checks.environment import Environment, Key
from pyebpf.ir import ops
from pyebpf.ir.types import I64_MAX, I64_MIN, U64_MAX, IntType

ALWAYS: Final = frozenset({I64_MIN, -1, 0, 1, I64_MAX, U64_MAX})


def _around(number: int) -> tuple[int, int, int]:
    """Where a comparison with `number` may stop something."""
    return number - 1, number, number + 1


@final
class Thresholds:
    """Of one loop, given what is known before it."""

    def __init__(self, names: Names, known: Environment) -> None:
        found = set(names.constants)
        for key in names.outside:
            interval = known.intervals.get(key)
            if interval is not None:
                found.update(*map(_around, interval))
        self._numbers = sorted(found)

    def below(self, number: int) -> int:
        """The largest that is not above `number`."""
        return self._numbers[max(bisect_right(self._numbers, number) - 1, 0)]

    def above(self, number: int) -> int:
        """The smallest that is not below `number`."""
        return self._numbers[min(bisect_left(self._numbers, number), len(self._numbers) - 1)]


@final
class Names:
    """What a loop speaks of."""

    def __init__(self, loop: ops.Loop) -> None:
        inside = {op for block in ops.blocks(loop) for op in ops.walk(block)}
        used = {value for op in (loop, *inside) for value in ops.operands(op)}
        constants = set(ALWAYS)
        for op in inside | used:
            if isinstance(op, ops.Const):
                constants.update(_around(op.value))
            if op in inside and ops.is_value(op) and isinstance(op.type, IntType):
                constants |= {op.type.low, op.type.high}
        self.constants = frozenset(constants)
        read = {op.local for op in inside if isinstance(op, ops.LocalGet)}
        self.outside: frozenset[Key] = frozenset(used - inside) | read
