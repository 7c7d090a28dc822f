"""Maps as people look at them: in a terminal, as SVG, in notebooks."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pyebpf.pictures.names import xml
from pyebpf.pictures.tables import Row, Table
from pyebpf.views.values import plain, rank, text, total_of

if TYPE_CHECKING:
    from rich.text import Text

    from pyebpf.pictures.document import Picture
    from pyebpf.pictures.lines import Line
    from pyebpf.pictures.theme import Theme

MOST_ROWS: Final = 20


class Shown(ABC):
    """What a map offers to look at it, whatever is in it."""

    @abstractmethod
    def lines(self, width: int = 80) -> list[Line]:
        """As lines of a terminal with `width` columns."""

    @abstractmethod
    def picture(self) -> Picture:
        """As a part of an SVG document."""

    def show(self) -> None:
        """Print it, as `pyebpf run` does."""
        from pyebpf.pictures.lines import show, terminal_width

        show(self.lines(terminal_width()))

    def svg(self, *, theme: Theme = "auto") -> str:
        """It as one SVG document. `theme`: `light`, `dark`, or `auto`, as the viewer likes it."""
        from pyebpf.pictures.document import document

        return document([self.picture()], str(getattr(self, "name", "")), theme)

    def __rich__(self) -> Text:
        """For rich's `print` and `Console`."""
        from pyebpf.pictures.lines import rich_text, terminal_width

        return rich_text(self.lines(terminal_width()))

    def _html(self) -> str:
        """For notebooks."""
        from pyebpf.pictures.document import framed

        return framed([self.picture()])

    def _repr_html_(self) -> str:
        try:
            return self._html()
        except (OSError, ValueError):  # the session is over
            return f"<code>{xml(repr(self))}</code>"


class ShownEntries(Shown):
    """Of maps with keys and values: the largest entries as a table."""

    name: str

    @abstractmethod
    def items(self) -> Iterable[tuple[Any, Any]]:
        """Keys and values, of one snapshot."""

    def most_common(self, count: int | None = None) -> list[tuple[Any, Any]]:
        """Keys and values of the `count` entries with the largest numbers, or of all; as those of collections.Counter.
        Values of per-CPU maps are added up; of more than a number the first one counts."""
        return [(key, total_of(value)) for key, value in largest(self.items(), count)]

    def table(self, most: int = MOST_ROWS) -> Table:
        """The largest entries as data: pictures are made of it."""
        entries = list(self.items())
        return entries_table(self.name, entries, largest(entries, most), "key")

    def lines(self, width: int = 80) -> list[Line]:
        from pyebpf.pictures.tables import table_lines

        return table_lines(self.table(), width)

    def picture(self) -> Picture:
        from pyebpf.pictures.charts import table_picture

        return table_picture(self.table())

    def _html(self) -> str:
        from pyebpf.pictures.tables import table_html

        return table_html(self.table())


def largest(entries: Iterable[tuple[Any, Any]], count: int | None) -> list[tuple[Any, Any]]:
    """Those with the largest numbers, in the order of these."""
    if count is None:
        return sorted(entries, key=lambda pair: rank(pair[1]), reverse=True)
    return heapq.nlargest(count, entries, key=lambda pair: rank(pair[1]))


def entries_table(
    name: str,
    entries: Sequence[tuple[Any, Any]],
    shown: Sequence[tuple[Any, Any]],
    key: str,
    grown: Mapping[Any, int] | None = None,
    seconds: float = 0.0,
) -> Table:
    """A table of those `shown` among all `entries`, with what their first numbers have grown by in `seconds`."""
    sample = plain(total_of(shown[0][1])) if shown else 0
    columns = tuple(sample) if isinstance(sample, dict) else ("value",)
    rows = []
    for each, value in shown:
        found = plain(total_of(value))
        cells = list(found.values()) if isinstance(found, dict) else [found]
        values = tuple(cell if type(cell) is int else text(cell) for cell in cells)
        rows.append(Row(text(each), values, None if grown is None else grown.get(each, 0)))
    return Table(name, key, columns, tuple(rows), len(entries), seconds=seconds)


def events_html(heading: str, events: Sequence[Any]) -> str:
    """Events for a notebook, a row each."""
    from pyebpf.pictures.tables import table_html

    rows = []
    columns: tuple[str, ...] = ("event",)
    for number, event in enumerate(events):
        found = plain(event)
        cells = list(found.values()) if isinstance(found, dict) else [found]
        columns = tuple(found) if isinstance(found, dict) else columns
        rows.append(Row(str(number + 1), tuple(cell if type(cell) is int else text(cell) for cell in cells)))
    if not rows:
        return f"<code>{xml(heading)}</code>"
    return table_html(Table(heading, "", columns, tuple(rows), len(rows), ("event", "events")), bars=False)
