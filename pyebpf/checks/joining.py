"""What holds where two ways through a program meet.

Of two environments that were once copies only that is looked at which was changed since: for the rest they agree.
What a truth value implies is worked out anew where something that it speaks of was changed: else it says the same.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field
from typing import Final, final

from pyebpf.checks.environment import Delta, Environment, Interval, Key, Layer, fresh, hull, meet, range_of
from pyebpf.checks.liveness import Liveness
from pyebpf.ir import ops
from pyebpf.ir.types import BoolType

MOST_TOLD: Final = 200
"""Things about which a truth value says something. More come of hundreds of conditions that are tested together, each
of which would remember all before it."""
FEW: Final = 32
"""Ways that are joined in their order."""


def join(a: Environment | None, b: Environment | None, lives: Liveness, place: int) -> Environment | None:
    """What holds when the program came one way or the other; of what is asked for after `place` (`checks/liveness.py`).

    Uses `a` up, and may answer with `b` itself.
    """
    if a is None or b is None:
        return b if a is None else a
    meeting = _Meeting(a, b, layer := _since(a.layer, b.layer), lives, place)
    meeting.compare()
    told = meeting.told()
    _merge_same(a, b, layer, lives, place)
    for key, (interval, version) in meeting.merged.items():
        a.intervals[key], a.versions[key] = interval, version
    for key in layer.changed - meeting.merged.keys():
        if a.intervals.pop(key, None) is not None:
            a.versions.pop(key, None)
    restated: set[Key] = {local for local, says in told.items() if meeting.restates(local, says)}
    a.when = told
    layer.changed = set(meeting.merged)
    a.layer, a.recent, a.bare, a.lost = layer, restated, frozenset(), a.lost | b.lost
    return a


@final
class Arrivals:
    """What is known on the ways that lead to one place, which are found one after the other.

    The later a way left the others, the more it has in common with those shortly before it, and to join two takes as
    long as the ways since then. So of hundreds each is joined with its neighbours first.
    """

    def __init__(self, lives: Liveness, place: int) -> None:
        self._lives, self._place = lives, place
        self._found: list[tuple[int, Environment]] = []
        """How many ways are joined in each; less in each than in the one before, but for the last ones."""

    def add(self, known: Environment) -> None:
        """Uses `known` up."""
        self._found.append((1, known))
        while len(self._found) > 1 and (self._found[-2][0] < FEW or self._found[-1][0] >= self._found[-2][0]):
            self._merge()

    def joined(self) -> Environment | None:
        """What holds on all of them; None if there is none. To be asked once."""
        while len(self._found) > 1:
            self._merge()
        return self._found[0][1] if self._found else None

    def _merge(self) -> None:
        (more, later), (count, sooner) = self._found.pop(), self._found.pop()
        known = join(sooner, later, self._lives, self._place)
        assert known is not None
        self._found.append((count + more, known))


def differing(a: Environment, b: Environment) -> set[Key]:
    """All of which `a` and `b` may know something different."""
    return _since(a.layer, b.layer).changed


def _since(a: Layer, b: Layer) -> Layer:
    """All that was changed in one or the other, on top of what they have in common."""
    found = Layer()
    while a is not b:
        if a.depth >= b.depth and a.below is not None:
            layer, a = a, a.below
        else:
            assert b.below is not None, "environments of different programs"
            layer, b = b, b.below
        found.changed |= layer.changed
        found.reads |= layer.reads
    found.below, found.depth = a, a.depth + 1
    return found


def _merge_same(a: Environment, b: Environment, layer: Layer, lives: Liveness, place: int) -> None:
    """Into `a`: the values that equal a local's contents on both ways. Leaves in `layer.reads` what may have changed.

    A local's dead values stay among the others: to look at each takes longer.
    """
    last, found, others = lives.last, a.same, b.same
    keys = layer.changed | layer.reads if layer.reads else layer.changed
    for local in found.keys() & keys:
        one, other = found[local], others.get(local)
        if other is None or last.get(local, 0) <= place:
            del found[local]
        elif one is not other:
            found[local] = one & other
    layer.reads = {local for local in layer.reads if last.get(local, 0) > place}


@final
@dataclass(slots=True, eq=False)
class _Meeting:
    a: Environment
    b: Environment
    layer: Layer
    lives: Liveness
    place: int
    merged: dict[Key, tuple[Interval, int]] = field(default_factory=dict)
    """What is known afterwards, with its version, of what was changed; the rest of that is known no more."""
    differ: list[Key] = field(default_factory=list)

    def compare(self) -> None:
        """Find what the two say together of all that was changed in one of them."""
        a, b, merged = self.a, self.b, self.merged
        if a.bare or b.bare:
            self.layer.changed |= a.bare | b.bare
        first_of, last, place = self.lives.first, self.lives.last, self.place
        for key in self.layer.changed:
            if not first_of.get(key, 0) <= place < last.get(key, 0):  # `asked`, without a call for each
                continue
            first, second = a.intervals.get(key), b.intervals.get(key)
            if first is not None and second is not None:
                version = a.versions.get(key)
                if version is None or version != b.versions.get(key):
                    version = fresh()
                if first == second:
                    merged[key] = (first, version)
                else:
                    merged[key] = (hull(first, second), version)
                    self.differ.append(key)
            elif type(key) is ops.Local and (first is not None or second is not None):
                # written one way only: what it holds then may be told by a truth value
                merged[key] = (range_of(key.type), fresh())
                self.differ.append(key)

    def version(self, key: Key) -> int | None:
        """The version of what is known of `key` afterwards; None if nothing is."""
        found = self.merged.get(key)
        if found is not None:
            return found[1]
        return None if key in self.layer.changed else self.a.versions.get(key)

    def told(self) -> dict[ops.Local, tuple[Delta | None, Delta | None]]:
        """What truth locals say afterwards."""
        a, b, changed = self.a, self.b, self.layer.changed
        anew = changed | a.recent | b.recent
        found: dict[ops.Local, tuple[Delta | None, Delta | None]] = {}
        for local, before in a.when.items():
            if local not in anew and self.lives.asked(local, self.place):
                false, true = before
                found[local] = (self.renewed(local, 0, false, anew), self.renewed(local, 1, true, anew))
        for key in anew:
            if type(key) is ops.Local and isinstance(key.type, BoolType) and self.tells(key):
                found[key] = (self.implied(key, 0), self.implied(key, 1))
        return found

    def restates(self, local: ops.Local, says: tuple[Delta | None, Delta | None]) -> bool:
        """Whether `local` says something else than before on either way: than where the program came from, too."""
        a, b = self.a, self.b
        if local in a.recent or local in b.recent:
            return True
        return any(
            before is None or before[0] is not says[0] or before[1] is not says[1]
            for before in (a.when.get(local), b.when.get(local))
        )

    def tells(self, local: ops.Local) -> bool:
        """Whether the truth of `local` may say something about the way that was taken."""
        a, b = self.a, self.b
        return self.version(local) is not None and (local in a.when or local in b.when or a.get(local) != b.get(local))

    def renewed(self, local: ops.Local, truth: int, delta: Delta | None, anew: Set[Key]) -> Delta | None:
        """What `delta`, which is what `local` says on both ways, says after `anew` was changed."""
        if delta is None or delta.keys().isdisjoint(anew):
            return delta
        a, b, result = self.a, self.b, dict(delta)
        for key in delta.keys() & anew:
            interval, version = result.pop(key)
            first, second, after = a.intervals.get(key), b.intervals.get(key), self.version(key)
            one = first if first is None or version != a.versions.get(key) else meet(first, interval)
            other = second if second is None or version != b.versions.get(key) else meet(second, interval)
            if (first is not None and one is None) or (second is not None and other is None):
                return self.implied(local, truth)
            if version not in (a.versions.get(key), b.versions.get(key)):
                continue
            if one is not None and other is not None and after is not None:
                result[key] = (hull(one, other), after)
        return result

    def implied(self, local: ops.Local, truth: int) -> Delta | None:
        """What holds afterwards, beyond what always does, where `local` has the truth value `truth`."""
        a, b = self.a, self.b
        first, second = _branch(a, local, truth), _branch(b, local, truth)
        if first is None and second is None:
            return None
        result: Delta = {}
        if first is None or second is None:
            side, delta = (a, first) if second is None else (b, second)
            assert delta is not None
            for key in (*self.differ, *delta):
                version, known = self.version(key), delta.get(key) or side.intervals.get(key)
                if version is not None and known is not None:
                    result[key] = (known, version)
            return self.nearest(result)
        for key in first.keys() | second.keys():
            version = self.version(key)
            one, other = first.get(key) or a.intervals.get(key), second.get(key) or b.intervals.get(key)
            if version is not None and one is not None and other is not None:
                result[key] = (hull(one, other), version)
        return self.nearest(result)

    def nearest(self, delta: Delta) -> Delta:
        """Of `delta` as much as may be remembered, by what is asked for last no more than needed."""
        if len(delta) <= MOST_TOLD:
            return delta
        keys = sorted(delta, key=lambda key: self.lives.last.get(key, 0))
        return {key: delta[key] for key in keys[:MOST_TOLD]}


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
    intervals, versions = environment.intervals, environment.versions
    found: dict[Key, Interval] = {}
    for key, (interval, version) in implied.items():
        if version == versions.get(key) and key in intervals:
            known = meet(intervals[key], interval)
            if known is None:
                return None
            found[key] = known
    return found
