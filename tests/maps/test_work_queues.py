"""Work queues in entries: started by programs and by their own callbacks, in the kernel and in the simulator."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import XDP, Array, Global, Hash, SpinLock, Timer, WorkQueue, function, struct, u32, u64, xdp
from pyebpf.lang.errors import DeclarationError
from pyebpf.testing import Simulator

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PACKET = bytes(64)


@struct
class Job:
    count: u64
    work: WorkQueue
    done: u64


@struct
class All:
    lock: SpinLock
    timer: Timer
    work: WorkQueue
    runs: u64


jobs = Hash[u32, Job](max_entries=8)
cells = Array[All](max_entries=2)
seen = Global[u64](0)


@function
def tidy(key, job):
    job.done += job.count
    seen.value += key
    if job.done < 20:
        job.work.start(tidy)


@xdp
def start(packet):
    jobs[7] = Job(count=5)
    jobs[7].work.start(tidy)

    def once(entry):
        entry.runs += 1

    cell = cells[1]
    cell.work.start(once)
    cell.timer.start(1_000_000, once)
    return XDP.DROP


@xdp
def replace(packet):
    jobs[7].work.start(tidy)
    jobs[7] = Job(count=100)
    return XDP.TX


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load([start, replace], attach=False) as loaded:
        yield loaded


def test_in_the_kernel(session: pyebpf.Session) -> None:
    assert session.programs["start"].test_run(data=PACKET).result == XDP.DROP
    for _ in range(100):
        if jobs[7].done >= 20 and cells[1].runs >= 2:
            break
        time.sleep(0.02)
    assert (jobs[7].done, jobs[7].count, cells[1].runs, seen.value) == (20, 5, 2, 28)
    assert session.faults == ()


def test_in_the_simulator() -> None:
    with Simulator() as simulate:
        assert simulate(start, packet=PACKET).result is XDP.DROP
        assert jobs[7].done == 0 and cells[1].runs == 0
        simulate.advance(0)
        assert (jobs[7].done, seen.value, cells[1].runs) == (20, 28, 1)
        simulate.advance(1_000_000)
        assert cells[1].runs == 2
        assert simulate(replace, packet=PACKET).result is XDP.TX
        simulate.advance(10)
        assert jobs[7].done == 0  # the new entry's queue never was started


def test_where_none_can_be() -> None:
    @struct
    class Two:
        one: WorkQueue
        other: WorkQueue

    for declare, message in (
        (lambda: Hash[u32, Two](max_entries=8), "an entry has one WorkQueue"),
        (lambda: Hash[Job, u32](max_entries=8), "a key can't have work queues"),
        (lambda: pyebpf.PerCpuHash[u32, Job](max_entries=8), "a PerCpuHash can't have work queues"),
        (lambda: Global[Job](), "a Global can't have work queues"),
        (lambda: pyebpf.HashOfMaps[u32, Hash[u32, Job](max_entries=8)](max_entries=2), "can't have timers"),
        (lambda: Array[Job](max_entries=8, mmapable=True), "can't have work queues"),
    ):
        with pytest.raises(DeclarationError, match=message):
            declare()
