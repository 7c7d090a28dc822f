"""Kfuncs: called by name with the kernel's own types; what they hand out is given back on every way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pins import BPFTOOL, Pins

import pyebpf
from pyebpf import XDP, Array, Global, NullPointerError, TaskStorage, char, i32, rcu, u64, xdp
from pyebpf.kfuncs import bpf_preempt_disable, bpf_task_from_pid

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
