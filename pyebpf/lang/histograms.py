"""Histograms: `latency = Histogram(unit="ns")`, by powers of two; `LinearHistogram(0, 100, 10)`, by equal steps; of
either one for each key, `Histogram[char[16]](unit="ns", max_entries=1024)`."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.kernel.maps import HISTOGRAM_BUCKETS
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import MAX_ENTRIES, Map
from pyebpf.lang.types import layout_of
from pyebpf.metadata import Steps

MOST_STEPS = 1024
"""Of a linear histogram: its counts are one value of the map, by key."""


class AnyHistogram(Map):
    """Counts of observed values, in slots."""

    steps: Steps | None = None
    """How values are told apart; None for powers of two."""

    @property
    def slots(self) -> int:
        """How many counts there are, of each key."""
        return HISTOGRAM_BUCKETS if self.steps is None else self.steps.count + 2


class Histogram(AnyHistogram):
    """`Histogram(unit="ns")`: counts of observed values by powers of two; slot k counts 2**k … 2**(k+1)-1.

    Each CPU has its own counts, which Python adds up. `Histogram[K](unit="ns", max_entries=1024)` has counts for each
    key, in a hash table that all CPUs share. Linux 4.6; with keys 3.19.
    """

    kind = "Histogram"

    def __init__(self, *, unit: str = "") -> None:
        _check_unit(unit, 'Histogram(unit="ns")')
        super().__init__(layout.U32, layout.U64, HISTOGRAM_BUCKETS, unit)

    def __class_getitem__(cls, key: object) -> _Keyed:
        return _Keyed(layout_of(key))


class KeyedHistogram(AnyHistogram):
    """What `Histogram[K](…)` makes: counts by powers of two for each key. Full at `max_entries`: a new key is then a
    MemoryError. Linux 3.19."""

    kind = "KeyedHistogram"

    def __init__(self, key: layout.Type, max_entries: int, unit: str) -> None:
        super().__init__(key, layout.Array(layout.U64, HISTOGRAM_BUCKETS), max_entries, unit)

    def __repr__(self) -> str:
        return f"Histogram[{self.key}]"


class LinearHistogram(AnyHistogram):
    """`LinearHistogram(0, 100, 10, unit="%")`: counts of observed values by steps of 10 from 0 up to 100, of what is
    below 0, and of what is 100 and more.

    `LinearHistogram[K](0, 100, 10, unit="%", max_entries=1024)` has such counts for each key. Both are kept as those of
    a Histogram.
    """

    kind = "LinearHistogram"

    def __init__(self, min: int, max: int, step: int, *, unit: str = "") -> None:
        self.steps = _steps(min, max, step)
        _check_unit(unit, f'LinearHistogram({min}, {max}, {step}, unit="ns")')
        super().__init__(layout.U32, layout.U64, self.slots, unit)

    def __class_getitem__(cls, key: object) -> _KeyedLinear:
        return _KeyedLinear(layout_of(key))

    def __repr__(self) -> str:
        return f"LinearHistogram{_range(self.steps)}"


class KeyedLinearHistogram(AnyHistogram):
    """What `LinearHistogram[K](…)` makes: counts by equal steps for each key. Full at `max_entries`: a new key is then
    a MemoryError. Linux 3.19."""

    kind = "KeyedLinearHistogram"

    def __init__(self, key: layout.Type, max_entries: int, unit: str, steps: Steps) -> None:
        self.steps = steps
        super().__init__(key, layout.Array(layout.U64, self.slots), max_entries, unit)

    def __repr__(self) -> str:
        return f"LinearHistogram[{self.key}]{_range(self.steps)}"


class _Keyed:
    """`Histogram[K]`, waiting for its arguments."""

    def __init__(self, key: layout.Type) -> None:
        self.key = key

    def __call__(self, *, max_entries: int = 0, unit: str = "") -> KeyedHistogram:
        example = f'Histogram[{self.key}](unit="ns", max_entries=1024)'
        _check_unit(unit, example)
        _check_entries(max_entries, "a Histogram with keys", example)
        return KeyedHistogram(self.key, max_entries, unit)


class _KeyedLinear:
    """`LinearHistogram[K]`, waiting for its arguments."""

    def __init__(self, key: layout.Type) -> None:
        self.key = key

    def __call__(self, min: int, max: int, step: int, *, max_entries: int = 0, unit: str = "") -> KeyedLinearHistogram:
        steps = _steps(min, max, step)
        example = f"LinearHistogram[{self.key}]({min}, {max}, {step}, max_entries=1024)"
        _check_unit(unit, f'LinearHistogram[{self.key}]({min}, {max}, {step}, unit="ns", max_entries=1024)')
        _check_entries(max_entries, "a LinearHistogram with keys", example)
        return KeyedLinearHistogram(self.key, max_entries, unit, steps)


def _check_unit(unit: object, example: str) -> None:
    if not isinstance(unit, str):
        raise DeclarationError(f"a histogram's unit is text, not {unit!r}", example)


def _check_entries(count: object, what: str, example: str) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_ENTRIES:
        raise DeclarationError(f"{what} needs max_entries, from 1 to 2**31 - 1", example)


def _steps(min: object, max: object, step: object) -> Steps:
    """From where to where, and how far at a time."""
    example = "LinearHistogram(0, 100, 10)"
    for word, number in (("min", min), ("max", max), ("step", step)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise DeclarationError(f"{word} of a LinearHistogram is an integer, not {number!r}", example)
    assert isinstance(min, int) and isinstance(max, int) and isinstance(step, int)
    if not layout.I64.minimum <= min < max <= layout.I64.maximum or max - min > layout.I64.maximum:
        text = f"a LinearHistogram goes from min up to max, within 64 bits, not from {min} to {max}"
        raise DeclarationError(text, example)
    if step < 1:
        raise DeclarationError(f"step of a LinearHistogram is 1 or more, not {step}", example)
    count = -(-(max - min) // step)
    if count > MOST_STEPS:
        least = -(-(max - min) // MOST_STEPS)
        raise DeclarationError(
            f"a LinearHistogram has at most {MOST_STEPS} steps, not {count:,}",
            f"LinearHistogram({min}, {min + least * -(-(max - min) // least)}, {least})",
        )
    if (max - min) % step:
        end = min + count * step
        text = f"from {min} to {max} it is no whole number of steps of {step}"
        raise DeclarationError(text, f"LinearHistogram({min}, {end}, {step})")
    return Steps(min, step, count)


def _range(steps: Steps | None) -> str:
    assert steps is not None
    return f"({steps.low}, {steps.end}, {steps.step})"
