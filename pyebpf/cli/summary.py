"""What `pyebpf run` shows at the end: maps as tables, histograms as bars, drops and faults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyebpf.pictures.distributions import Distribution
from pyebpf.runtime.session import Session
from pyebpf.views.histograms import HistogramView, KeyedHistogramView
from pyebpf.views.maps import ArrayView, HashView
from pyebpf.views.rings import RingBufView
from pyebpf.views.values import entry, plain, rank, text

if TYPE_CHECKING:
    from rich.console import Console

MOST_ROWS = 20


def to_json(session: Session) -> dict[str, Any]:
    """The whole summary as data."""
    maps: dict[str, Any] = {}
    dropped: dict[str, int] = {}
    for name, view in session.maps.items():
        if isinstance(view, RingBufView):
            dropped[name] = view.dropped
        elif isinstance(view, HistogramView):
            maps[name] = _buckets(view.distribution())
        elif isinstance(view, KeyedHistogramView):
            maps[name] = [{"key": plain(key), "buckets": _buckets(each)} for key, each in view.items()]
        elif isinstance(view, HashView | ArrayView):
            maps[name] = [entry(key, value) for key, value in view.items()]
    if session.prints.ring is not None:
        dropped["print"] = session.prints.dropped
    variables = {name: plain(view.value) for name, view in session.variables.items()}
    faults = [
        {"kind": f.kind, "program": f.program, "file": f.file, "line": f.line, "column": f.column, "count": f.count}
        for f in session.faults
    ]
    return {"maps": maps, "variables": variables, "dropped": dropped, "faults": faults}


def show(session: Session) -> None:
    """The summary for people, on standard output."""
    from pyebpf.cli.terminal import Output
    from pyebpf.pictures.lines import NO_TERMINAL, rich_text

    console = Output()
    for name, view in session.maps.items():
        if isinstance(view, HistogramView | KeyedHistogramView):
            console.print(rich_text(view.lines(min(console.width, NO_TERMINAL))), end="")
        elif isinstance(view, HashView | ArrayView):
            _table(name, view, console)
    globals_ = {name: view for name, view in session.variables.items() if view.kind == "Global"}
    for name, variable in globals_.items():
        console.print(f"{name} = {text(variable.value)}")
    for name, view in session.maps.items():
        if isinstance(view, RingBufView) and view.dropped:
            console.print(f"{name}: {view.dropped:,} events dropped: the ring was full", style="yellow")
    if session.prints.dropped:
        console.print(f"print: {session.prints.dropped:,} lines dropped: their ring was full", style="yellow")
    for fault in session.faults:
        console.print(f"fault in {fault.program}: {fault}", style="yellow")


def _table(name: str, view: HashView | ArrayView, console: Console) -> None:
    from pyebpf.cli.terminal import table

    entries = list(view.items())
    if isinstance(view, ArrayView):
        entries = [(key, value) for key, value in entries if rank(value)]
    entries.sort(key=lambda pair: rank(pair[1]), reverse=True)
    console.print(f"{name}: {len(entries):,} {'entry' if len(entries) == 1 else 'entries'}", style="italic")
    sample = plain(_total(entries[0][1])) if entries else 0
    names = list(sample) if isinstance(sample, dict) else ["value"]
    rows = table("index" if isinstance(view, ArrayView) else "key", *names, numbers=set(names))
    for key, value in entries[:MOST_ROWS]:
        shown = plain(_total(value))
        cells = list(shown.values()) if isinstance(shown, dict) else [shown]
        rows.add_row(text(key), *(f"{cell:,}" if type(cell) is int else text(cell) for cell in cells))
    if entries:
        console.print(rows, soft_wrap=False)
    if len(entries) > MOST_ROWS:
        console.print(f"… and {len(entries) - MOST_ROWS:,} more")


def _total(value: Any) -> Any:
    from pyebpf.views.per_cpu import PerCpu

    return value.sum() if isinstance(value, PerCpu) else value


def _buckets(found: Distribution) -> list[dict[str, int | None]]:
    """The buckets that counted anything, and empty ones between them. What is open at one end has None there."""
    ends: list[tuple[int | None, int | None, int]] = list(found.buckets)
    if found.kind == "linear":
        first, last = found.buckets[0][0] - 1, found.buckets[-1][1] + 1
        ends = [(None, first, found.below), *found.buckets, (last, None, found.above)]
    used = [place for place, end in enumerate(ends) if end[2]]
    shown = ends[used[0] : used[-1] + 1] if used else []
    return [{"low": low, "high": high, "count": count} for low, high, count in shown]
