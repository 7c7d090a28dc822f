"""Distributions for terminals: a row for each bucket, or for each key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyebpf.pictures.distributions import PERCENTILES, Distribution, same_buckets
from pyebpf.pictures.lines import Line, bar, heights
from pyebpf.pictures.names import columns, fitted, visible
from pyebpf.pictures.units import between, quantity

LONGEST_BAR: Final = 40
FEW: Final = 3
"""Keys that are shown one below the other; more of them become a table."""
MOST_KEYS: Final = 20


def distribution_lines(found: Distribution, width: int = 80, most: int | None = None) -> list[Line]:
    """A heading with percentiles, and a row with a bar for each bucket, at most `most` of them."""
    shown = found.trimmed()
    if most is not None and len(shown.buckets) > most:
        shown = shown.fitted(max(most, 1))
    rows = list(_rows(shown))
    widths = [max((columns(str(row[place])) for row in rows), default=0) for place in range(3)]
    counts = [f"{row[3]:,}" for row in rows]
    digits = max(map(len, counts), default=0)
    room = min(LONGEST_BAR, width - sum(widths) - digits - 8)
    highest = max((row[3] for row in rows), default=1)
    lines = [heading(found)]
    for (low, sign, high, count), text in zip(rows, counts):
        edges = f"  {low:>{widths[0]}} {sign:<{widths[1]}} {high:<{widths[2]}}  "
        lines.append(((edges, ""), (f"{text:>{digits}}  ", ""), (bar(count, highest, max(room, 1)), "bar")))
    return lines


def _rows(found: Distribution) -> list[tuple[str, str, str, int]]:
    """What stands left of the bars: lower bound, a sign, upper bound, which the bucket doesn't have any more."""
    unit = found.unit
    rows = [(quantity(low, unit), "…", quantity(high + 1, unit), count) for low, high, count in found.buckets]
    if found.kind == "linear" and all(low == high for low, high, _ in found.buckets):
        rows = [(quantity(low, unit), "", "", count) for low, _, count in found.buckets]
    if found.below:
        rows.insert(0, ("", "<", quantity(found.buckets[0][0], unit), found.below))
    if found.above:
        rows.append(("", "≥", quantity(found.buckets[-1][1] + 1, unit), found.above))
    return rows


def heading(found: Distribution) -> Line:
    """Name, key, number of values, and percentiles."""
    name = f"{found.name}[{visible(found.key)}]" if found.key else found.name
    word = "value" if found.total == 1 else "values"
    told = "".join(f"  p{percent} {text}" for percent, text in percentiles(found))
    return ((f"{name}: ", "title"), (f"{found.total:,} {word}", ""), (told, "dim"))


def percentiles(found: Distribution) -> list[tuple[int, str]]:
    """Each with the bounds of its bucket, as text; none where there are no values."""
    bounds = [(percent, found.percentile(percent)) for percent in PERCENTILES]
    return [(percent, between(*each, found.unit)) for percent, each in bounds if each is not None]


def keyed_lines(name: str, found: Sequence[Distribution], width: int = 80, most: int = MOST_KEYS) -> list[Line]:
    """Distributions of one histogram with keys, those with the most values first."""
    ranked = sorted(found, key=lambda each: each.total, reverse=True)
    word = "key" if len(ranked) == 1 else "keys"
    lines: list[Line] = [((f"{name}: ", "title"), (f"{len(ranked):,} {word}", ""))]
    if len(ranked) <= FEW:
        return [*lines, *(line for each in ranked for line in distribution_lines(each, width))]
    lines += _table(ranked[:most], width)
    if len(ranked) > most:
        lines.append(((f"… and {len(ranked) - most:,} more", "dim"),))
    return lines


def _table(found: Sequence[Distribution], width: int) -> list[Line]:
    """A row for each key: values, percentiles, and the buckets as columns of its own height."""
    heads = ("key", "values", *(f"p{percent}" for percent in PERCENTILES))
    rows = [[visible(each.key), f"{each.total:,}", *(text for _, text in percentiles(each))] for each in found]
    rows = [row + [""] * (len(heads) - len(row)) for row in rows]
    widths = [max(columns(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    widths[0] = min(widths[0], max(12, width - sum(widths[1:]) - 40))
    same = same_buckets([each.trimmed() for each in found])
    room = max(8, width - sum(widths) - 2 * len(widths) - 2)
    first = same[0].buckets if same else ()
    span = between(first[0][0], first[-1][1], found[0].unit) if first else ""
    lines: list[Line] = [(("  " + _cells(heads, widths), "head"), ("  " + span, "dim"))]
    for row, each in zip(rows, same):
        counts = [count for _, _, count in each.fitted(room).buckets]
        lines.append((("  " + _cells(row, widths) + "  ", ""), (heights(counts), "bar")))
    return lines


def _cells(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = [fitted(cell, width) for cell, width in zip(cells, widths)]
    padded = [first + " " * (widths[0] - columns(first))]
    padded += [" " * (width - columns(cell)) + cell for cell, width in zip(others, widths[1:])]
    return "  ".join(padded)
