"""Distributions: how often values fell between bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final, Literal, final

from pyebpf.records import dataclass

Bucket = tuple[int, int, int]
"""`(low, high, count)` of the values `low <= x <= high`."""
PERCENTILES: Final = (50, 90, 99)
"""Which are shown."""


@final
@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts by ranges of values. Where a histogram has keys, each key has one."""

    name: str
    unit: str
    """Of the values: `ns`, `us`, `ms`, `s` and `bytes` are scaled when they are shown; any other word stands behind."""
    kind: Literal["log2", "linear"]
    buckets: tuple[Bucket, ...]
    """In rising order, each beginning where the one before ends; empty ones among them count 0."""
    below: int = 0
    """How many values were less than the first bucket takes (linear ones)."""
    above: int = 0
    """How many were more than the last one takes."""
    key: str = ""
    """As text, where the histogram has keys."""

    @property
    def total(self) -> int:
        """How many values there were."""
        return self.below + sum(count for _, _, count in self.buckets) + self.above

    def percentile(self, percent: float) -> tuple[int | None, int | None] | None:
        """The bounds between which the value lies that `percent` of all values don't exceed, of the bucket that has
        it: buckets know no more. None for an end that is open, and in all where there are no values.

        It is the value of the nearest rank: the least that at least `percent` % of the values are at most."""
        total = self.total
        if not total:
            return None
        rank = max(1, -int(-percent * total // 100))
        seen = self.below
        if rank <= seen:
            return None, self.buckets[0][0] - 1 if self.buckets else None
        for low, high, count in self.buckets:
            seen += count
            if rank <= seen:
                return low, high
        return (self.buckets[-1][1] + 1 if self.buckets else None), None

    def trimmed(self) -> Distribution:
        """Without the empty buckets before the first and behind the last that counted anything, where nothing is
        beyond them."""
        used = [place for place, bucket in enumerate(self.buckets) if bucket[2]]
        if not used and (self.below or self.above):
            return self  # whose bounds say beyond what
        first = 0 if self.below else (used[0] if used else len(self.buckets))
        last = len(self.buckets) if self.above else (used[-1] + 1 if used else first)
        return self.with_buckets(self.buckets[first:last])

    def less(self, before: Distribution | None) -> Distribution:
        """What was counted since the same histogram was `before`; all, if there are fewer now in any bucket."""
        if before is None:
            return self
        counts = {low: count for low, _, count in before.buckets}
        left = [(low, high, count - counts.pop(low, 0)) for low, high, count in self.buckets]
        below, above = self.below - before.below, self.above - before.above
        if min(below, above, *(count for *_, count in left)) < 0 or any(counts.values()):
            return self
        return Distribution(self.name, self.unit, self.kind, tuple(left), below, above, self.key)

    def with_buckets(self, buckets: Iterable[Bucket]) -> Distribution:
        """The same with other buckets."""
        return Distribution(self.name, self.unit, self.kind, tuple(buckets), self.below, self.above, self.key)

    def fitted(self, most: int) -> Distribution:
        """With at most `most` buckets, each of which is as many of the present ones."""
        if most < 1:
            raise ValueError(f"a distribution has at least one bucket, not {most}")
        size = -(-len(self.buckets) // most) if self.buckets else 1
        groups = [list(group) for _, group in groupby(enumerate(self.buckets), lambda pair: pair[0] // size)]
        merged = [(g[0][1][0], g[-1][1][1], sum(bucket[2] for _, bucket in g)) for g in groups]
        return self if size == 1 else self.with_buckets(merged)


def log2(name: str, unit: str, counts: Sequence[int], key: str = "") -> Distribution:
    """Of counts by powers of two: slot 0 has the values 0 and 1, slot n those from 2**n to 2**(n+1) - 1."""
    buckets = [(1 << slot if slot else 0, (1 << slot + 1) - 1, count) for slot, count in enumerate(counts)]
    return Distribution(name, unit, "log2", tuple(buckets), key=key).trimmed()


def linear(name: str, unit: str, low: int, step: int, counts: Sequence[int], key: str = "") -> Distribution:
    """Of counts by equal ranges of `step` values from `low` on, between that of smaller values, which comes first, and
    that of larger ones, which comes last."""
    if len(counts) < 2:
        raise ValueError("counts of smaller and of larger values are expected among them")
    buckets = [(low + step * at, low + step * (at + 1) - 1, count) for at, count in enumerate(counts[1:-1])]
    return Distribution(name, unit, "linear", tuple(buckets), counts[0], counts[-1], key)


def same_buckets(found: Sequence[Distribution]) -> list[Distribution]:
    """The same distributions with the buckets of all of them, so that they can be compared bucket by bucket. They are
    of one histogram, and so have the same bounds where they have any."""
    bounds = sorted({(low, high) for each in found for low, high, _ in each.buckets})
    widened = _without_gaps(bounds, found[0].kind) if found else []
    result = []
    for each in found:
        counts = {low: count for low, _, count in each.buckets}
        result.append(each.with_buckets((low, high, counts.get(low, 0)) for low, high in widened))
    return result


def _without_gaps(bounds: list[tuple[int, int]], kind: str) -> list[tuple[int, int]]:
    """Bounds with those between them that no distribution has."""
    found: list[tuple[int, int]] = []
    for low, high in bounds:
        while found and found[-1][1] + 1 < low:
            before_low, before_high = found[-1]
            size = before_high - before_low + 1
            begin = before_high + 1
            found.append((begin, 2 * begin - 1 if kind == "log2" else begin + size - 1))
        found.append((low, high))
    return found
