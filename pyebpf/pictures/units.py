"""Numbers as people read them: with a unit that suits their size."""

from __future__ import annotations

from typing import Final

Scale = tuple[tuple[int, str], ...]
"""Steps with the names of their units, the largest first."""

_TIME: Final[Scale] = (
    (86_400_000_000_000, "d"),
    (3_600_000_000_000, "h"),
    (60_000_000_000, "min"),
    (1_000_000_000, "s"),
    (1_000_000, "ms"),
    (1_000, "µs"),
    (1, "ns"),
)
_BYTES: Final[Scale] = (
    (1 << 60, "EiB"),
    (1 << 50, "PiB"),
    (1 << 40, "TiB"),
    (1 << 30, "GiB"),
    (1 << 20, "MiB"),
    (1 << 10, "KiB"),
    (1, "B"),
)
UNITS: Final[dict[str, tuple[int, Scale]]] = {
    "ns": (1, _TIME),
    "us": (1_000, _TIME),
    "µs": (1_000, _TIME),
    "ms": (1_000_000, _TIME),
    "s": (1_000_000_000, _TIME),
    "B": (1, _BYTES),
    "byte": (1, _BYTES),
    "bytes": (1, _BYTES),
    "KiB": (1 << 10, _BYTES),
    "MiB": (1 << 20, _BYTES),
}
"""By the unit of a histogram: how many of the smallest step one is, and the steps."""


def quantity(value: float, unit: str) -> str:
    """A number with its unit, in at most four digits where its unit can be scaled; otherwise in full.

    >>> quantity(1536, "bytes"), quantity(2_500_000, "ns"), quantity(12_345, "packets")
    ('1.5 KiB', '2.5 ms', '12,345 packets')
    """
    number, name = _scaled(value, unit)
    return f"{number} {name}".rstrip()


def _scaled(value: float, unit: str) -> tuple[str, str]:
    factor, steps = UNITS.get(unit, (1, ()))
    if not steps:
        return plain(value), unit
    smallest = value * factor
    place = next((place for place, (step, _) in enumerate(steps) if abs(smallest) >= step), len(steps) - 1)
    # Less than 1 MiB may be 1,024 KiB when it is rounded, which reads 1 MiB.
    if place and round(abs(smallest) / steps[place][0]) * steps[place][0] >= steps[place - 1][0]:
        return _scaled_by(smallest, steps[place - 1])
    return _scaled_by(smallest, steps[place])


def _scaled_by(smallest: float, step: tuple[int, str]) -> tuple[str, str]:
    return short(smallest / step[0]), step[1]


def short(value: float) -> str:
    """A number in three digits, or in four where that keeps it whole."""
    if value == int(value) and abs(value) < 10_000:
        return f"{int(value)}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def plain(value: float) -> str:
    """A number in full, with its thousands set apart."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def between(low: int | None, high: int | None, unit: str) -> str:
    """A range as people write it: from `low` to less than what comes behind `high`; either may be open."""
    if low is None and high is None:
        return "any"
    if low is None:
        return f"< {quantity((high or 0) + 1, unit)}"
    if high is None:
        return f"≥ {quantity(low, unit)}"
    if low == high:
        return quantity(low, unit)
    return f"{quantity(low, unit)} … {quantity(high + 1, unit)}"


def rate(per_second: float) -> str:
    """Things a second, in three or four digits: `12.3`, `45.6 k`, `1.2 M`."""
    for step, name in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(per_second) >= step:
            return f"{per_second / (1e3 if step == 1e4 else step):.3g}{name}"
    return f"{per_second:,.0f}" if abs(per_second) >= 100 else f"{per_second:.3g}"


def percent(part: float, whole: float) -> str:
    """A share in percent."""
    if not whole:
        return "0%"
    share = 100 * part / whole
    return f"{share:.0f}%" if share in (0, 100) else f"{share:.2f}%" if share < 9.995 else f"{share:.1f}%"
