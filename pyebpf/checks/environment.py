"""What is known at one point of a program: an interval for every local and value, and what truth values imply.

Intervals are pairs of Python integers. Truth values are 0 or 1; pointers are 0 (null) or 1.
Everything carries a version, renewed when it is written, so that a fact learnt
earlier is used only for the value that it was learnt about.

Environments hold all that is known, and remember what was changed since they were copied from one another: a join of
two looks at nothing else (`checks/joining.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, TypeAlias, final

from pyebpf.ir import ops
from pyebpf.ir.types import I64_MAX, BoolType, IntType, PointerType, ValueType

Interval: TypeAlias = tuple[int, int]
Key: TypeAlias = "ops.Local | ops.Value"
Delta: TypeAlias = dict[Key, tuple[Interval, int]]
"""What is known beyond an environment: intervals, and the versions that they are about. Never changed once made."""
FEW: Final = 64
"""Intervals that it isn't worth looking through."""
MOST_SAME: Final = 64
"""Values that are known to equal a local. Whoever reads it more often in one breath has the last ones known."""
fresh = count(1).__next__
"""A version that nothing else has."""


def range_of(type: ValueType) -> Interval:
    """All that a type allows."""
    match type:
        case IntType():
            return type.low, type.high
        case BoolType():
            return 0, 1
        case PointerType(nullable=False):
            return 1, 1
        case _:
            return 0, 1


def meet(a: Interval, b: Interval) -> Interval | None:
    """What lies in both, or None."""
    low = a[0] if a[0] >= b[0] else b[0]
    high = a[1] if a[1] <= b[1] else b[1]
    return (low, high) if low <= high else None


def hull(a: Interval, b: Interval) -> Interval:
    """The smallest interval around both."""
    return (a[0] if a[0] <= b[0] else b[0]), (a[1] if a[1] >= b[1] else b[1])


@final
@dataclass(slots=True, eq=False)
class Layer:
    """What was changed in an environment since it was copied, or became a copy. `below`: what had been changed before,
    the same object in both."""

    below: Layer | None = None
    depth: int = 0
    changed: set[Key] = field(default_factory=set)
    """All of which anything but `same` may differ."""
    reads: set[ops.Local] = field(default_factory=set)
    """Locals of which `same` may differ; those in `changed` aren't named again."""


@final
@dataclass(slots=True, eq=False)
class Environment:
    """Knowledge at a point that can be reached."""

    intervals: dict[Key, Interval] = field(default_factory=dict)
    versions: dict[Key, int] = field(default_factory=dict)
    same: dict[ops.Local, frozenset[ops.Value]] = field(default_factory=dict)
    """Values that equal a local's present contents."""
    when: dict[ops.Local, tuple[Delta | None, Delta | None]] = field(default_factory=dict)
    """For truth locals: what else holds where it is false, and where it is true; None where it can't be."""
    holders: dict[ops.Value, tuple[ops.Local, ...]] = field(default_factory=dict)
    """The locals that ever had a value among their `same`; one object for all environments of a program."""
    layer: Layer = field(default_factory=Layer)
    recent: set[Key] = field(default_factory=set)
    """What was refined or written since the last join: what is remembered in `when` may say less than it seems to.
    And the truth locals that say something else since any join."""
    bare: frozenset[Key] = frozenset()
    """What was refined while it had no version."""
    kept: int = FEW
    """Intervals that were left when the others were last dropped."""
    lost: frozenset[ops.Local] = frozenset()
    """Locals that were dropped although they will be asked for."""
    undo: dict[Key, Interval | None] | None = None
    """While something is only supposed: what was known before of what has changed."""

    def drop(self, last: Mapping[Key, int], place: int, most: int | None) -> None:
        """Drop what nobody asks for from `place` on, if that may be much: every copy would take it along. Of what is
        left those from `most` on, if it is told, whose last use is farthest: their type says what they are."""
        if len(self.intervals) * 4 <= self.kept * 5:
            return
        every: tuple[dict[Any, Any], ...] = (self.intervals, self.versions, self.same, self.when)
        for known in every:
            for key in [key for key in known if last.get(key, 0) < place]:
                del known[key]
        if most is not None and len(self.intervals) > most:
            farthest = sorted(self.intervals, key=lambda key: last[key])[most:]
            self.lost |= {key for key in farthest if type(key) is ops.Local}
            for known in every:
                for key in farthest:
                    known.pop(key, None)
        self.recent = {key for key in self.recent if last.get(key, 0) >= place}
        self.kept = max(FEW, len(self.intervals))

    def copy(self) -> Environment:
        """The same, which may change without the other."""
        layer = self.layer
        below = layer if layer.changed or layer.reads or layer.below is None else layer.below
        self.layer, other = Layer(below, below.depth + 1), Layer(below, below.depth + 1)
        return Environment(
            self.intervals.copy(),
            self.versions.copy(),
            self.same.copy(),
            self.when.copy(),
            self.holders,
            other,
            self.recent.copy(),
            self.bare,
            self.kept,
            self.lost,
        )

    def of_locals(self) -> Environment:
        """Only what locals can be."""
        return Environment({key: interval for key, interval in self.intervals.items() if type(key) is ops.Local})

    def changes(self) -> Delta:
        """What is known now of the things of which less was known when this became a copy."""
        intervals, versions = self.intervals, self.versions
        return {key: (intervals[key], versions.get(key, 0)) for key in self.layer.changed}

    def get(self, key: Key) -> Interval:
        return self.intervals.get(key) or range_of(key.type)

    def supposed(self, learn: Callable[[Environment], bool]) -> Delta | None:
        """What `learn` would add to what is known; None if it finds that it can't be. Nothing stays of it."""
        before = self.layer, self.recent, self.bare
        self.layer, self.recent, self.undo = Layer(), set(), {}
        delta = self.changes() if learn(self) else None
        for key, interval in self.undo.items():
            if interval is None:
                del self.intervals[key]
            else:
                self.intervals[key] = interval
        self.layer, self.recent, self.bare = before
        self.undo = None
        return delta

    def set(self, key: Key, interval: Interval) -> None:
        """All that is known of `key` is `interval`, whatever was known before."""
        if self.undo is not None:
            self.undo.setdefault(key, self.intervals.get(key))
        self.intervals[key] = interval
        self.layer.changed.add(key)
        self.recent.add(key)

    def renew(self, key: Key) -> None:
        """What was learnt about `key` before says no more about what it holds now."""
        self.versions[key] = fresh()
        self.layer.changed.add(key)
        self.recent.add(key)

    def define(self, value: ops.Value, interval: Interval) -> None:
        """`value` is computed (again)."""
        if value in self.intervals:
            self.recent.add(value)
            for local in self.holders.get(value, ()):
                if value in self.same.get(local, ()):
                    self.same[local] -= {value}
                    self.layer.reads.add(local)
        self.intervals[value] = interval
        self.versions[value] = fresh()
        self.layer.changed.add(value)

    def read(self, local: ops.Local, value: ops.Value) -> None:
        """`value` is what `local` holds."""
        same = self.same.get(local, frozenset())
        self.same[local] = same | {value} if len(same) < MOST_SAME else frozenset((value,))
        self.layer.reads.add(local)
        self._holds(local, value)

    def _holds(self, local: ops.Local, value: ops.Value) -> None:
        holders = self.holders.get(value, ())
        if local not in holders:
            self.holders[value] = (*holders, local)

    def write(self, local: ops.Local, value: ops.Value) -> None:
        """`local = value`."""
        low, high = self.get(value)
        limit = range_of(local.type)
        # A u64 may be written with bits that were computed as signed: then only its type tells what they mean.
        inside = limit[0] <= low and high <= limit[1]
        alike = low >= 0 if limit[0] >= 0 else high <= I64_MAX
        self.forget(local, (meet((low, high), limit) if alike else None) or limit)
        if inside:
            self.same[local] = frozenset((value,))
            self._holds(local, value)

    def forget(self, local: ops.Local, interval: Interval) -> None:
        """`local` has a value, of which no more is known than `interval`."""
        self.set(local, interval)
        self.unlearn(local)

    def unlearn(self, local: ops.Local) -> None:
        """What was known of the former contents of `local` says nothing of those that it has now."""
        self.renew(local)
        self.same[local] = frozenset()
        self.when.pop(local, None)

    def hidden(self, alive: Callable[[Key], bool], unknown: Callable[[IntType | BoolType], Interval]) -> Environment:
        """What is known where numbers are read from memory that others may have written."""
        found = self.copy()
        found.layer.changed.update(self.intervals, self.when)
        found.layer.reads.update(self.same)
        found.intervals, found.versions, found.same, found.when = {}, {}, {}, {}
        for key, interval in self.intervals.items():
            if alive(key):
                if isinstance(key.type, IntType | BoolType):
                    found.intervals[key], found.versions[key] = unknown(key.type), fresh()
                    continue
                found.intervals[key] = interval
                if key in self.versions:
                    found.versions[key] = self.versions[key]
        found.recent.update(found.intervals)
        return found

    def refine(self, key: Key, interval: Interval) -> bool:
        """Learn that `key`, and all that equals it, lies in `interval`. False if it can't."""
        waiting: list[tuple[Key, Interval]] = [(key, interval)]
        while waiting:
            key, interval = waiting.pop()
            others = self._refine_one(key, interval)
            if others is None:
                return False
            if others:
                waiting += [(other, self.intervals[key]) for other in others]
        return True

    def _refine_one(self, key: Key, interval: Interval) -> Iterable[Key] | None:
        """What equals `key` and may be refined as well; None if it can't lie there."""
        intervals = self.intervals
        old = intervals.get(key)
        known = meet(old or range_of(key.type), interval)
        if known is None:
            return None
        if known == old:
            return ()
        if old is None and key not in self.versions:
            if type(key) is not ops.Local:
                return ()  # nobody asks for it any more
            self.bare |= {key}
        self.set(key, known)
        same = self.same
        if type(key) is ops.Local:
            return same.get(key, ())
        holders = self.holders.get(key)
        return [local for local in holders if key in same.get(local, ())] if holders else ()

    def learn(self, delta: Delta) -> bool:
        """Take over what `delta` knows of things that haven't changed since. False if it can't be true."""
        versions, intervals = self.versions, self.intervals
        for key, (interval, version) in delta.items():
            if version == versions.get(key) and key in intervals and not self.refine(key, interval):
                return False
        return True
