"""Rings that Python writes: what is refused, waited for, shared by threads, and closed; records of other lengths."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy
import pytest

import pyebpf
from pyebpf.views.arrays import dtype

pytestmark = pytest.mark.kernel
PROGRAM = """
@struct
class Command:
    number: u64
    name: char[12]

commands = UserRingBuf[Command](size=4096)
total, count = Global[u64](0), Global[u64](0)

@raw_tracepoint("sys_enter")
def take(ctx):
    for command in commands:
        total.value += command.number
        count.value += 1
"""


@pytest.fixture
def session(program: Callable[[str], ModuleType]) -> Iterator[pyebpf.Session]:
    with pyebpf.load(program(PROGRAM), attach=False) as session:
        yield session


def take(session: pyebpf.Session) -> tuple[int, int]:
    session.programs["take"].test_run(ctx=bytes(16))
    return session.variables["count"].value, session.variables["total"].value


def test_values_bytes_and_arrays(session: pyebpf.Session) -> None:
    commands = session.maps["commands"]
    commands.send({"number": 3, "name": "three"})
    commands.send(struct.pack("=Q12sI", 4, b"four", 0))
    rows = numpy.zeros(5, dtype(commands.type))
    rows["number"] = range(5)
    assert commands.send_many(rows) == 5
    assert repr(commands) == "<UserRingBuf commands of Command, 3872 of 4096 bytes free>"
    assert take(session) == (7, 3 + 4 + 10)
    for wrong, error in (((1, 2), TypeError), (b"short", ValueError), (7, TypeError), ((1, "x" * 13), OverflowError)):
        with pytest.raises(error):
            commands.send_many([(1, "right"), wrong])
    with pytest.raises(TypeError, match="one row of Command"):
        commands.send_many(numpy.zeros(3, "u8"))
    with pytest.raises(OverflowError):
        commands.send((1 << 64, "x"))
    assert take(session) == (7, 17) and commands.free == 4096


def test_a_record_that_is_too_short_is_a_fault_and_gone(session: pyebpf.Session) -> None:
    commands = session.maps["commands"]
    assert commands.room.write(b"12345") and commands.room.write(struct.pack("=Q12sIQ", 5, b"longer", 0, 7))
    assert take(session) == (0, 0)
    assert [(fault.kind, fault.count) for fault in session.faults] == [("ValueError", 1)]
    assert take(session) == (1, 5) and commands.free == 4096


def test_waiting_for_room(session: pyebpf.Session) -> None:
    commands = session.maps["commands"]
    sent = commands.send_many([(1, "x")] * 1000)
    assert sent == 4096 // 32 and commands.free == 0
    start = time.monotonic()
    with pytest.raises(BlockingIOError):
        commands.send((1, "x"), timeout=0.1)
    assert 0.1 <= time.monotonic() - start < 5
    timer = threading.Timer(0.1, take, (session,))
    timer.start()
    commands.send((1, "x"), timeout=20)
    timer.join()
    assert take(session) == (sent + 1, sent + 1)


def test_threads_share_it(session: pyebpf.Session) -> None:
    commands = session.maps["commands"]

    def send() -> None:
        for _ in range(500):
            commands.send((1, "thread"), timeout=None)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        take(session)
    for thread in threads:
        thread.join()
    assert take(session) == (1500, 1500)


def test_after_the_session(session: pyebpf.Session) -> None:
    commands = session.maps["commands"]
    session.close()
    assert "closed" in repr(commands)
    with pytest.raises(ValueError, match="closed"):
        commands.send((1, "x"))
