"""What `pyebpf run --interval` shows: maps with what they have grown by, programs with how often they run, drops."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, final

from pyebpf.cli import summary
from pyebpf.pictures.bars import distribution_lines, keyed_lines
from pyebpf.pictures.distributions import Distribution
from pyebpf.pictures.lines import Line, plain
from pyebpf.pictures.tables import Row, Table, table_lines
from pyebpf.pictures.units import quantity, rate
from pyebpf.records import dataclass
from pyebpf.runtime.programs import ProgramStats
from pyebpf.runtime.session import Session
from pyebpf.views.histograms import HistogramView, KeyedHistogramView
from pyebpf.views.maps import ArrayView, HashView
from pyebpf.views.rings import RingBufView
from pyebpf.views.shown import entries_table, largest
from pyebpf.views.stack_counts import StacksView
from pyebpf.views.values import rank, text

MOST_ROWS: Final = 20
LEAST: Final = 4
"""Lines that a part has at least, where there is room for all of them."""
LONGEST_HISTORY: Final = 120
"""Intervals that are kept for pictures over time."""


@final
@dataclass(frozen=True, slots=True)
class Part:
    """Something that is shown: how many lines it would take, and what makes at most so many, in so many columns."""

    wanted: int
    lines: Callable[[int, int], list[Line]]


class Intervals:
    """The state of a session, again and again."""

    def __init__(self, session: Session, every: float) -> None:
        self.session = session
        self.every = every
        self.began = self.now = time.monotonic()
        self.seconds = 0.0
        """Of the last interval."""
        self.parts: list[Part] = []
        self.history: dict[str, list[tuple[str, Distribution]]] = {}
        """What each histogram has observed in each of the last intervals, by the interval's end."""
        self._ranks: dict[str, dict[Any, int]] = {}
        self._totals: dict[str, int] = {}
        self._distributions: dict[str, Distribution] = {}
        self._stats: dict[str, ProgramStats] = self.session.stats
        self._read(first=True)

    def take(self) -> None:
        """An interval is over: look at everything."""
        now = time.monotonic()
        self.seconds, self.now = now - self.now, now
        self._read(first=False)

    def _read(self, first: bool) -> None:
        self.parts = [] if first else [self._program_part()]
        for name, view in self.session.maps.items():
            if isinstance(view, HistogramView):
                self.parts.append(self._histogram(name, view.distribution(), first))
            elif isinstance(view, KeyedHistogramView):
                self.parts.append(self._keyed(name, list(view.values())))
            elif isinstance(view, HashView | ArrayView):
                self.parts.append(self._entries(name, view))
            elif isinstance(view, StacksView) and not first:  # names take their time
                self.parts.append(_of_table(view.table(MOST_ROWS)))
        variables = [view for view in self.session.variables.values() if view.kind == "Global"]
        if variables:
            shown: list[Line] = [((f"{view.name} = {text(view.value)}", ""),) for view in variables]
            self.parts.append(Part(len(shown), lambda rows, _: shown[:rows]))
        self._losses()

    def _program_part(self) -> Part:
        """How often programs run, and how long that takes."""
        stats, rows = self.session.stats, []
        for name, now in stats.items():
            before = self._stats.get(name, now)
            runs, spent = now.runs - before.runs, now.run_ns - before.run_ns
            each = quantity(round(spent / runs), "ns") if runs else ""
            share = f"{100 * spent / (1e9 * self.seconds):.2f}%" if self.seconds and runs else ""
            rows.append(Row(name, (now.runs, rate(runs / (self.seconds or 1)), each, share), None))
        self._stats = stats
        rows.sort(key=lambda row: row.size, reverse=True)
        table = Table("programs", "program", ("runs", "per s", "each", "of a CPU"), tuple(rows), len(rows), _PROGRAMS)
        return _of_table(table)

    def _entries(self, name: str, view: HashView | ArrayView) -> Part:
        """Those that have grown the most come first, and then the largest."""
        entries = list(view.items())
        if isinstance(view, ArrayView):
            entries = [(key, value) for key, value in entries if rank(value)]
        ranks = {key: rank(value) for key, value in entries}
        before, self._ranks[name] = self._ranks.get(name), ranks
        grown = {}
        if before is not None:
            for key, now in ranks.items():
                then = before.get(key, 0)
                if now != then:
                    grown[key] = now - then if now > then else now  # one that has shrunk was made anew
        first = sorted(grown, key=lambda key: (grown[key], ranks[key]), reverse=True)[:MOST_ROWS]
        values = dict(entries)
        shown = [(key, values[key]) for key in first]
        shown += [pair for pair in largest(entries, MOST_ROWS) if pair[0] not in grown]
        key = "index" if isinstance(view, ArrayView) else "key"
        return _of_table(entries_table(name, entries, shown[:MOST_ROWS], key, grown, self.seconds))

    def _histogram(self, name: str, found: Distribution, first: bool) -> Part:
        grown = found.less(self._distributions.get(name))
        self._distributions[name] = found
        if not first:
            over = self.history.setdefault(name, [])
            over.append((f"{self.now - self.began:.0f} s", grown))
            del over[:-LONGEST_HISTORY]
        told = f"  +{grown.total:,}, {rate(grown.total / self.seconds)} per s" if self.seconds and grown.total else ""
        more: Line = ((told, "grown"),)

        def lines(rows: int, width: int) -> list[Line]:
            heading, *others = distribution_lines(found, width, max(rows - 1, 1))
            return [(*heading[:2], *more, *heading[2:]), *others][:rows]

        return Part(1 + len(found.trimmed().buckets) + bool(found.below) + bool(found.above), lines)

    def _keyed(self, name: str, found: list[Distribution]) -> Part:
        wanted = len(keyed_lines(name, found))
        return Part(wanted, lambda rows, width: keyed_lines(name, found, width)[:rows])

    def _losses(self) -> None:
        """Events that found no room, and faults."""
        lines: list[Line] = []
        for name, view in self.session.maps.items():
            if isinstance(view, RingBufView):
                lines += self._loss(name, view.dropped, "events dropped")
            elif isinstance(view, StacksView):
                lines += self._loss(name, view.dropped, "dropped: there was no room for the stack")
        lines += self._loss("print", self.session.prints.dropped, "lines dropped")
        for fault in self.session.faults:
            lines += self._loss(f"{fault.kind} {fault.file}:{fault.line}", fault.count, "faults")
        if lines:
            self.parts.append(Part(len(lines), lambda rows, _: lines[:rows]))

    def _loss(self, name: str, count: int, what: str) -> list[Line]:
        grown = count - self._totals.get(name, 0)
        self._totals[name] = count
        if not count:
            return []
        told = f"  +{grown:,}, {rate(grown / self.seconds)} per s" if grown and self.seconds else ""
        return [((f"{name}: {count:,} {what}{told}", "warn"),)]

    def heading(self) -> Line:
        """How long it has run."""
        told = f"after {self.now - self.began:.0f} s, every {self.every:g} s"
        slower = f"; now {self.seconds:.1f} s, since there is much to read" if self.seconds > 1.5 * self.every else ""
        return ((f"{told}{slower}", "dim"),)

    def lines(self, width: int, height: int) -> list[Line]:
        """Everything, in as many lines as there are: parts that want more than their share get what others leave."""
        found = [self.heading()]
        rooms = shared([part.wanted for part in self.parts], height - 1)
        for part, room in zip(self.parts, rooms):
            if room:
                found += part.lines(room, width)[:room]
        if 0 in rooms:
            found = [*found[: height - 1], ((f"… {rooms.count(0)} more: the terminal has no room for them", "dim"),)]
        return found

    def text(self) -> str:
        """Everything, for files and pipes."""
        found = [self.heading()]
        for part in self.parts:
            found += part.lines(part.wanted, 120)
        return plain(found)

    def to_json(self) -> dict[str, Any]:
        """The state as data."""
        programs = {name: {"runs": each.runs, "run_ns": each.run_ns} for name, each in self._stats.items()}
        return {"interval": round(self.now - self.began, 3), **summary.to_json(self.session), "programs": programs}


_PROGRAMS: Final = ("program", "programs")


def _of_table(table: Table) -> Part:
    def lines(rows: int, width: int) -> list[Line]:
        room = rows - 2 - (table.count > rows - 2)
        kept = table.rows[: max(room, 0)]
        shorter = Table(table.name, table.key, table.columns, kept, table.count, table.what, table.seconds)
        return table_lines(shorter, width)[:rows]

    rows = len(table.rows)
    return Part(1 + (rows and rows + 1) + (table.count > rows), lines)


def shared(wanted: list[int], room: int) -> list[int]:
    """How many lines each part gets. None gets more than it wants; if they want too much, those that want the most get
    the same, but at least a few; the last ones get none where even that is too much."""
    rooms = [0] * len(wanted)
    left = room
    for place, lines in enumerate(wanted):
        rooms[place] = min(lines, LEAST) if min(lines, LEAST) <= left else 0
        left -= rooms[place]
    while left > 0:
        smallest = min((rooms[n] for n in range(len(wanted)) if 0 < rooms[n] < wanted[n]), default=None)
        if smallest is None:
            break
        for place, lines in enumerate(wanted):
            if rooms[place] == smallest and rooms[place] < lines and left > 0:
                rooms[place] += 1
                left -= 1
    return rooms
