"""A session as HTML for notebooks: programs, maps, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyebpf.pictures.names import xml
from pyebpf.pictures.tables import Row, Table, table_html
from pyebpf.pictures.units import quantity
from pyebpf.views.rings import RingBufView

if TYPE_CHECKING:
    from pyebpf.runtime.session import Session


def session_html(session: Session) -> str:
    """What `session` shows. Runs are those that the kernel counts, which it does from `session.stats` on."""
    if session.closed:
        return f"<code>{xml(repr(session))}</code>"
    attached: dict[str, list[str]] = {}
    for link in session.links:
        attached.setdefault(link.program, []).append(str(link.where))
    programs = []
    for name, program in session.programs.items():
        stats = program.stats
        each = quantity(round(stats.run_ns / stats.runs), "ns") if stats.runs else ""
        where = ", ".join(attached.get(name, ())) or "not attached"
        programs.append(Row(name, (where, stats.verified_instructions, stats.native_bytes, stats.runs, each)))
    columns = ("attached to", "verified instructions", "native bytes", "runs", "ns each")
    parts = [_table("programs", "program", columns, programs)]
    maps = [Row(name, _state(view)) for name, view in session.maps.items()]
    parts += [_table("maps", "map", ("kind", "state"), maps)] if maps else []
    faults = [Row(f"{f.file}:{f.line}", (f.kind, f.program, f.count)) for f in session.faults]
    parts += [_table("faults", "place", ("kind", "program", "count"), faults)] if faults else []
    return "".join(parts)


def _table(name: str, key: str, columns: tuple[str, ...], rows: list[Row]) -> str:
    return table_html(Table(name, key, columns, tuple(rows), len(rows), (name[:-1], name)), bars=False)


def _state(view: Any) -> tuple[str, str]:
    """A map's kind, and what its `repr` says of it."""
    if isinstance(view, RingBufView):
        return view.kind, f"{view.dropped:,} events dropped"
    return str(getattr(view, "kind", "")), repr(view)
