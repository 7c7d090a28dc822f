"""Loops by strategy: round by round, or as a function that the kernel runs. Whichever it is, they compute the same."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from generate import Generator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running import Inputs, Kernel, Probe, forced, run_python
from test_differential import inputs
from trial import REFUSED

from pyebpf import CompileError
from pyebpf.compiler import check_target, emit
from pyebpf.ir.ranges import exact
from pyebpf.loader import sys
from pyebpf.loader.load import load_object
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel

PASS, DROP, TX = 2, 1, 3
Build = Callable[..., Probe]
IMPORTS = "from pyebpf import *\nfrom pyebpf import Ethernet, function, xdp\n"


@pytest.fixture
def build(kernel: Kernel, tmp_path: Path) -> Iterator[Build]:
    loaded = []

    def built(text: str, loops: str | None = None) -> Probe:
        path = tmp_path / f"probe{len(loaded)}.py"
        path.write_text(IMPORTS + text)
        llvm = emit(path, "llvm") if loops is None else forced(path, loops)  # type: ignore[arg-type]
        assert isinstance(llvm, str)
        if loops == "callback":
            assert "@probe__loop_" in llvm
        loaded.append(load_object(read_object(kernel.worker.compile(llvm, "v3"))))
        return Probe(loaded[-1])

    yield built
    for object in loaded:
        object.close()


@pytest.fixture(params=["bounded", "callback"])
def load(request: pytest.FixtureRequest, build: Build) -> Build:
    return lambda text: build(text, request.param)


@settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(random=st.randoms(use_true_random=False), cases=st.lists(inputs, min_size=1, max_size=4))
def test_random_programs_with_every_loop_a_function(kernel: Kernel, random: object, cases: list[Inputs]) -> None:
    probe, python = Generator(random, exact).program()  # type: ignore[arg-type]
    forced = Kernel(kernel.worker, loops="callback")
    try:
        outcomes = forced.run(probe, cases)
    except CompileError as error:
        if {diagnostic.code for diagnostic in error.diagnostics} <= REFUSED | {"E0250"}:
            return
        raise
    for case, outcome in zip(cases, outcomes, strict=True):
        assert outcome == run_python(python, case), f"{case}\n{probe}\n{python}"


def test_a_million_rounds(build: Build) -> None:
    probe = build("""
out = Global[u64](0)

@xdp
def probe(packet):
    total = 0
    for i in range(1_000_000):
        if i % 3 == 0:
            continue
        total += i
    out.value = u64(total)
    return XDP.DROP
""")
    assert probe.run() == DROP
    assert probe.out() == sum(i for i in range(1_000_000) if i % 3)


COLLATZ = """
out = Global[u64](0)

@xdp
def probe(packet):
    n = packet.load(0, u32)
    steps = 0
    for _ in range(400):
        if n == 1:
            break
        if n % 2 == 0:
            n = n // 2
        else:
            n = 3 * n + 1
        steps += 1
    else:
        return XDP.TX
    out.value = steps
    return XDP.DROP
"""


def collatz(n: int) -> int:
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def test_ways_that_never_meet(build: Build) -> None:
    """Round by round this takes the verifier more than a million instructions."""
    probe = build(COLLATZ)
    for n in (1, 2, 7, 27, 97, 871, 6171):
        assert probe.run(struct.pack("<I", n) + bytes(60)) == DROP
        assert probe.out() == collatz(n)
    assert probe.run(bytes(64)) == TX


def test_loops_in_loops(load: Build) -> None:
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    total = 0
    limit = packet.load(0, u8)
    for i in range(12):
        for j in range(i, 12):
            if j == limit:
                break
            if i + j == 20:
                continue
            if i * j == limit:
                total += 1000
                out.value = u64(total)
                return XDP.TX
            total += i * j
        else:
            total += 7
    out.value = u64(total)
    return XDP.DROP
""")
    for limit in (0, 3, 11, 12, 25, 100, 200):
        result, total = loops_in_loops(limit)
        assert probe.run(bytes([limit]) + bytes(63)) == result
        assert probe.out() == total


def loops_in_loops(limit: int) -> tuple[int, int]:
    total = 0
    for i in range(12):
        for j in range(i, 12):
            if j == limit:
                break
            if i + j == 20:
                continue
            if i * j == limit:
                return TX, total + 1000
            total += i * j
        else:
            total += 7
    return DROP, total


def test_faults_inside(load: Build) -> None:
    """Caught in the loop, caught around it, and not at all; each where it happened."""
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    mode = packet.load(0, u8)
    cells = i64[4]()
    total = 0
    try:
        for i in range(10):
            try:
                cells[(i * mode) & 7] += 1
            except IndexError:
                total += 100
            if mode == 3 and i == 2:
                raise KeyError
            total += 1000 // (7 - (i | mode))
    except ZeroDivisionError:
        total += 5
    finally:
        total += 1
    out.value = u64(total + cells[0] * 10_000 + cells[3] * 100_000)
    return XDP.DROP
""")
    for mode in range(9):
        result, total = faults_inside(mode)
        out = probe.out()
        assert probe.run(bytes([mode]) + bytes(63)) == result
        assert probe.out() == (total & (2**64 - 1) if result == DROP else out)
    assert probe.faults() == {"KeyError": 1}


def faults_inside(mode: int) -> tuple[int, int]:
    cells, total = [0] * 4, 0
    try:
        for i in range(10):
            try:
                cells[(i * mode) & 7] += 1
            except IndexError:
                total += 100
            if mode == 3 and i == 2:
                raise KeyError
            total += 1000 // (7 - (i | mode))
    except ZeroDivisionError:
        total += 5
    except KeyError:
        return PASS, 0
    finally:
        total += 1
    return DROP, total + cells[0] * 10_000 + cells[3] * 100_000


def test_events_reserved_outside_and_inside(load: Build) -> None:
    """A fault in the loop gives both back, whoever reserved them: the verifier insists on it."""
    probe = load("""
out = Global[u64](0)

@struct
class Event:
    number: u64
    sum: u64

events = RingBuf[Event](size=4096)

@xdp
def probe(packet):
    limit = packet.load(0, u8)
    with events.reserve() as outer:
        outer.number = 1
        for i in range(4):
            outer.sum += i
            with events.reserve() as inner:
                inner.number = 2
                inner.sum = 100 // (limit - i + 1000)
                if limit == 200:
                    continue
                assert i != limit
                if limit == 100:
                    break
        out.value = outer.sum
    return XDP.DROP
""")
    assert probe.run(bytes([2]) + bytes(63)) == PASS
    assert probe.faults() == {"AssertionError": 1}
    for limit, total in ((9, 6), (100, 0), (200, 6)):
        assert probe.run(bytes([limit]) + bytes(63)) == DROP
        assert probe.out() == total


def test_structs_arrays_and_text_of_the_outside(load: Build) -> None:
    probe = load("""
out = Global[u64](0)

@struct
class Point:
    x: u32
    y: i64
    name: char[8]

points = Hash[u32, Point](max_entries=8)

@xdp
def probe(packet):
    seen = i64[8]()
    last = Point(x=1, y=2)
    for i in range(8):
        value = packet.load(i, u8)
        seen[value & 7] += value
        last.x = value
        if value > 100:
            last.y += 1
        if value & 1:
            last.name = "odd"
        else:
            last.name = "even"
        if last.name == "odd":
            points[i] = last.copy()
    total = last.x * 1000 + last.y
    for i in range(8):
        total += seen[i]
        if i in points:
            total += points[i].y
    out.value = u64(total)
    return XDP.DROP
""")
    values = [3, 200, 7, 101, 8, 255, 0, 77]
    assert probe.run(bytes(values) + bytes(56)) == DROP
    total, x, y, points = 0, 1, 2, {}
    for i, value in enumerate(values):
        x, y = value, y + (value > 100)
        if value & 1:
            points[i] = y
    total = x * 1000 + y + sum(values) + sum(points.values())
    assert probe.out() == total


def test_references_that_move(load: Build) -> None:
    """The best entry of a map so far, or None."""
    probe = load("""
out = Global[u64](0)

@struct
class Entry:
    score: u64
    hits: u64

entries = Hash[u32, Entry](max_entries=8)

@xdp
def probe(packet):
    best = None
    for i in range(8):
        entry = entries.get(i)
        if entry is None:
            continue
        if best is None or entry.score > best.score:
            best = entry
    if best is None:
        return XDP.TX
    best.hits += 1
    out.value = best.score
    return XDP.DROP
""")
    entries = probe.loaded.maps["entries"].fd
    assert probe.run() == TX
    for key, score in ((1, 5), (4, 99), (6, 98), (7, 3)):
        sys.map_update(entries, struct.pack("<I", key), struct.pack("<QQ", score, 0))
    assert probe.run() == DROP
    assert probe.out() == 99
    assert sys.map_lookup(entries, struct.pack("<I", 4), 16) == struct.pack("<QQ", 99, 1)


def test_loops_in_functions(load: Build) -> None:
    probe = load("""
out = Global[u64](0)

@function
def find(packet, wanted: u8):
    for i in range(32):
        if packet.load(i, u8) == wanted:
            return i
    return -1

@xdp
def probe(packet):
    total = 0
    for wanted in range(4):
        at = find(packet, wanted + 1)
        if at < 0:
            break
        total = total * 100 + at
    else:
        total += 5_000_000
    out.value = u64(total)
    return XDP.DROP
""")
    packet = bytearray(64)
    packet[9], packet[30], packet[5] = 1, 2, 3
    assert probe.run(bytes(packet)) == DROP
    assert probe.out() == (9 * 100 + 30) * 100 + 5
    packet[31] = 4
    assert probe.run(bytes(packet)) == DROP
    assert probe.out() == ((9 * 100 + 30) * 100 + 5) * 100 + 31 + 5_000_000
    assert probe.run(bytes(20)) == PASS
    assert probe.faults() == {"PacketTooShort": 1}


def test_packets_and_references_into_them(load: Build) -> None:
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    eth = packet.parse(Ethernet)
    total = 0
    for i in range(6):
        total = total * 256 + packet.load(i, u8)
        if eth.proto == 0x806:
            total += 1
    out.value = u64(total)
    return XDP.DROP
""")
    assert probe.run(bytes([1, 2, 3, 4, 5, 6]) + bytes(58)) == DROP
    assert probe.out() == 0x010203040506
    assert probe.run(bytes(12) + b"\x08\x06" + bytes(50)) == DROP
    assert probe.out() == sum(256**i for i in range(6))


def test_the_least_demanding_strategy_is_taken(tmp_path: Path) -> None:
    """Small loops need nothing of the kernel; the one loop is a function that makes the others fit."""
    path = tmp_path / "probe.py"
    path.write_text(
        IMPORTS
        + """
out = Global[u64](0)

@xdp
def probe(packet):
    for i in range(10):
        out.value += i
    for i in range(1000):
        for j in range(1000):
            out.value += j
    return XDP.DROP
"""
    )
    (report,) = check_target(path).programs
    assert [(loop.bound, loop.strategy) for loop in report.loops] == [
        (10, "bounded"), (1000, "callback"), (1000, "bounded"),
    ]  # fmt: skip
    assert report.needs.since == (5, 17)
