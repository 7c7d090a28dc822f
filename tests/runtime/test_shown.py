"""Maps and sessions as people look at them, from the kernel."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree

import pytest
from rich.console import Console

import pyebpf
from pyebpf import Array, Hash, Histogram, LinearHistogram, PerCpuHash, RingBuf, char, struct, syscall, u32, u64
from pyebpf.pictures.tables import Table

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Seen:
    size: u64
    who: u32
    name: char[16]


@struct
class Traffic:
    bytes: u64
    packets: u64


traffic = PerCpuHash[u32, Traffic](max_entries=64)
names = Hash[char[16], u64](max_entries=64)
slots = Array[u64](max_entries=8)
sizes = Histogram(unit="bytes")
steps = LinearHistogram[u32](0, 1000, 100, max_entries=16)
seen_by = RingBuf[Seen](size=4096)


@syscall
def observe(seen: Seen):
    names[seen.name] += seen.size
    slots[seen.who % 8] += 1
    traffic[seen.who] = Traffic(bytes=seen.size, packets=1)
    sizes.observe(seen.size)
    steps[seen.who].observe(seen.size)
    with seen_by.reserve() as event:
        event.size = seen.size
        event.who = seen.who
        event.name = seen.name
    assert seen.who != 5
    return 0


@pytest.fixture
def session() -> pyebpf.Session:
    with pyebpf.load(observe) as session:
        for who, (size, name) in enumerate([(3_000, "<b>nginx"), (70, "sh"), (500, "\x1b[31m"), (500, "sh")]):
            session.programs["observe"].test_run(ctx=Seen(size=size, who=who, name=name))
        traffic.clear()
        traffic[1] = Traffic(bytes=10, packets=2)
        traffic[7] = Traffic(bytes=4_000, packets=1)
        yield session


def html(found: str) -> ElementTree.Element:
    return ElementTree.fromstring(f"<div>{found}</div>")


def cells(found: str) -> list[list[str]]:
    return [[str(cell.text or "") for cell in row] for row in html(found).iter("tr")]


@pytest.mark.usefixtures("session")
def test_the_most_common() -> None:
    assert names.most_common(2) == [("<b>nginx", 3_000), ("sh", 570)]
    assert names.most_common() == [*names.most_common(2), ("\x1b[31m", 500)]
    assert [(key, tuple(value)) for key, value in traffic.most_common(1)] == [(7, (4_000 * cpus(), cpus()))]
    assert slots.most_common(3) == [(0, 1), (1, 1), (2, 1)]
    assert [found.total for _, found in steps.most_common(3)] == [1, 1, 1]


def cpus() -> int:
    return len(traffic[7])


@pytest.mark.usefixtures("session")
def test_tables_in_notebooks() -> None:
    assert cells(names._repr_html_()) == [["key", "value"], ["<b>nginx", "3,000"], ["sh", "570"], ["\\x1b[31m", "500"]]
    assert cells(traffic._repr_html_())[:2] == [["key", "bytes", "packets"], ["7", f"{4_000 * cpus():,}", f"{cpus()}"]]
    assert cells(slots._repr_html_()) == [["index", "value"], ["0", "1"], ["1", "1"], ["2", "1"], ["3", "1"]]
    assert isinstance(names.table(1), Table) and (len(names.table(1).rows), names.table(1).count) == (1, 3)


@pytest.mark.usefixtures("session")
def test_events_in_notebooks() -> None:
    assert "0 dropped" in seen_by._repr_html_() and "<table" not in seen_by._repr_html_()
    assert len(seen_by.poll()) == 4
    assert cells(seen_by._repr_html_())[:2] == [["", "size", "who", "name"], ["1", "3,000", "0", "<b>nginx"]]
    assert cells(seen_by._repr_html_())[3][3] == "\\x1b[31m"


@pytest.mark.usefixtures("session")
def test_histograms_as_pictures() -> None:
    for view in (sizes, steps, names, slots):
        ElementTree.fromstring(view.svg(theme="dark").encode())
    assert sizes._repr_html_().startswith('<iframe sandbox="allow-scripts"') and "4 values" in sizes._repr_html_()
    assert ">4 keys<" in steps.svg()


def test_in_a_terminal(session: pyebpf.Session, capsys: pytest.CaptureFixture[str]) -> None:
    sizes.show()
    names.show()
    shown = capsys.readouterr().out
    assert "sizes: 4 values  p50 256 B … 512 B" in shown and "\x1b" not in shown
    assert ["<b>nginx", "3,000"] in [line.split() for line in shown.splitlines()]
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(session.maps["sizes"])
    assert "sizes: 4 values  p50 256 B … 512 B" in console.export_text()


def test_sessions_in_notebooks(session: pyebpf.Session) -> None:
    session.programs["observe"].test_run(ctx=Seen(size=1, who=5, name="late"))
    rows = cells(session._repr_html_())
    assert ["program", "attached to", "verified instructions", "native bytes", "runs", "ns each"] in rows
    assert next(row for row in rows if row[0] == "observe")[1] == "not attached"
    assert next(row for row in rows if row[0] == "seen_by") == ["seen_by", "RingBuf", "0 events dropped"]
    assert [row[1:] for row in rows if row[0].startswith(__file__)] == [["AssertionError", "observe", "1"]]


def test_after_the_session() -> None:
    with pyebpf.load(observe) as session:
        views = list(session.maps.values())
    for view in [*views, session]:
        assert view._repr_html_().startswith("<code>"), view
