"""Several rings in one loop, and events that nobody has taken yet."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import pyebpf

pytestmark = pytest.mark.kernel
PROGRAM = """
@struct
class Event:
    number: u64

@struct
class Other:
    number: u32

first = RingBuf[Event](size=1 << 16)
second = PerfEventArray[Other](pages=8)
third = RingBuf[Event, bytes](size=4096)
names = RingBuf[str](size=4096)

@raw_tracepoint("sys_enter")
def send(ctx):
    with first.reserve() as event:
        event.number = ctx.args[0]
    with second.reserve() as other:
        other.number = u32(ctx.args[0] + 100)

@raw_tracepoint("sys_enter")
def fill(ctx):
    for number in range(1500):
        with first.reserve() as event:
            event.number = number

@raw_tracepoint("sys_enter")
def others(ctx):
    data = u8[3]()
    third.output(Event(number=ctx.args[0]), data)
    names.output("a name")
"""


@pytest.fixture
def session(program: Callable[[str], ModuleType]) -> Iterator[pyebpf.Session]:
    with pyebpf.load(program(PROGRAM), attach=False) as session:
        yield session


def send(session: pyebpf.Session, number: int = 0, program: str = "send") -> None:
    session.programs[program].test_run(ctx=number.to_bytes(8, "little") * 2)


def test_each_ring_in_its_order_and_the_time_that_nothing_comes(session: pyebpf.Session) -> None:
    for number in range(3):
        send(session, number)
    assert [(name, event.number) for name, event in session.events(0)] == [
        *(("first", number) for number in range(3)),
        *(("second", number) for number in range(100, 103)),
    ]
    start = time.monotonic()
    assert list(session.events(0.2)) == [] and 0.2 <= time.monotonic() - start < 5
    send(session, 7, "others")
    found: list[tuple[str, Any]] = list(session.events(0))
    assert found == [("third", ((7,), bytes(3))), ("names", "a name")]


def test_it_wakes_for_either_and_ends_with_the_session(session: pyebpf.Session) -> None:
    found: list[tuple[str, int]] = []

    def later() -> None:
        for number in range(4):
            time.sleep(0.02)
            send(session, number)
        deadline = time.monotonic() + 20
        while len(found) < 8 and time.monotonic() < deadline:
            time.sleep(0.01)
        session.close()

    thread = threading.Thread(target=later)
    thread.start()
    for name, event in session.events():
        found.append((name, event.number))
    thread.join()
    assert sorted(found) == sorted(
        (name, n + 100 * (name == "second")) for n in range(4) for name in ("first", "second")
    )
    with pytest.raises(ValueError, match="closed"):
        session.events()


def test_in_asyncio(session: pyebpf.Session) -> None:
    async def collect(found: list[tuple[str, int]]) -> None:
        async for name, event in session.events(timeout=1):
            found.append((name, event.number))

    async def both() -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        tasks = [asyncio.create_task(collect(found)) for _ in range(2)]
        for number in range(5):
            send(session, number)
            await asyncio.sleep(0.01)
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        return found

    found = asyncio.run(both())
    assert sorted(found) == sorted(
        (name, n + 100 * (name == "second")) for n in range(5) for name in ("first", "second")
    )


def test_who_leaves_a_loop_leaves_the_rest(session: pyebpf.Session) -> None:
    ring = session.maps["first"]
    for _ in range(2):
        send(session, program="fill")
        taken = []
        for event in ring:
            taken.append(event.number)
            if len(taken) == 1200:
                break
        assert taken == list(range(1200))
        assert [event.number for event in ring.now()][:2] == [1200, 1201]
        send(session, program="fill")
        next(iter(ring.now()))
        send(session, 5)
        assert [event.number for event in ring.poll()] == [*range(1, 1500), 5]
        send(session, program="fill")
        for _, event in zip(range(7), ring):
            taken.append(event.number)
        send(session, 6)
        assert ring.read_numpy()["number"].tolist() == [*range(8 - 1, 1500), 6]
        assert list(ring.now()) == []
    session.maps["second"].poll()
    send(session, 3, "others")
    send(session, 4, "others")
    assert next(iter(session.maps["third"])) == ((3,), bytes(3)) and session.maps["third"].poll() == [((4,), bytes(3))]


def test_a_large_batch_is_objects_only_as_it_is_looked_at(session: pyebpf.Session) -> None:
    import tracemalloc

    ring = session.maps["first"]
    for _ in range(2):  # machine code reads it from then on
        for _ in range(12):
            send(session, program="fill")
            ring.poll()
    for _ in range(2):
        send(session, program="fill")
    tracemalloc.start()
    iterator = iter(ring)
    assert next(iterator).number == 0
    at_once = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert at_once < 3000 * 8 + 1000 * 200
    assert 1 + sum(1 for _ in ring.now()) == 3000
