"""Rings with many events, which machine code reads: the same events as Python reads, in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import pyebpf
from pyebpf import cache
from pyebpf.runtime import native, ring
from pyebpf.runtime.ring import MANY, Ring

pytestmark = pytest.mark.kernel
PROGRAM = """
from enum import IntEnum
from pyebpf import IPv4Address, MacAddress


class Color(IntEnum):
    RED = 1
    GREEN = 2


@struct
class Plain:
    number: u64
    small: u16

@struct
class Rich:
    number: u32
    odd: bool
    color: Color
    name: char[5]
    v4: IPv4Address
    mac: MacAddress
    port: be16
    pair: u16[2]

@struct(packed=True)
class Odd:
    number: u32
    text: char[9]

plain, rich, odd = RingBuf[Plain](size=1 << 20), RingBuf[Rich](size=1 << 20), RingBuf[Odd](size=1 << 20)
total = Global[u64](0)

@raw_tracepoint("sys_enter")
def send(ctx):
    start = u32(ctx.args[0] & 0xFFFFFF)
    for step in range(1000):
        number = start + step
        with plain.reserve() as event:
            event.number = number
            event.small = number % 7
            if number % 10 == 3:
                assert number == 0  # given back: a record that is discarded
        total.value += 1

@raw_tracepoint("sys_enter")
def send_rich(ctx):
    start = u32(ctx.args[0] & 0xFFFFFF)
    for step in range(1000):
        number = start + step
        with rich.reserve() as event:
            event.number = number
            event.odd = number % 2 == 1
            event.color = Color.GREEN if number % 3 == 0 else Color.RED
            event.name = "ab" if number % 5 == 0 else "abcde"
            event.v4 = IPv4Address("10.0.0.1")
            event.mac = MacAddress("01:02:03:04:05:06")
            event.port = number % 1000
            event.pair[1] = 9
        with odd.reserve() as other:
            other.number = number
            other.text = "nine char"
"""


@pytest.fixture
def session(program: Callable[[str], ModuleType]) -> Iterator[pyebpf.Session]:
    with pyebpf.load(program(PROGRAM), attach=False) as session:
        yield session


def send(session: pyebpf.Session, start: int, name: str = "send_rich", rounds: int = 5) -> range:
    for number in range(rounds):
        session.programs[name].test_run(ctx=(start + number * 1000).to_bytes(8, "little") * 2)
    return range(start, start + rounds * 1000)


def is_fast(session: pyebpf.Session, name: str) -> bool:
    records = session.maps[name].ring
    assert isinstance(records, Ring)
    return records.is_fast


def test_events_are_the_same_before_and_after(session: pyebpf.Session) -> None:
    rich, odd = session.maps["rich"], session.maps["odd"]
    for start in range(0, 3 * MANY, 5000):
        numbers = send(session, start)
        events = rich.poll()
        assert [event.number for event in events] == list(numbers)
        for event in (events[0], events[15], events[-1]):
            n = event.number
            assert (event.odd, int(event.color), event.name) == (
                n % 2 == 1,
                2 if n % 3 == 0 else 1,
                "ab" if n % 5 == 0 else "abcde",
            )
            assert (str(event.v4), str(event.mac), event.port, event.pair) == (
                "10.0.0.1",
                "01:02:03:04:05:06",
                n % 1000,
                (0, 9),
            )
        assert odd.poll() == [(number, "nine char") for number in numbers]
    assert is_fast(session, "rich") and is_fast(session, "odd")
    numbers = send(session, 7)
    rows = odd.read_numpy()
    assert rows["number"].tolist() == list(numbers) and set(rows["text"].tolist()) == {b"nine char"}
    assert rich.read_numpy()["port"].tolist() == [number % 1000 for number in numbers]
    assert rich.poll() == odd.poll() == [] and len(odd.read_numpy()) == 0


def test_discarded_records_are_passed_over(session: pyebpf.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring, "MANY", 30)
    plain = session.maps["plain"]
    for start in range(0, 2 * MANY, 1000):
        session.programs["send"].test_run(ctx=start.to_bytes(8, "little") * 2)
        assert plain.poll() == [
            (number, number % 7) for number in range(start, start + 3)
        ]  # the fault ends the program
    assert is_fast(session, "plain")


def test_a_full_ring_is_read_whole_and_used_again(session: pyebpf.Session) -> None:
    odd = session.maps["odd"]
    for _ in range(4):
        before = odd.dropped
        send(session, 0, rounds=50)
        events = odd.poll()
        assert len(events) + odd.dropped - before == 50_000 and len(events) == (1 << 20) // 24
    assert is_fast(session, "odd")


def test_records_that_are_shorter_than_events(session: pyebpf.Session) -> None:
    while not is_fast(session, "odd"):
        send(session, 0)
        session.maps["odd"].poll()
    send(session, 0)
    data, rest = session.maps["odd"].ring.take(14)
    assert not data and len(rest) == 5000 and {len(record) for record in rest} == {13}


def test_the_code_is_kept_and_loaded_without_llvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    script = (
        "import sys; sys.modules['llvmlite'] = None; from pyebpf.runtime import native; print(native.drain({make}))"
    )

    def has_code(make: bool) -> bool:
        command = [sys.executable, "-c", script.format(make=make)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() != "None"

    assert not has_code(make=False) and not has_code(make=True)
    command = [sys.executable, "-c", script.format(make=True).partition("; ")[2].partition("; ")[2]]
    assert "CFunctionType" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    [kept] = [path for path in (tmp_path / "pyebpf").iterdir() if path.name.startswith("ring-")]
    assert kept.stat().st_mode & 0o777 == 0o600 and has_code(make=False)
    good = kept.read_bytes()
    for spoilt in (good[:-1], good[:60], b"", good.replace(b"machine code 1", b"machine code 2"), good + b"\0"):
        kept.write_bytes(spoilt)
        assert not has_code(make=False)
    kept.write_bytes(good)
    kept.chmod(0o660)
    assert not has_code(make=False)
    assert cache.cache_directory() == tmp_path / "pyebpf" and os.uname().machine in kept.name


def test_the_code_needs_nothing_from_elsewhere() -> None:
    code = native._compiled()
    assert code is not None and 50 < len(code) < 1000
