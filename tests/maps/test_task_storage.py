"""TaskStorage: a value for each task, by current_task() in a probe and by process id in Python."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import XDP, Global, TaskStorage, current_task, raw_tracepoint, struct, tid, u32, u64, xdp

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class State:
    calls: u64
    last: u32


counts = TaskStorage[u64]()
states = TaskStorage[State]()
me = Global[u32]()
out = Global[u64]()
more = Global[u64]()


@xdp
def numbers(packet):
    if current_task() in counts:
        more.value = counts[current_task()]
        del counts[current_task()]
    out.value = counts.get(current_task(), 77)
    counts[current_task()] += 5
    counts[current_task()] = counts[current_task()] * 2
    return XDP.DROP


@xdp
def missing(packet):
    return XDP.DROP if counts[current_task()] > 0 else XDP.TX


@xdp
def structs(packet):
    state = states.setdefault(current_task(), State(calls=10))
    state.calls += 1
    if (again := states.get(current_task())) is not None:
        again.last = 4
    out.value = states[current_task()].calls
    return XDP.DROP


@xdp
def replaced(packet):
    states[current_task()] = State(last=9)
    return XDP.DROP


@raw_tracepoint("sys_enter")
def watch(ctx):
    if tid() == me.value:
        counts[current_task()] += 1


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((numbers, missing, structs, replaced, watch), attach=False) as loaded:
        yield loaded


def run(session: pyebpf.Session, name: str) -> int:
    return session.programs[name].test_run(data=bytes(64)).result


def test_numbers(session: pyebpf.Session) -> None:
    pid = os.getpid()
    assert pid not in counts and counts.get(pid) is None
    assert run(session, "missing") == XDP.PASS and [fault.kind for fault in session.faults] == ["KeyError"]
    assert run(session, "numbers") == XDP.DROP and (out.value, counts[pid]) == (77, 10)
    assert run(session, "numbers") == XDP.DROP and (more.value, out.value, counts[pid]) == (10, 77, 10)
    counts[pid] = 3
    assert run(session, "missing") == XDP.DROP and counts.get(pid) == 3 and pid in counts
    del counts[pid]
    assert run(session, "missing") == XDP.PASS
    for absent in (lambda: counts[pid], lambda: counts.__delitem__(pid)):
        with pytest.raises(KeyError):
            absent()


def test_structs_are_references(session: pyebpf.Session) -> None:
    pid = os.getpid()
    assert run(session, "structs") == XDP.DROP and out.value == 11
    assert run(session, "structs") == XDP.DROP and out.value == 12
    assert (states[pid].calls, states[pid].last) == (12, 4)
    assert run(session, "replaced") == XDP.DROP
    assert (states[pid].calls, states[pid].last) == (0, 9)


def test_each_task_has_its_own(session: pyebpf.Session) -> None:
    """A value goes with its process."""
    child = subprocess.Popen(["sleep", "60"])
    try:
        counts[child.pid] = 5
        assert os.getpid() not in counts and counts[child.pid] == 5
    finally:
        child.kill()
        child.wait()
    with pytest.raises(ProcessLookupError):
        counts[child.pid]


def test_from_a_tracepoint(session: pyebpf.Session) -> None:
    me.value = os.getpid()
    link = session.attach("watch")
    for _ in range(50):
        os.getppid()
    link.detach()
    me.value = 0
    assert counts[os.getpid()] >= 50
