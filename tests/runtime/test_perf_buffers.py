"""Perf buffers: events of all CPUs in the order of time, those without room counted; the same face as a ring's."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pyebpf
from pyebpf.runtime.perf_ring import PerfRing

pytestmark = pytest.mark.kernel
PROGRAM = """
@struct
class Event:
    time: u64
    number: u64
    cpu: u32
    text: char[7]

events = {declared}

@raw_tracepoint("sys_enter")
def send(ctx):
    with events.reserve() as event:
        event.number = ctx.args[0]
        event.cpu = cpu()
        event.text = "text"
        event.time = ktime_ns()

@raw_tracepoint("sys_enter")
def burst(ctx):
    for number in range(500):
        with events.reserve() as event:
            event.number = number
    print(f"{{ctx.args[0]}} times 500")
"""
PERF = "PerfEventArray[Event](pages=2)"


@pytest.fixture
def module(program: Callable[[str], ModuleType]) -> ModuleType:
    return program(PROGRAM.format(declared=PERF))


@pytest.fixture
def session(module: ModuleType) -> Iterator[pyebpf.Session]:
    with pyebpf.load(module, attach=False) as session:
        yield session


def send(session: pyebpf.Session, number: int, program: str = "send") -> None:
    session.programs[program].test_run(ctx=number.to_bytes(8, "little") * 2)


def numbers(events: list[Any]) -> list[int]:
    return [event.number for event in events]


def test_events_of_all_cpus_come_in_the_order_of_time(session: pyebpf.Session) -> None:
    events, cpus = session.maps["events"], sorted(os.sched_getaffinity(0))
    try:
        for number in range(40):
            os.sched_setaffinity(0, {cpus[number % len(cpus)]})
            send(session, number)
    finally:
        os.sched_setaffinity(0, cpus)
    found = events.poll(1)
    assert numbers(found) == list(range(40)) and {event.cpu for event in found} == set(cpus)
    assert [event.time for event in found] == sorted(event.time for event in found)
    assert {event.text for event in found} == {"text"} and events.dropped == 0
    assert "PerfEventArray events of Event, 0 dropped" in repr(events)


def test_what_finds_no_room_is_counted_and_the_rest_is_there(session: pyebpf.Session) -> None:
    events = session.maps["events"]
    for _ in range(3):
        send(session, 0, "burst")
    found = events.poll(1)
    assert len(found) + events.dropped == 1500 and 0 < len(found) < 500
    assert numbers(found) == list(range(len(found)))
    dropped = events.dropped
    send(session, 7)
    assert numbers(events.poll(1)) == [7] and events.dropped == dropped == events.ring.lost
    session.close()
    assert events.ring.lost == dropped and events.poll() == []


def test_a_buffer_many_times_around(session: pyebpf.Session) -> None:
    events, rows = session.maps["events"], 0
    for number in range(300):
        send(session, number)
        if number % 7 == 6:
            columns = events.read_numpy()
            assert columns["number"].tolist() == list(range(rows, number + 1)) and set(columns["text"]) == {b"text"}
            rows += len(columns)
    assert len(events.read_numpy()) == 300 - rows and events.dropped == 0


def test_some_at_a_time_and_to_several_threads(session: pyebpf.Session) -> None:
    records = session.maps["events"].ring
    for number in range(9):
        send(session, number)
    assert [len(records.read(4)), len(records.read(4)), len(records.read(4)), len(records.read(4))] == [4, 4, 1, 0]
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.extend(numbers(session.maps["events"].poll(5)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(100):
        send(session, number)
        time.sleep(0.0005 * (number in (1, 50)))
    for thread in threads:
        thread.join()
    assert sorted(found + numbers(session.maps["events"].poll())) == list(range(100))


def test_waiting_and_the_end(session: pyebpf.Session) -> None:
    events = session.maps["events"]
    start = time.monotonic()
    assert events.poll(0.1) == [] and 0.1 <= time.monotonic() - start < 2
    threading.Timer(0.2, send, (session, 3)).start()
    assert numbers(events.poll(10)) == [3]
    threading.Timer(0.2, session.close).start()
    assert list(events) == [] and events.poll() == [] and "closed" in repr(events)


def test_in_asyncio(session: pyebpf.Session) -> None:
    async def collect() -> list[int]:
        found: list[int] = []
        async for event in session.maps["events"]:
            found.append(event.number)
            if len(found) == 5:
                break
        return found

    async def both() -> list[int]:
        task = asyncio.create_task(collect())
        for number in range(5):
            send(session, number)
            await asyncio.sleep(0.01)
        return await asyncio.wait_for(task, 20)

    assert asyncio.run(both()) == list(range(5))


def test_a_child_reads_nothing_and_leaves_all_to_its_parent(session: pyebpf.Session) -> None:
    send(session, 5)
    child = os.fork()
    if not child:
        os._exit(len(session.maps["events"].poll()))
    assert os.waitpid(child, 0)[1] == 0
    assert numbers(session.maps["events"].poll()) == [5]


def test_a_ring_for_kernels_without_rings(program: Callable[[str], ModuleType]) -> None:
    module = program(PROGRAM.format(declared="RingBuf[Event](size=1 << 17)"))
    obj = pyebpf.compile(module, kernel=(5, 4))
    assert pyebpf.compile(module, kernel=(5, 8)).maps[0].type == 27 and obj.maps[0].type == 4
    with pyebpf.load(obj, attach=False) as session:
        events = session.maps["events"]
        assert isinstance(events.ring, PerfRing) and events.ring.size == 1 << 16 and "RingBuf events" in repr(events)
        for number in range(5):
            send(session, number)
        send(session, 3, "burst")
        assert numbers(events.poll()) == [*range(5), *range(500)] and events.dropped == 0
        assert session.prints.poll(1) == ["3 times 500"] and session.prints.dropped == 0


def test_a_kept_session_is_taken_over_with_its_count(module: ModuleType, bpf_fs: Path) -> None:
    with pyebpf.load(module, attach=False, pin=bpf_fs / "kept") as session:
        send(session, 0, "burst")
        found = len(session.maps["events"].poll())
        assert found + session.maps["events"].dropped == 500
    with pyebpf.adopt(bpf_fs / "kept") as session:
        assert session.maps["events"].dropped == 500 - found
        send(session, 4)
        assert numbers(session.maps["events"].poll(1)) == [4]
        session.unpin(bpf_fs / "kept")
