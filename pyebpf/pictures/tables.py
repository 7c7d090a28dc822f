"""Tables of maps' entries: the largest first, with what they have grown by; for terminals and as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, final

from pyebpf.pictures.lines import Line
from pyebpf.pictures.names import columns, fitted, visible
from pyebpf.pictures.units import rate
from pyebpf.records import dataclass

WIDEST_KEY: Final = 48


@final
@dataclass(frozen=True, slots=True)
class Row:
    """An entry. Values are text or numbers, one for each column of the table."""

    key: str
    values: tuple[int | str, ...]
    grown: int | None = None
    """What the first number has grown by since the last time; None where that isn't known."""

    @property
    def size(self) -> int:
        """What rows are compared by: the first number."""
        return next((value for value in self.values if isinstance(value, int)), 0)


@final
@dataclass(frozen=True, slots=True)
class Table:
    """Entries of a map, the most important first."""

    name: str
    key: str
    """What the first column has: `key`, `index`, …"""
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    count: int
    """How many entries there are; those that `rows` lacks are told."""
    what: tuple[str, str] = ("entry", "entries")
    seconds: float = 0.0
    """In which the rows have grown; 0 where they don't tell it."""

    @property
    def counted(self) -> str:
        """How many there are, in words."""
        return f"{self.count:,} {self.what[self.count != 1]}"


def table_lines(table: Table, width: int = 80) -> list[Line]:
    """A heading, and a row for each entry."""
    lines: list[Line] = [((f"{table.name}: ", "title"), (table.counted, ""))]
    if not table.rows:
        return lines
    heads = [table.key, *table.columns, *(("+", "per s") if table.seconds else ())]
    rows = [[visible(row.key), *map(shown, row.values), *_growth(row, table.seconds)] for row in table.rows]
    widths = [max(columns(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    widths[0] = min(widths[0], max(WIDEST_KEY, width - sum(widths[1:]) - 2 * len(widths)))
    right = [False, *(isinstance(value, int) for value in table.rows[0].values), True, True]
    values = 1 + len(table.columns)
    lines.append((("  " + _padded(heads, widths, right), "head"),))
    for row in rows:
        last = ("  " + _padded(row[values:], widths[values:], right[values:]), "grown")
        lines.append((("  " + _padded(row[:values], widths, right), ""), *((last,) if table.seconds else ())))
    if table.count > len(rows):
        lines.append(((f"  … and {table.count - len(rows):,} more", "dim"),))
    return lines


def shown(value: int | str) -> str:
    """A cell."""
    return f"{value:,}" if type(value) is int else visible(str(value))


def _growth(row: Row, seconds: float) -> tuple[str, ...]:
    if not seconds:
        return ()
    if not row.grown:
        return "", ""
    return f"+{row.grown:,}" if row.grown > 0 else f"{row.grown:,}", rate(row.grown / seconds)


def _padded(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    found = []
    for cell, width, to_right in zip(cells, widths, right):
        text = fitted(cell, width)
        space = " " * (width - columns(text))
        found.append(space + text if to_right else text + space)
    return "  ".join(found)


def table_html(table: Table, bars: bool = True) -> str:
    """The table for a notebook: numbers to the right, with bars behind the first ones. Colours are the notebook's."""
    most = max((row.size for row in table.rows), default=0)
    heads = "".join(_cell("th", head, place > 0) for place, head in enumerate((table.key, *table.columns)))
    rows = []
    for row in table.rows:
        cells = [_cell("td", row.key, False)]
        barred = False
        for value in row.values:
            share = 100 * row.size / most if bars and isinstance(value, int) and most > 0 and not barred else 0.0
            barred = barred or isinstance(value, int)
            cells.append(_cell("td", shown(value), isinstance(value, int), max(share, 0.0)))
        rows.append(f"<tr>{''.join(cells)}</tr>")
    more = f"<div style='opacity:.7'>… and {table.count - len(rows):,} more</div>" if table.count > len(rows) else ""
    title = f"<div><b>{escape(visible(table.name))}</b>: {table.counted}</div>"
    return f"{title}<table><thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table>{more}"


def _cell(tag: str, text: str, right: bool, share: float = 0.0) -> str:
    style = f"text-align:{'right' if right else 'left'}"
    if share:
        style += f";background:linear-gradient(to left,#56b4e955 {share:.1f}%,transparent {share:.1f}%)"
    return f"<{tag} style='{style}'>{escape(visible(text))}</{tag}>"
