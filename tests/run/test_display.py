"""What `pyebpf run` shows to people, for a probe whose numbers the test knows beforehand."""

from __future__ import annotations

import math
import os
import re
from collections import Counter

import pytest
from run_cli import Run

pytestmark = pytest.mark.usefixtures("nothing_left")
CALLS = 60
PROBE = """
from enum import IntEnum

from pyebpf import (
    Array, Config, Global, Hash, Histogram, IPv4Address, IPv6Address, MacAddress, PerCpuArray, PerCpuHash, RingBuf,
    char, i16, pid, struct, tracepoint, u16, u32, u64,
)

class Parity(IntEnum):
    EVEN = 0
    ODD = 1

@struct
class Point:
    x: u32
    y: i16

@struct
class Event:
    number: u64
    parity: Parity
    at: Point
    small: bool
    address: IPv4Address
    six: IPv6Address
    mac: MacAddress
    more: u16[3]
    name: char[8]

@struct
class Tick:
    n: u64

only = Config[u32](0)
where = Config[IPv4Address](0)
events = RingBuf[Event](size=65536)
ticks = RingBuf[Tick](size=65536)
full = RingBuf[Event](size=4096)
points = Hash[char[16], Point](max_entries=4)
rests = Hash[u32, u64](max_entries=64)
sevenths = Array[u64](max_entries=10)
parities = PerCpuHash[Parity, u64](max_entries=4)
corner = PerCpuArray[Point](max_entries=4)
cubes = Histogram(unit="ns")
sizes = Histogram(unit="bytes")
calls = Global[u64](0)

@tracepoint("syscalls:sys_enter_getppid")
def on_getppid(ctx):
    if pid() != only.value:
        return
    calls.value += 1
    n = calls.value
    print(f"call {n:>3} {n:#x}")
    with events.reserve() as event:
        event.number = n
        event.parity = Parity.ODD if n % 2 == 1 else Parity.EVEN
        event.at.x = u32(n)
        event.at.y = -5
        event.small = n < 10
        event.address = where.value
        event.more[1] = 7
        event.name = "n\\x1b[31m"
    with ticks.reserve() as tick:
        tick.n = n * n
    with full.reserve() as event:
        event.number = n
    points["[/b]:cat:"] = Point(x=u32(n), y=-3)
    rests[u32(n % 50)] += n
    sevenths[n % 7] += 1
    parities[Parity.ODD if n % 2 == 1 else Parity.EVEN] += 1
    corner[1].x += 1
    cubes.observe(n * n * n)
    sizes.observe(n % 4)
    assert n % 5 != 0
    rests[u32(100 // (n % 3))] += 0
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of one run with CALLS calls."""
    folder = tmp_path_factory.mktemp("display")
    path = folder / "display.py"
    path.write_text(PROBE)
    arguments = ["--for", "3", "--set", f"only={os.getpid()}", "--set", "where=192.0.2.7"]
    with Run(folder, path, *arguments, form="") as run:
        run.wait_for_links(1)
        for _ in range(CALLS):
            os.getppid()
        assert run.process.wait(timeout=30) == 0, run.errors.read_text()
    return run.output.read_text().splitlines()


def table(shown: list[str], name: str) -> list[list[str]]:
    """The cells of a map's rows, without its two lines of headings."""
    start = next(number for number, line in enumerate(shown) if line.startswith(f"{name}: "))
    rows = []
    for line in shown[start + 2 :]:
        if re.match(r"\w+: |\w+ = |…", line):
            break
        rows.append(line.split())
    return rows


def test_events_are_aligned_columns(shown: list[str]) -> None:
    heading, *rows = [line for line in shown if line.startswith("events  ")]
    assert heading.split() == ["events", "NUMBER", "PARITY", "AT", "SMALL", "ADDRESS", "SIX", "MAC", "MORE", "NAME"]
    assert len(rows) == CALLS
    for n, row in enumerate(rows, 1):
        assert row.split()[1] == str(n)
        assert row.index(str(n)) + len(str(n)) == heading.index("NUMBER") + len("NUMBER")
        cells = {
            "PARITY": "ODD" if n % 2 else "EVEN",
            "AT": f"x={n} y=-5",
            "SMALL": str(n < 10),
            "ADDRESS": "192.0.2.7",
            "SIX": "::",
            "MAC": "00:00:00:00:00:00",
            "MORE": "[0, 7, 0]",
        }
        for column, cell in cells.items():
            assert row[heading.index(column) :].startswith(cell), (column, row)


def test_text_from_the_kernel_cannot_steer_the_terminal(shown: list[str]) -> None:
    assert not [line for line in shown if "\x1b" in line]


def test_rings_that_come_mixed_are_named(shown: list[str]) -> None:
    heading, *rows = [line.split() for line in shown if line.startswith("ticks ")]
    assert heading == ["ticks", "N"]
    assert rows == [["ticks", str(n * n)] for n in range(1, CALLS + 1)]


def test_prints_are_lines(shown: list[str]) -> None:
    assert [line for line in shown if line.startswith("call ")] == [f"call {n:>3} {n:#x}" for n in range(1, CALLS + 1)]


def test_a_full_ring_is_told(shown: list[str]) -> None:
    kept = len([line for line in shown if line.startswith("full ")]) - 1
    assert 0 < kept < CALLS
    assert f"full: {CALLS - kept} events dropped: the ring was full" in shown


def test_maps_are_tables_largest_first(shown: list[str]) -> None:
    rests: Counter[int] = Counter()
    for n in range(1, CALLS + 1):
        rests[n % 50] += n
    for n in range(1, CALLS + 1):
        if n % 5 and n % 3:
            rests[100 // (n % 3)] += 0
    rows = [(int(key), int(value)) for key, value in table(shown, "rests")]
    assert rows == sorted(rows, key=lambda row: -row[1])
    assert len(rows) == 20
    assert {row: rests[row[0]] for row in rows} == {row: row[1] for row in rows}
    assert sorted(rests.values(), reverse=True)[:20] == [value for _, value in rows]
    assert f"… and {len(rests) - 20} more" in shown
    assert f"rests: {len(rests)} entries" in shown
    assert table(shown, "points") == [["[/b]:cat:", str(CALLS), "-3"]]


def test_arrays_leave_out_what_is_empty(shown: list[str]) -> None:
    expected = Counter(n % 7 for n in range(1, CALLS + 1))
    assert {int(index): int(count) for index, count in table(shown, "sevenths")} == expected


def test_per_cpu_values_are_summed(shown: list[str]) -> None:
    assert sorted(table(shown, "parities")) == [["EVEN", str(CALLS // 2)], ["ODD", str(CALLS // 2)]]
    assert table(shown, "corner") == [["1", str(CALLS), "0"]]


SCALE = {"ns": 1, "µs": 1e3, "ms": 1e6}


def test_histograms_are_bars(shown: list[str]) -> None:
    start, end = (
        next(number for number, line in enumerate(shown) if line.startswith(f"{name}: {CALLS} values  p50 "))
        for name in ("cubes", "sizes")
    )
    expected = Counter(int(math.log2(n**3)) for n in range(1, CALLS + 1))
    rows = shown[start + 1 : end]
    assert len(rows) == max(expected) + 1
    for slot, row in enumerate(rows):
        low, low_unit, _, high, high_unit, count, *bar = row.split()
        assert float(low) * SCALE[low_unit] == pytest.approx(2**slot if slot else 0, rel=0.01)
        assert float(high) * SCALE[high_unit] == pytest.approx(2 ** (slot + 1), rel=0.01)
        assert int(count) == expected[slot]
        eighths = 8 * len(bar[0]) - (" ▉▊▋▌▍▎▏".find(bar[0][-1]) + (bar[0][-1] == "█")) if bar else 0
        assert eighths == round(320 * expected[slot] / max(expected.values()))
    assert [row.split()[:6] for row in shown[end + 1 : end + 3]] == [
        ["0", "B", "…", "2", "B", "30"],
        ["2", "B", "…", "4", "B", "30"],
    ]


def test_globals_and_faults_are_told(shown: list[str]) -> None:
    assert f"calls = {CALLS}" in shown
    lines = PROBE.splitlines()
    failed = lines.index("    assert n % 5 != 0") + 1
    divided = lines.index("    rests[u32(100 // (n % 3))] += 0") + 1
    zeroes = sum(1 for n in range(1, CALLS + 1) if n % 5 and n % 3 == 0)
    faults = [re.sub(r"\S*/", "", line) for line in shown if line.startswith("fault")]
    assert faults == [
        f"fault in on_getppid: AssertionError display.py:{failed} ×{CALLS // 5}",
        f"fault in on_getppid: ZeroDivisionError display.py:{divided} ×{zeroes}",
    ]
