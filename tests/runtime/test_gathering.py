"""Events that follow each other quickly are gathered; one that comes alone waits for nothing, and none is lost."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from types import ModuleType

import pytest

import pyebpf
from pyebpf.views.rings import RingBufView

pytestmark = pytest.mark.kernel
COUNT = 100
GAP = 0.01
PROGRAM = """
@struct
class Event:
    at: u64

only = Config[u32](0)
events, small, least = RingBuf[Event](size=1 << 20), RingBuf[Event](size=1 << 16), RingBuf[Event](size=4096)
perf = PerfEventArray[Event](pages=64)

@raw_tracepoint("sys_enter")
def probe(ctx):
    if pid() == only.value and ctx.args[1] == GETPPID:
        with events.reserve() as event:
            event.at = ktime_ns()
        with perf.reserve() as event:
            event.at = ktime_ns()
    if ctx.args[1] == 1 << 31:  # never
        small.output(Event(at=1))
        least.output(Event(at=1))
"""
GETPPID = {"x86_64": 110, "aarch64": 173, "s390x": 64}[os.uname().machine]


@pytest.fixture
def session(program: Callable[[str], ModuleType]) -> Iterator[pyebpf.Session]:
    source = PROGRAM.replace("GETPPID", str(GETPPID))
    with pyebpf.load(program(source), config={"only": os.getpid()}) as session:
        yield session


@contextmanager
def events_every(seconds: float, count: int) -> Iterator[None]:
    """An event each time, from another thread."""

    def produce() -> None:
        for _ in range(count):
            os.getppid()
            time.sleep(seconds)

    thread = threading.Thread(target=produce)
    thread.start()
    yield
    thread.join()


def looks(view: RingBufView) -> list[int]:
    """How many events there were at each look, until all have come."""
    found: list[int] = []
    while sum(found) < COUNT:
        events = view.poll(5)
        times = [event.at for event in events]
        assert times and times == sorted(times)
        found.append(len(events))
    return found


def test_what_rings_begin_with(session: pyebpf.Session) -> None:
    found = {name: session.maps[name].gather for name in ("events", "small", "least", "perf")}
    assert found["events"] == 0.001 and found["least"] == 0
    assert 0.0001 < found["small"] < 0.001 and 0.0001 < found["perf"] <= 0.001
    for wrong in (-0.1, float("nan"), 1000):
        with pytest.raises(ValueError, match="gather is"):
            session.maps["events"].gather = wrong


@pytest.mark.parametrize("name", ["events", "perf"])
def test_they_are_gathered_or_come_one_by_one(session: pyebpf.Session, name: str) -> None:
    view = session.maps[name]
    view.gather = 0.25
    with events_every(GAP, COUNT):
        gathered = looks(view)
    view.gather = 0
    with events_every(GAP, COUNT):
        single = looks(view)
    assert sum(gathered) == sum(single) == COUNT and view.dropped == 0
    assert max(gathered) >= 10 and len(gathered) <= COUNT / 3 and len(single) > len(gathered)


def test_one_that_comes_alone_is_there_at_once(session: pyebpf.Session) -> None:
    view = session.maps["events"]
    view.gather = 2.0
    assert view.poll(0) == []
    time.sleep(2.1)
    with events_every(GAP, 1):
        start = time.monotonic()
        assert len(view.poll(5)) == 1
        assert time.monotonic() - start < 1.5


def test_time_limits_are_kept(session: pyebpf.Session) -> None:
    view = session.maps["events"]
    view.gather = 30.0
    os.getppid()
    assert len(view.poll(1)) == 1
    os.getppid()
    start = time.monotonic()
    assert len(view.poll(0.2)) == 1  # the look at its end
    assert time.monotonic() - start < 10
    os.getppid()
    assert len(view.poll(0)) == 1
    assert time.monotonic() - start < 10


def test_all_rings_in_one_loop(session: pyebpf.Session) -> None:
    for name in ("events", "small", "least", "perf"):  # the one that has the least decides
        session.maps[name].gather = 0.2
    with events_every(GAP, COUNT):
        found = list(islice(session.events(), 2 * COUNT))
    for name in ("events", "perf"):
        values = [event.at for each, event in found if each == name]
        assert len(values) == COUNT and values == sorted(values)
    switches = sum(one[0] != other[0] for one, other in pairwise(found))
    assert switches < COUNT / 2  # ring by ring, many at once


def test_in_a_loop_of_asyncio(session: pyebpf.Session) -> None:
    view = session.maps["events"]
    view.gather = 0.2
    times: list[float] = []

    async def read() -> None:
        async for _ in view:
            times.append(time.monotonic())
            if len(times) == COUNT:
                return

    with events_every(GAP, COUNT):
        asyncio.run(asyncio.wait_for(read(), 20))
    gaps = sum(late - early > 0.05 for early, late in pairwise(times))
    assert 2 <= gaps <= COUNT / 3
