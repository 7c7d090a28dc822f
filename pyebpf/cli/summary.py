"""What `pyebpf run` shows at the end: maps as tables, histograms as bars, drops and faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pyebpf.pictures.distributions import Distribution
from pyebpf.pictures.frames import Frame, StackCount
from pyebpf.runtime.session import Session
from pyebpf.views.histograms import HistogramView, KeyedHistogramView
from pyebpf.views.maps import ArrayView, HashView
from pyebpf.views.rings import RingBufView
from pyebpf.views.stack_counts import StacksView
from pyebpf.views.stacks import StackTraceView
from pyebpf.views.values import entry, plain, rank, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

MOST_ROWS = 20
MOST_CALLS = 12
"""Of a stack; the others are in `--json`."""


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
        elif isinstance(view, StacksView):
            maps[name] = [_stack(each) for each in view.counts()]
            dropped[name] = view.dropped
        elif isinstance(view, StackTraceView):
            maps[name] = [entry(number, addresses) for number, addresses in view.to_dict().items()]
    if session.prints.ring is not None:
        dropped["print"] = session.prints.dropped
    variables = {name: plain(view.value) for name, view in session.variables.items() if view.kind != "Arena"}
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
        elif isinstance(view, StacksView):
            _stacks(name, view, console)
        elif isinstance(view, StackTraceView):
            _traces(name, view, console)
    globals_ = {name: view for name, view in session.variables.items() if view.kind == "Global"}
    for name, variable in globals_.items():
        console.print(f"{name} = {text(variable.value)}")
    for name, view in session.maps.items():
        if isinstance(view, RingBufView) and (dropped := view.dropped):
            console.print(f"{name}: {dropped:,} events dropped: the ring was full", style="yellow")
        if isinstance(view, StacksView) and (dropped := view.dropped):
            why = "there was no room for the stack: a larger max_entries has it"
            console.print(f"{name}: {dropped:,} {view.unit or 'samples'} dropped: {why}", style="yellow")
    lost = session.symbols.lost if any(isinstance(view, StacksView) for view in session.maps.values()) else 0
    if lost:
        console.print(f"stacks: {lost:,} records of processes lost: some have no names", style="yellow")
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
    _show(rows, len(entries), console)


def _stack(found: StackCount) -> dict[str, Any]:
    """As data: the innermost call is the first."""
    frames = [
        {
            "name": frame.name,
            "symbol": frame.symbol,
            "module": frame.module,
            "offset": frame.offset,
            "address": frame.address,
            "kind": frame.kind,
            **({"file": frame.file, "line": frame.line} if frame.file else {}),  # Python's: two may have one name
        }
        for frame in found.frames
    ]
    return {"key": plain(found.key), "frames": frames, "value": found.count}


def _stacks(name: str, view: StacksView, console: Console) -> None:
    """The greatest counts, each with its stack as a line; of a long one the innermost calls."""
    from pyebpf.cli.terminal import table

    found = view.counts()
    total, unit = sum(each.count for each in found), view.unit or "samples"
    console.print(f"{name}: {total:,} {unit} in {_number(len(found))}", style="italic")
    rows = table(unit, "key", "stack", numbers={unit})
    for each in found[:MOST_ROWS]:
        rows.add_row(f"{each.count:,}", " ".join(map(text, each.key)), _calls(each.frames))
    _show(rows, len(found), console)


def _traces(name: str, view: StackTraceView, console: Console) -> None:
    """Stacks by number. Whose those of processes are this map doesn't know: their addresses stay numbers."""
    from pyebpf.cli.terminal import table

    found = view.to_dict()
    console.print(f"{name}: {_number(len(found))}", style="italic")
    rows = table("number", "stack", numbers={"number"})
    for number, addresses in list(found.items())[:MOST_ROWS]:
        rows.add_row(str(number), _calls(view.named(addresses)))
    _show(rows, len(found), console)


def _number(stacks: int) -> str:
    return f"{stacks:,} {'stack' if stacks == 1 else 'stacks'}"


def _calls(frames: Sequence[Frame]) -> str:
    shown = [text(frame.name) or "[unknown]" for frame in frames[:MOST_CALLS]]
    more = ["…"] if len(frames) > MOST_CALLS else []
    return ";".join(reversed([*shown, *more])) if shown else "-"


def _show(rows: Table, count: int, console: Console) -> None:
    if count:
        console.print(rows, soft_wrap=False)
    if count > MOST_ROWS:
        console.print(f"… and {count - MOST_ROWS:,} more")


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
