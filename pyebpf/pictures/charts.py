"""Distributions and tables as SVG: columns over an axis, one below the other for keys, a heat map over time, bars."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import Final

from pyebpf.pictures.bars import percentiles
from pyebpf.pictures.distributions import Bucket, Distribution, same_buckets
from pyebpf.pictures.document import ROOM, Picture, label, number
from pyebpf.pictures.names import columns, cut, fitted, visible, xml
from pyebpf.pictures.tables import Table
from pyebpf.pictures.units import between, quantity, rate

LEFT: Final = 90
"""Pixels left of an axis, for its numbers."""
END: Final = ROOM - 40
"""Where axes end, so that there is room for the last number."""
TALL: Final = 220
"""Pixels of a single distribution."""
LOW: Final = 64
"""Of one among others."""
HEADER: Final = 52
AXIS: Final = 26
MOST_COLUMNS: Final = 160
MOST_KEYS: Final = 24
BAR_ROW: Final = 20
HEAT: Final = ("#f0f4f8", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b")
"""From few to many: by lightness, which everybody sees."""


def distribution_picture(found: Distribution) -> Picture:
    """One distribution as columns, with numbers at both axes."""
    shown = found.trimmed().fitted(MOST_COLUMNS)
    counted = f"{found.total:,} {'value' if found.total == 1 else 'values'}"
    parts = [label(0, 18, _name(found), "ink title"), label(0, 38, _told(counted, found))]
    if not found.total:
        return Picture(HEADER, "\n".join(parts))
    slots = _slots(shown)
    highest = max(count for *_, count in slots)
    for count in _ticks(highest):
        y = HEADER + TALL * (1 - count / highest)
        parts.append(f'<path class="rule" d="M{LEFT} {number(y)}H{END}"/>')
        parts.append(label(LEFT - 8, y + 4, f"{count:,}", "dim", "end"))
    parts += _columns(slots, shown.unit, HEADER, TALL, highest)
    parts += _axis(slots, shown.unit, HEADER + TALL)
    return Picture(HEADER + TALL + AXIS, "\n".join(parts))


def keyed_picture(name: str, found: Sequence[Distribution]) -> Picture:
    """Distributions of one histogram with keys, one below the other over one axis, those with the most values first.
    Each has its own height."""
    ranked = sorted(found, key=lambda each: each.total, reverse=True)
    word = "key" if len(ranked) == 1 else "keys"
    more = f", of which the {MOST_KEYS} with the most values are shown" if len(ranked) > MOST_KEYS else ""
    parts = [label(0, 18, cut(name, 90), "ink title"), label(0, 38, f"{len(ranked):,} {word}{more}")]
    same = same_buckets([each.trimmed() for each in ranked[:MOST_KEYS] if each.total])
    if not same:
        return Picture(HEADER, "\n".join(parts))
    below, above = any(each.below for each in same), any(each.above for each in same)
    y: float = HEADER
    for each in same:
        parts.append(label(0, y + 14, fitted(visible(each.key), 60), "ink mono"))
        parts.append(label(ROOM, y + 14, _told(f"{each.total:,}", each), "dim", "end"))
        slots = _slots(each.fitted(MOST_COLUMNS), below, above)
        parts += _columns(slots, each.unit, y + 20, LOW - 20, max(count for *_, count in slots))
        parts.append(f'<path class="rule" d="M{LEFT} {number(y + LOW)}H{END}"/>')
        y += LOW + 8
    parts += _axis(_slots(same[0].fitted(MOST_COLUMNS), below, above), same[0].unit, y - 8)
    return Picture(y + AXIS, "\n".join(parts))


Slot = tuple[int | None, int | None, int]
"""As a Bucket; an open end is None."""


def _slots(found: Distribution, below: bool = False, above: bool = False) -> list[Slot]:
    """Buckets, and what lies beyond them on the sides where there is anything, in this distribution or in others."""
    slots: list[Slot] = list(found.buckets)
    first = found.buckets[0][0] - 1 if found.buckets else None
    last = found.buckets[-1][1] + 1 if found.buckets else None
    if found.below or below:
        slots.insert(0, (None, first, found.below))
    if found.above or above:
        slots.append((last, None, found.above))
    return slots


def _columns(slots: Sequence[Slot], unit: str, top: float, height: float, highest: int) -> list[str]:
    wide = (END - LEFT) / len(slots)
    gap = 2 if wide > 8 else 0.5 if wide > 3 else 0
    parts = []
    for place, (low, high, count) in enumerate(slots):
        tall = max(height * count / highest, 1) if count else 0
        style = "beyond" if low is None or high is None else "bar"
        told = f"<title>{xml(between(low, high, unit))}: {count:,}</title>"
        size = f'width="{number(wide - gap)}" height="{number(tall)}"'
        x = number(LEFT + place * wide + gap / 2)
        if tall:
            parts.append(f'<rect class="{style}" x="{x}" y="{number(top + height - tall)}" {size}>{told}</rect>')
    return parts


def _axis(slots: Sequence[Slot], unit: str, y: float) -> list[str]:
    """A line, and the bounds of as many buckets as there is room for."""
    wide = (END - LEFT) / len(slots)
    parts = [f'<path class="rule" d="M{LEFT} {number(y)}H{END}"/>']
    edges = [(place, low) for place, (low, _, _) in enumerate(slots) if low is not None]
    high = slots[-1][1]
    if high is not None:
        edges.append((len(slots), high + 1))
    free = float("-inf")
    for place, edge in edges:
        text = quantity(edge, unit)
        half = 3.5 * len(text)
        x = LEFT + place * wide
        if x - half >= free:
            parts.append(label(x, y + 18, text, "dim", "middle"))
            parts.append(f'<path class="rule" d="M{number(x)} {number(y)}v4"/>')
            free = x + half + 12
    return parts


def _ticks(highest: int) -> list[int]:
    """Round numbers up to the highest count, four or so."""
    if highest < 5:
        return list(range(1, highest + 1))
    rough = highest / 4
    power = 10 ** floor(log10(rough))
    step = max(1, int(next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)))
    return list(range(step, highest + 1, step))


def _told(counted: str, found: Distribution) -> str:
    """How many there are, and their percentiles."""
    return " · ".join([counted, *(f"p{percent} {text}" for percent, text in percentiles(found))])


def _name(found: Distribution) -> str:
    return cut(f"{found.name}[{found.key}]" if found.key else found.name, 90)


def heat_picture(name: str, over: Sequence[tuple[str, Distribution]]) -> Picture:
    """Distributions of one histogram over time: from left to right what was observed in each interval, with its time
    as text; from below to above the buckets."""
    same = same_buckets([each.trimmed() for _, each in over])
    parts = [label(0, 18, cut(name, 90), "ink title")]
    if not same or not same[0].buckets:
        return Picture(HEADER, "\n".join([*parts, label(0, 38, "nothing was observed")]))
    same = [each.fitted(48) for each in same]
    highest = max(max(bucket[2] for bucket in each.buckets) for each in same)
    total = sum(each.total for each in same)
    parts.append(label(0, 38, f"{total:,} values; the darker, the more, up to {highest:,} in a cell"))
    tall, bottom = 16, HEADER + 16 * len(same[0].buckets)
    wide = min((END - LEFT) / len(same), 60)
    for column, ((time, _), each) in enumerate(zip(over, same)):
        for row, bucket in enumerate(each.buckets):
            if bucket[2]:
                place = f'x="{number(LEFT + column * wide)}" y="{number(bottom - tall * (row + 1))}"'
                parts.append(_cell(place, wide, tall, bucket, each.unit, time, highest))
    for row, (low, _, _) in enumerate(same[0].buckets):
        parts.append(label(LEFT - 8, bottom - tall * row, quantity(low, same[0].unit), "dim", "end"))
    parts.append(f'<path class="rule" d="M{LEFT} {bottom}H{number(LEFT + wide * len(same))}"/>')
    free = 0.0
    for column, (time, _) in enumerate(over):
        x = LEFT + (column + 0.5) * wide
        if x >= free:
            parts.append(label(x, bottom + 18, time, "dim", "middle"))
            free = x + 7 * len(time) + 14
    return Picture(bottom + AXIS, "\n".join(parts))


def _cell(place: str, wide: float, tall: float, bucket: Bucket, unit: str, time: str, highest: int) -> str:
    low, high, count = bucket
    color = HEAT[min(int(len(HEAT) * (count / highest) ** 0.5), len(HEAT) - 1)]
    told = f"<title>{xml(time)}, {xml(between(low, high, unit))}: {count:,}</title>"
    return f'<rect {place} width="{number(wide - 1)}" height="{tall - 1}" fill="{color}">{told}</rect>'


def table_picture(table: Table) -> Picture:
    """The entries of a table as bars, by their first number; the other values are told behind it."""
    parts = [label(0, 18, cut(table.name, 90), "ink title"), label(0, 38, table.counted)]
    most = max((row.size for row in table.rows), default=0)
    names = [fitted(visible(row.key), 48) for row in table.rows]
    left = 7.3 * max(map(columns, names), default=0) + 12
    y: float = HEADER
    for row, name in zip(table.rows, names):
        told = f"{row.size:,}" + (f" · {rate(row.grown / table.seconds)}/s" if row.grown and table.seconds else "")
        long = max((ROOM - left - 180) * row.size / most, 0.5) if most > 0 and row.size > 0 else 0
        parts.append(label(left - 8, y + 13, name, "ink mono", "end"))
        if long:
            title = f"<title>{xml(row.key)}: {row.size:,}</title>"
            size = f'width="{number(long)}" height="{BAR_ROW - 4}"'
            parts.append(f'<rect class="bar" x="{number(left)}" y="{number(y)}" {size}>{title}</rect>')
        parts.append(label(left + long + 8, y + 13, told, "dim"))
        y += BAR_ROW
    if table.count > len(names):
        parts.append(label(left, y + 13, f"… and {table.count - len(names):,} more"))
        y += BAR_ROW
    return Picture(y + 4, "\n".join(parts))
