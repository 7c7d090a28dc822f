"""How long something is known about each value and local that anybody may ask for.

Most values are used once, right after they were computed. Where ways through a program meet, nothing need be said of
those that nobody asks for any more: that is what keeps environments small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeGuard, final

from pyebpf.checks.environment import Key
from pyebpf.ir import ops
from pyebpf.ir.types import BoolType

PASSES = 2
"""Over a program: a copy of a local keeps alive what it was copied from, which may be a copy itself."""


@final
@dataclass(slots=True, eq=False)
class _Around:
    """A loop: what is used in it may be used again until it ends."""

    outer: _Around | None
    end: int

    def until(self, outside: _Around | None) -> int:
        """The end of the outermost loop around this one (or this one) that is inside of `outside`."""
        loop = self
        while loop.outer is not outside:
            assert loop.outer is not None, "a value is used where it isn't known"
            loop = loop.outer
        return loop.end


@final
@dataclass(slots=True, eq=False)
class _Home:
    """Where a local is met first. If that writes it, and all else is in the same block, nothing outlasts the block:
    each time round a loop around it begins with that write."""

    number: int
    loop: _Around | None
    writes: bool
    block: list[int]
    """The last op of the block, once it is known."""
    latest: int
    """The last op that reads or writes it."""

    @property
    def settled(self) -> bool:
        return self.writes and self.latest <= self.block[0]

    @property
    def place(self) -> _Around | None:
        return self.loop if self.settled else None


@final
@dataclass(slots=True, eq=False)
class Liveness:
    """Ops are numbered as they stand in the program."""

    count: int = 0
    numbers: dict[ops.Op, int] = field(default_factory=dict)
    """Of loops and what else has blocks."""
    ends: dict[ops.Op | ops.Label, int] = field(default_factory=dict)
    """The last op inside of each, also by their labels."""
    bodies: dict[ops.Label, int] = field(default_factory=dict)
    """The last op of a loop's body, before its step."""
    last: dict[Key, int] = field(default_factory=dict)
    """The last op before which anybody asks, in whichever round of a loop."""
    first: dict[Key, int] = field(default_factory=dict)
    """The op that sets it, if it does so in each round of a loop around it: what it held before, nobody asks for."""
    homes: dict[ops.Local, _Home] = field(default_factory=dict)

    def asked(self, key: Key, place: int) -> bool:
        """Whether anybody asks after op `place` for what `key` is there."""
        return self.first.get(key, 0) <= place < self.last.get(key, 0)


def liveness(body: ops.Block) -> Liveness:
    """Of a whole program."""
    found = Liveness()
    all_ops = list(_number(body, None, found))
    places = {op: loop for op, _, loop in all_ops if ops.is_value(op)}
    found.first.update((op, number) for op, number, _ in all_ops if ops.is_value(op))
    found.first.update((local, home.number) for local, home in found.homes.items() if home.settled)
    written = Counter(op.value for op, _, _ in all_ops if isinstance(op, ops.LocalSet))
    all_ops.reverse()
    last = found.last
    for _ in range(PASSES):
        for op, number, loop in all_ops:
            own = last.get(op, 0) if ops.is_value(op) else 0
            for operand in ops.operands(op):
                if operand not in places:
                    continue  # a constant from the function around a callback
                until = _until(number, loop, places[operand])
                last[operand] = max(last.get(operand, 0), until, own)
            if isinstance(op, ops.LocalGet):
                until = _until(number, loop, found.homes[op.local].place)
                last[op.local] = max(last.get(op.local, 0), until, own)
            elif _tells(op, written):
                last[op.value] = max(last[op.value], last.get(op.local, 0))
    return found


def _tells(op: ops.Op, written: Counter[ops.Value]) -> TypeGuard[ops.LocalSet]:
    """Whether `op` tells that two locals are the same; truth values say by themselves what they imply."""
    if not isinstance(op, ops.LocalSet) or isinstance(op.local.type, BoolType):
        return False
    return isinstance(op.value, ops.LocalGet) or written[op.value] > 1


def _until(number: int, loop: _Around | None, place: _Around | None) -> int:
    """Until when what op `number` in `loop` asks for is asked for again, if it is set anew each time round `place`."""
    return number if loop is place or loop is None else loop.until(place)


def _number(block: ops.Block, loop: _Around | None, found: Liveness) -> Iterator[tuple[ops.Op, int, _Around | None]]:
    """Every op with its number, and the innermost loop around it."""
    end = [0]
    for op in block.ops:
        found.count += 1
        yield op, found.count, loop
        if isinstance(op, ops.LocalGet | ops.LocalSet):
            home = found.homes.get(op.local)
            if home is None:
                found.homes[op.local] = _Home(found.count, loop, isinstance(op, ops.LocalSet), end, found.count)
            else:
                home.latest = found.count
        inner = ops.blocks(op)
        if not inner:
            continue
        found.numbers[op] = found.count
        around = _Around(loop, 0) if isinstance(op, ops.Loop) else loop
        for each in inner:
            yield from _number(each, around, found)
            if isinstance(op, ops.Loop):
                found.bodies.setdefault(op.label, found.count)
        if isinstance(op, ops.Loop):
            found.count += 1  # the way back: until there all is asked for that the next round asks for
        found.ends[op] = found.count
        if isinstance(op, ops.Loop):
            assert around is not None
            around.end = found.count
        if isinstance(op, ops.Loop | ops.Scope):
            found.ends[op.label] = found.count
    end[0] = found.count
