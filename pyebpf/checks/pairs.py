"""What is known while a program is followed: which copies Python would share, and what of them is out of date."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Final, TypeAlias, final

from pyebpf import layout
from pyebpf.checks.extents import Entry, Extent, Key, Keys, may_meet, part_of, surely_holds
from pyebpf.ir import ops
from pyebpf.records import dataclass

MOST_ELEMENTS: Final = 32
"""Of a list that is copied, the objects that are followed one by one."""
Stale: TypeAlias = "frozenset[tuple[int, int, ops.Op]]"
"""Bytes that were written on the other side, from and to, and by what."""
Copying: TypeAlias = "ops.Copy | ops.MapUpdate | ops.Call"


@final
@dataclass(frozen=True, slots=True)
class Pair:
    """What is one object in Python, in two places."""

    source: Extent
    target: Extent
    by: Copying
    loose: bool = False
    """Whether the bytes of one needn't be at the same offsets in the other."""

    def __hash__(self) -> int:
        return hash((self.source.root, self.target.root, self.by))


@final
@dataclass
class State:
    """What is known at a place in the program."""

    leads: dict[ops.Local, frozenset[Extent]] = field(default_factory=dict)
    pairs: dict[Pair, tuple[Stale, Stale]] = field(default_factory=dict)
    """Of the source, and of the target, what is out of date."""
    gone: dict[ops.Local, ops.Op] = field(default_factory=dict)
    """Names whose object was replaced, and by what."""
    keys: dict[ops.Slot, Key] = field(default_factory=dict)
    """What number lies in memory for keys."""
    numbers: dict[ops.Local, Keys] = field(default_factory=dict)
    """Locals that are so much more than others."""
    around: dict[object, dict[Pair, None]] = field(default_factory=dict)
    """All pairs that ever were with a side in a map or other memory; one object for all states of a program."""

    def copy(self) -> State:
        return State(
            dict(self.leads), dict(self.pairs), dict(self.gone), dict(self.keys), dict(self.numbers), self.around
        )

    def add(self, pair: Pair, source: Stale, target: Stale) -> None:
        """Such bytes are out of date, besides those that are known to be."""
        before = self.pairs.get(pair)
        if before is not None:
            source, target = before[0] | source, before[1] | target
        self.pairs[pair] = source, target
        for side in (pair.source, pair.target):
            self.around.setdefault(_memory(side), {})[pair] = None

    def near(self, extent: Extent) -> list[Pair]:
        """Those of the pairs with a side that may be where `extent` is."""
        return [pair for pair in self.around.get(_memory(extent), ()) if pair in self.pairs]


def _memory(extent: Extent) -> object:
    return extent.root.map if isinstance(extent.root, Entry) else extent.root


def join(a: State | None, b: State | None) -> State | None:
    if a is None or b is None:
        return b if a is None else a
    nothing: frozenset[Extent] = frozenset()
    leads = {key: a.leads.get(key, nothing) | b.leads.get(key, nothing) for key in a.leads.keys() | b.leads.keys()}
    pairs = dict(a.pairs)
    for pair, (source, target) in b.pairs.items():
        mine = pairs.get(pair, (frozenset(), frozenset()))
        pairs[pair] = mine[0] | source, mine[1] | target
    keys = {slot: key for slot, key in a.keys.items() if b.keys.get(slot) == key}
    numbers = {local: a.numbers[local] | b.numbers[local] for local in a.numbers.keys() & b.numbers.keys()}
    few = {local: found for local, found in numbers.items() if len(found) == 1 or _of_one_local(found)}
    return State(leads, pairs, b.gone | a.gone, keys, few, a.around)


def _of_one_local(keys: Keys) -> bool:
    """Whether it is an index that may be counted from the start or from the end, which gives the same place."""
    return len(keys) == 2 and len({key[0] if isinstance(key, tuple) else key for key in keys}) == 1


def written(pair: Pair, side: Extent, extent: Extent, op: ops.Op, mine: Stale, others: Stale) -> tuple[Stale, Stale]:
    """What is out of date on the side that was written, and on the other."""
    start, end = (0, max(pair.source.size, pair.target.size)) if pair.loose else part_of(side, extent)
    if surely_holds(side, extent) and side.known and extent.known and not pair.loose:
        mine = frozenset(part for part in mine if not (start <= part[0] and part[1] <= end))
    return mine, others | {(start, end, op)}


def pairs_of(source: Extent, target: Extent, op: ops.Copy) -> list[Pair]:
    if op.shares == "whole":
        return [Pair(source, target, op)]
    type = target.type
    assert isinstance(type, layout.Array) or not op.shares
    if not op.shares or not isinstance(type, layout.Array) or type.length > MOST_ELEMENTS:
        return [Pair(source, target, op)] if op.shares else []
    each = range(0, type.size, type.element.size)
    return [Pair(source.member(n, type.element), target.member(n, type.element), op) for n in each]


def through(state: State, source: Extent, target: Extent, op: Copying) -> Iterator[Pair]:
    """What shares with `source` already, or a part of it, does with `target` as well."""
    for pair in state.near(source):
        for side, other in ((pair.source, pair.target), (pair.target, pair.source)):
            if not may_meet(side, source) or other == target:
                continue
            if pair.loose or not (side.steps == source.steps and side.known and source.known):
                yield Pair(other, target, op, loose=True)
                continue
            if side.offset <= source.offset and source.offset + source.size <= side.offset + side.size:
                yield Pair(other.member(source.offset - side.offset, source.type), target, op)
            elif source.offset <= side.offset:
                yield Pair(other, target.member(side.offset - source.offset, side.type), op)


def unsettle(state: State, local: ops.Local) -> None:
    """`local` is assigned: what was told by what it held is not certain any more."""
    state.leads = {key: frozenset(each.without(local) for each in found) for key, found in state.leads.items()}
    pairs, state.pairs = state.pairs, {}
    for pair, (one, other) in pairs.items():
        state.add(Pair(pair.source.without(local), pair.target.without(local), pair.by, pair.loose), one, other)


def extents(state: State) -> Iterator[Extent]:
    for found in state.leads.values():
        yield from found
    for pair in state.pairs:
        yield from (pair.source, pair.target)
