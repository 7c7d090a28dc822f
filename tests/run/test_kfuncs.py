"""Kfuncs: called by name with the kernel's own types; what they hand out is given back on every way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pins import BPFTOOL, Pins

import pyebpf
from pyebpf import (
    BPF_TASK_ITER_ALL_PROCS,
    XDP,
    Array,
    Global,
    NullPointerError,
    TaskStorage,
    char,
    i32,
    rcu,
    u8,
    u64,
    xdp,
)
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kfuncs import bpf_local_irq_save, bpf_preempt_disable, bpf_task_from_pid, iter_task

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]

wanted = Global[i32]()
found = Global[u64]()
name = Global[char[16]]()
cells = Array[u64](max_entries=4)
marks = TaskStorage[u64]()


@xdp
def look(packet):
    with bpf_task_from_pid(wanted.value) as task:
        if found.value == 1:
            return XDP.TX
        found.value = u64(task.tgid)
        name.value = task.comm
        marks[task] += 1
    return XDP.DROP


@xdp
def careful(packet):
    try:
        with bpf_task_from_pid(wanted.value) as task, rcu:
            found.value = cells[task.pid & 7]
    except NullPointerError:
        found.value = 404
    except IndexError:
        found.value = 405
    with rcu:
        cells[0] += 1
    with bpf_preempt_disable():
        cells[1] += 1
    return XDP.DROP


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((look, careful), attach=False) as loaded:
        yield loaded


def run(session: pyebpf.Session, program: str) -> int:
    return session.programs[program].test_run(data=bytes(64)).result


def test_tasks(session: pyebpf.Session) -> None:
    wanted.value = os.getpid()
    assert run(session, "look") == XDP.DROP
    assert found.value == os.getpid() and name.value == Path("/proc/self/comm").read_text().strip()
    assert marks[os.getpid()] == 1
    found.value = 1
    assert run(session, "look") == XDP.TX and marks[os.getpid()] == 1
    found.value = 0
    wanted.value = 2**22 + 5
    assert run(session, "look") == XDP.PASS
    assert [fault.kind for fault in session.faults] == ["NullPointerError"]


def test_ways_out(session: pyebpf.Session) -> None:
    wanted.value = 2**22 + 5
    assert run(session, "careful") == XDP.DROP and found.value == 404
    wanted.value = os.getpid()
    assert run(session, "careful") == XDP.DROP and found.value in (0, 1, 2, 405)
    assert (cells[0], cells[1]) == (2, 2) and not session.faults


@pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed")
def test_libbpf_finds_them(pins: Pins, tmp_path: Path) -> None:
    path = tmp_path / "probe.o"
    pyebpf.compile(look).save(path)
    done = pins.run(str(BPFTOOL), "prog", "loadall", path, pins.folder / "it")
    assert done.returncode == 0, done.stderr


irqs = Array[u64](max_entries=4)


@xdp
def without_interrupts(packet):
    at = packet.load(0, u8)
    for i in range(3):
        with bpf_local_irq_save():
            try:
                irqs[at] += 1
            except IndexError:
                irqs[3] += 1
                continue
            with bpf_local_irq_save(), bpf_preempt_disable():
                if at == 1:
                    break
                if at == 2 and i == 1:
                    return XDP.TX
    irqs[0] += 10
    return XDP.DROP


@xdp
def once_is_enough(packet):
    with rcu, rcu:
        irqs[0] += 1
        for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
            with rcu:
                if task.pid == wanted.value:
                    return XDP.TX
    return XDP.DROP


@pytest.mark.skipif(Btf.running().find("bpf_local_irq_save", Kind.FUNC) is None, reason="Linux 6.14 brought it")
def test_interrupts() -> None:
    """They come again on every way out: the kernel refuses programs of which it isn't sure."""
    with pyebpf.load((without_interrupts, once_is_enough), attach=False) as session:
        program = session.programs["without_interrupts"]
        assert [program.test_run(data=bytes([at]) + bytes(63)).result for at in (0, 1, 2, 9)] == [1, 1, 3, 1]
        assert list(irqs) == [33, 1, 2, 3]
        wanted.value = os.getpid()
        assert run(session, "once_is_enough") == XDP.TX and irqs[0] == 34
        assert not session.faults
