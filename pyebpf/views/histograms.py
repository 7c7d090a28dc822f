"""Loaded histograms: one distribution, or one for each key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, SupportsIndex

from pyebpf import layout
from pyebpf.kernel.maps import HISTOGRAM_BUCKETS
from pyebpf.metadata import Steps
from pyebpf.pictures.distributions import Bucket, Distribution, linear, log2
from pyebpf.views.columns import Columns
from pyebpf.views.entries import Entries
from pyebpf.views.maps import ArrayView, HashView
from pyebpf.views.shown import Shown

if TYPE_CHECKING:
    from pyebpf.pictures.document import Picture
    from pyebpf.pictures.lines import Line

HISTOGRAMS: Final = ("Histogram", "LinearHistogram")
KEYED: Final = ("KeyedHistogram", "KeyedLinearHistogram")


def is_histogram(entries: Entries, steps: Steps | None) -> bool:
    """Whether a map is what its kind says: objects come from anywhere."""
    return entries.per_cpu and entries.value_type == layout.U64 and entries.max_entries == _slots(steps)


def is_keyed_histogram(entries: Entries, steps: Steps | None) -> bool:
    """The same of those with keys."""
    return entries.value_type == layout.Array(layout.U64, _slots(steps))


def _slots(steps: Steps | None) -> int:
    return HISTOGRAM_BUCKETS if steps is None else steps.count + 2


def distribution(name: str, unit: str, steps: Steps | None, counts: Sequence[int], key: str = "") -> Distribution:
    """The counts of a histogram's slots, with what they mean."""
    if steps is None:
        return log2(name, unit, counts, key)
    return linear(name, unit, steps.low, steps.step, counts, key)


def shown(key: object) -> str:
    """A key as the text that stands for it."""
    return key.name if isinstance(key, Enum) else str(key)


class HistogramView(ArrayView):
    """A loaded Histogram or LinearHistogram. As a sequence: the counts of its slots."""

    def __init__(self, entries: Entries, unit: str, steps: Steps | None = None) -> None:
        super().__init__(entries)
        self.unit = unit
        self.steps = steps
        """Where the slots of a LinearHistogram begin; None for powers of two."""
        self._last: list[int] = []
        """As `growth` has seen it last."""

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        if isinstance(index, slice):
            return self._counts()[index]
        return super().__getitem__(index).sum()

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        if isinstance(index, slice):
            super().__setitem__(index, [self._of_one_cpu(each) for each in value])
            return
        super().__setitem__(index, self._of_one_cpu(value))

    def _of_one_cpu(self, count: Any) -> list[Any]:
        return [count, *[0] * (self._entries.cpus - 1)]

    def __iter__(self) -> Iterator[int]:
        return iter(self._counts())

    def to_numpy(self) -> Any:
        """The counts."""
        return super().to_numpy().sum(axis=1)

    def _counts(self) -> list[int]:
        """Of all CPUs."""
        return [each.sum() for each in super().__iter__()]

    def distribution(self) -> Distribution:
        """What was observed until now, as plain data: pictures are made of it."""
        return distribution(self.name, self.unit, self.steps, self._counts())

    def lines(self, width: int = 80) -> list[Line]:
        from pyebpf.pictures.bars import distribution_lines

        return distribution_lines(self.distribution(), width)

    def picture(self) -> Picture:
        from pyebpf.pictures.charts import distribution_picture

        return distribution_picture(self.distribution())

    _html = Shown._html

    def buckets(self) -> list[Bucket]:
        """`(low, high, count)` from the first to the last bucket that counted anything: `low <= x <= high`. What was
        beyond the steps of a LinearHistogram is in `below` and `above`."""
        found = self.distribution().buckets
        used = [place for place, bucket in enumerate(found) if bucket[2]]
        return list(found[used[0] : used[-1] + 1]) if used else []

    @property
    def total(self) -> int:
        """How many values were observed."""
        return sum(self._counts())

    @property
    def below(self) -> int:
        """How many values were below the first step of a LinearHistogram."""
        return self[0] if self.steps is not None else 0

    @property
    def above(self) -> int:
        """How many values were beyond the last step of a LinearHistogram."""
        return self[-1] if self.steps is not None else 0

    def percentile(self, percent: float) -> tuple[int | None, int | None] | None:
        """The bounds of the bucket with the value that `percent` of all values don't exceed; see `Distribution`."""
        return self.distribution().percentile(percent)

    def growth(self) -> Distribution:
        """What was observed since the last call, or ever at the first one. Nothing is set back, so that every value is
        in one answer."""
        now = self._counts()
        found = distribution(self.name, self.unit, self.steps, grown(now, self._last))
        self._last = now
        return found


class KeyedHistogramView(HashView):
    """A loaded Histogram[K] or LinearHistogram[K]: a mapping from keys to their distributions, as they are when they
    are asked for."""

    def __init__(self, entries: Entries, unit: str, steps: Steps | None = None) -> None:
        super().__init__(entries)
        self.unit = unit
        self.steps = steps
        """As that of a HistogramView."""

    def _distribution(self, key: object, counts: Sequence[int]) -> Distribution:
        return distribution(self.name, self.unit, self.steps, counts, shown(key))

    def __getitem__(self, key: Any) -> Distribution:
        counts: list[int] = super().__getitem__(key)
        return self._distribution(key, counts)

    def _decoded(self, columns: Columns) -> dict[Any, Any]:
        return {key: self._distribution(key, counts) for key, counts in super()._decoded(columns).items()}

    def most_common(self, count: int | None = None) -> list[tuple[Any, Any]]:
        """The `count` keys with the most values, or all of them, with their distributions."""
        return sorted(self.items(), key=lambda pair: pair[1].total, reverse=True)[:count]

    def lines(self, width: int = 80) -> list[Line]:
        from pyebpf.pictures.bars import keyed_lines

        return keyed_lines(self.name, list(self.values()), width)

    def picture(self) -> Picture:
        from pyebpf.pictures.charts import keyed_picture

        return keyed_picture(self.name, list(self.values()))

    _html = Shown._html

    @property
    def total(self) -> int:
        """How many values were observed, with all keys."""
        return sum(each.total for each in self.values())

    def distribution(self) -> Distribution:
        """All keys' values together."""
        counts = list(super()._decoded(self._entries.columns()).values())
        slots = self._entries.shape.value_size // 8
        return distribution(self.name, self.unit, self.steps, [sum(column) for column in zip(*counts)] or [0] * slots)

    def growth(self) -> dict[Any, Any]:
        """What was observed since the last call, or ever at the first one, for the keys that had anything. Entries
        stay in the map, so that every value is in one answer."""
        now = super()._decoded(self._entries.columns())
        found = {key: grown(counts, self._last.get(key, [])) for key, counts in now.items()}
        self._last = now
        return {key: self._distribution(key, counts) for key, counts in found.items() if any(counts)}


def grown(now: list[int], before: list[int]) -> list[int]:
    """How much more there is of each than `before`; counts that have shrunk began anew meanwhile."""
    if not before or any(one < other for one, other in zip(now, before, strict=True)):
        return now
    return [one - other for one, other in zip(now, before, strict=True)]
