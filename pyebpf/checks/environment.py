"""What is known at one point of a program: an interval for every local and value, and what truth values imply.

Intervals are pairs of Python integers. Truth values are 0 or 1; pointers are 0 (null) or 1.
Everything carries a version, renewed when it is written, so that a fact learnt
earlier is used only for the value that it was learnt about.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TypeAlias, final

from pyebpf.ir import ops
from pyebpf.ir.types import I64_MAX, BoolType, IntType, PointerType, ValueType

Interval: TypeAlias = tuple[int, int]
Key: TypeAlias = "ops.Local | ops.Value"
Delta: TypeAlias = dict[Key, tuple[Interval, int]]
"""What is known beyond an environment: intervals, and the versions that they are about."""
_versions = count(1)


def fresh() -> int:
    """A version that nothing else has."""
    return next(_versions)


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
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return (low, high) if low <= high else None


def hull(a: Interval, b: Interval) -> Interval:
    """The smallest interval around both."""
    return min(a[0], b[0]), max(a[1], b[1])


@final
@dataclass
class Environment:
    """Knowledge at a point that can be reached."""

    intervals: dict[Key, Interval] = field(default_factory=dict)
    versions: dict[Key, int] = field(default_factory=dict)
    same: dict[ops.Local, frozenset[ops.Value]] = field(default_factory=dict)
    """Values that equal a local's present contents."""
    when: dict[ops.Local, tuple[Delta | None, Delta | None]] = field(default_factory=dict)
    """For truth locals: what else holds where it is false, and where it is true; None where it can't be."""

    def copy(self) -> Environment:
        return Environment(dict(self.intervals), dict(self.versions), dict(self.same), dict(self.when))

    def changes(self, since: Environment) -> Delta:
        """What is known now of the things that `since` knew less about."""
        before = since.intervals
        return {
            key: (interval, self.versions.get(key, 0))
            for key, interval in self.intervals.items()
            if before.get(key) is not interval
        }

    def get(self, key: Key) -> Interval:
        return self.intervals.get(key) or range_of(key.type)

    def define(self, value: ops.Value, interval: Interval) -> None:
        """`value` is computed (again)."""
        self.intervals[value] = interval
        self.versions[value] = fresh()
        for local, values in list(self.same.items()):
            if value in values:
                self.same[local] = values - {value}

    def write(self, local: ops.Local, value: ops.Value) -> None:
        """`local = value`."""
        low, high = self.get(value)
        limit = range_of(local.type)
        # A u64 may be written with bits that were computed as signed: then only its type tells what they mean.
        inside = limit[0] <= low and high <= limit[1]
        alike = low >= 0 if limit[0] >= 0 else high <= I64_MAX
        self.intervals[local] = (meet((low, high), limit) if alike else None) or limit
        self.versions[local] = fresh()
        self.same[local] = frozenset({value}) if inside else frozenset()
        self.when.pop(local, None)

    def forget(self, local: ops.Local, interval: Interval) -> None:
        """`local` keeps its value, of which no more is known than `interval`."""
        self.intervals[local] = interval
        self.versions[local] = fresh()
        self.same[local] = frozenset()
        self.when.pop(local, None)

    def refine(self, key: Key, interval: Interval) -> bool:
        """Learn that `key` lies in `interval`. False if it can't."""
        known = meet(self.get(key), interval)
        if known is None:
            return False
        if known == self.intervals.get(key):
            return True
        self.intervals[key] = known
        others: list[Key] = []
        if isinstance(key, ops.Local):
            others += self.same.get(key, ())
        else:
            others += [local for local, values in self.same.items() if key in values]
        return all(self.refine(other, known) for other in others)

    def learn(self, delta: Delta) -> bool:
        """Take over what `delta` knows of things that haven't changed since. False if it can't be true."""
        for key, (interval, version) in delta.items():
            if version == self.versions.get(key) and key in self.intervals and not self.refine(key, interval):
                return False
        return True


def join(a: Environment | None, b: Environment | None) -> Environment | None:
    """What holds when the program came one way or the other."""
    if a is None or b is None:
        return b if a is None else a
    result = Environment()
    intervals, versions = result.intervals, result.versions
    differ: list[Key] = []
    for key, first in a.intervals.items():
        second = b.intervals.get(key)
        if second is None:
            continue
        intervals[key] = first if first is second or first == second else hull(first, second)
        if intervals[key] is not first or intervals[key] != second:
            differ.append(key)
        version = a.versions.get(key)
        versions[key] = version if version is not None and version == b.versions.get(key) else fresh()
    for key in a.intervals.keys() ^ b.intervals.keys():
        if isinstance(key, ops.Local):  # written one way only: what it holds then may be told by a truth value
            intervals[key], versions[key] = range_of(key.type), fresh()
            differ.append(key)
    for local in a.same.keys() & b.same.keys():
        result.same[local] = a.same[local] & b.same[local]
    for key in [key for key in intervals if isinstance(key, ops.Local) and isinstance(key.type, BoolType)]:
        assert isinstance(key, ops.Local)
        if _tells(a, b, key):
            result.when[key] = (_implied(a, b, key, 0, result, differ), _implied(a, b, key, 1, result, differ))
    return result


def _tells(a: Environment, b: Environment, local: ops.Local) -> bool:
    """Whether the truth of `local` may say something about the way that was taken."""
    return a.get(local) != b.get(local) or local in a.when or local in b.when


def _implied(
    a: Environment, b: Environment, local: ops.Local, truth: int, joined: Environment, differ: list[Key]
) -> Delta | None:
    """What holds after the join, beyond `joined`, where `local` has the truth value `truth`."""
    first, second = _branch(a, local, truth), _branch(b, local, truth)
    if first is None and second is None:
        return None
    if first is None or second is None:
        side, delta = (a, first) if second is None else (b, second)
        assert delta is not None
        keys = [key for key in (*differ, *delta) if key in joined.intervals]
        known = {key: delta.get(key) or side.intervals.get(key) for key in keys}
        return {key: (interval, joined.versions[key]) for key, interval in known.items() if interval is not None}
    result: Delta = {}
    for key in first.keys() | second.keys():
        if key in joined.intervals:
            one, other = first.get(key) or a.intervals.get(key), second.get(key) or b.intervals.get(key)
            if one is not None and other is not None:
                result[key] = (hull(one, other), joined.versions[key])
    return result


def _branch(environment: Environment, local: ops.Local, truth: int) -> dict[Key, Interval] | None:
    """What else holds in `environment` where `local` has the truth value `truth`; None where it can't have."""
    low, high = environment.get(local)
    if not low <= truth <= high:
        return None
    remembered = environment.when.get(local)
    if remembered is None:
        return {}
    implied = remembered[truth]
    if implied is None:
        return None
    found: dict[Key, Interval] = {}
    for key, (interval, version) in implied.items():
        if version == environment.versions.get(key) and key in environment.intervals:
            known = meet(environment.intervals[key], interval)
            if known is None:
                return None
            found[key] = known
    return found
