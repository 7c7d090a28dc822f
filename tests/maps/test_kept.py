"""Structs of the kernel in entries: kept when they are assigned, let go when something else is, read at any time."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import (
    XDP,
    Array,
    Global,
    Hash,
    Kernel,
    current_cgroup,
    current_task,
    function,
    i32,
    pid,
    struct,
    tp_btf,
    u32,
    u64,
    xdp,
)
from pyebpf.kernel.kfuncs import PAIRS
from pyebpf.kernel.kptrs import KEEPERS
from pyebpf.kfuncs import (
    bpf_cpumask_create,
    bpf_cpumask_first,
    bpf_cpumask_set_cpu,
    bpf_task_acquire,
    bpf_task_from_pid,
)
from pyebpf.testing import Simulator

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PACKET = bytes(64)


@struct
class Slot:
    count: u64
    task: Kernel["struct task_struct"]
    group: Kernel["struct cgroup"]


slots = Array[Slot](max_entries=4)
table = Hash[u32, Slot](max_entries=4)
wanted = Global[i32](0)
seen, level = Global[u64](0), Global[u64](0)


@xdp
def keep(packet):
    with bpf_task_from_pid(wanted.value) as task:
        slots[1].task = task
        table[5] = Slot(count=1)
        entry = table[5]
        entry.task = task
        entry.count += 1
    slots[1].group = current_cgroup()
    return XDP.DROP


@xdp
def look(packet):
    if (held := slots[1].task) is None:
        return XDP.PASS
    seen.value = u64(held.tgid)
    if (group := slots[1].group) is not None:
        level.value = u64(group.level)
    slots[2].task = slots[1].task
    slots[1].task = None
    slots[1].group = slots[2].group
    with bpf_task_acquire(slots[2].task) as task:
        slots[3].task = task
    return XDP.DROP if slots[3].task is not None and slots[1].group is None else XDP.TX


@xdp
def forget(packet):
    slots[2] = Slot(count=9)
    slots[3].task = None
    del table[5]
    return XDP.DROP if slots[2].task is None else XDP.TX


@xdp
def chain(packet):
    seen.value = u64(slots[1].task.tgid)
    return XDP.DROP


@function
def store(number, task):
    slots[number].task = task


@function
def stored(number):
    return slots[number].task


@function
def running():
    return current_task()


@xdp
def names(packet):
    with bpf_task_from_pid(wanted.value) as task:
        same = task
        slots[0].task = same
        store(1, same)
    first = slots[0].task
    slots[0].task = None
    slots[2].task = first
    if (second := stored(1)) is not None:
        for number in range(1_000):
            if number in table:
                table[number].task = second
    slots[0].task = stored(9 - 6)
    return XDP.DROP if slots[0].task is None else XDP.TX


@tp_btf("task_rename")
def rename(task):
    if pid() == u32(wanted.value):
        me, it = current_task(), task
        slots[0].task = me
        slots[1].task = it
        store(2, running())
        for number in (2, 3):
            held = slots[number - 1].task
            slots[number].task = held
        seen.value = u64(me.tgid)


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load([keep, look, forget, chain], attach=False) as loaded:
        yield loaded


def run(session: pyebpf.Session, name: str) -> int:
    return session.programs[name].test_run(data=PACKET).result


def test_what_is_kept_outlives_its_process(session: pyebpf.Session) -> None:
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.read(read, 1)
        os._exit(0)
    try:
        wanted.value = child
        assert run(session, "keep") == XDP.DROP
    finally:
        os.write(write, b"x")
        os.waitpid(child, 0)
    assert run(session, "keep") == XDP.PASS and session.faults[0].kind == "NullPointerError"  # there is none any more
    assert run(session, "look") == XDP.DROP and seen.value == child
    assert table[5].count == 2
    assert run(session, "forget") == XDP.DROP and len(table) == 0
    assert len(session.faults) == 1


def test_names_of_what_is_kept() -> None:
    with pyebpf.load([names, look], attach=False) as session:
        wanted.value = os.getpid()
        table[700] = {"count": 1, "task": (0,), "group": (0,)}
        assert run(session, "names") == XDP.DROP
        assert run(session, "look") == XDP.DROP and seen.value == os.getpid()
        assert session.faults == ()


def test_names_of_the_running_task() -> None:
    with pyebpf.load([rename, look], attach=False) as session:
        wanted.value = os.getpid()
        session.attach("rename")
        with open("/proc/self/comm", "r+") as file:
            name = file.read().strip()
            file.write(name)
        assert seen.value == os.getpid()
        seen.value = 0
        assert run(session, "look") == XDP.DROP and seen.value == os.getpid()
        assert session.faults == ()


def test_nothing_is_none(session: pyebpf.Session) -> None:
    assert run(session, "look") == XDP.PASS
    assert run(session, "chain") == XDP.PASS
    assert [fault.kind for fault in session.faults] == ["NullPointerError"]


def test_from_python_an_entry_is_written_as_a_new_one(session: pyebpf.Session) -> None:
    wanted.value = os.getpid()
    run(session, "keep")
    slots[1] = {"count": 4, "task": (0,), "group": (0,)}
    assert slots[1].count == 4 and run(session, "look") == XDP.PASS


def test_masks() -> None:
    @struct
    class Held:
        mask: Kernel["struct bpf_cpumask"]

    masks = Array[Held](max_entries=1)
    out = Global[u64](99)

    @tp_btf("task_rename")
    def rename(task):
        with bpf_cpumask_create() as mask:
            bpf_cpumask_set_cpu(1, mask)
            masks[0].mask = mask
        with_it = masks[0].mask
        if with_it is not None:
            bpf_cpumask_set_cpu(0, with_it)
            out.value = bpf_cpumask_first(with_it) + 100

    with pyebpf.load(rename) as session:
        with open("/proc/self/comm", "r+") as file:
            name = file.read().strip()
            file.write(name)
        assert out.value == 100 and session.faults == ()


def test_in_the_simulator() -> None:
    with Simulator() as simulate:
        task = {"tgid": 77}
        answers = {"bpf_task_from_pid": lambda pid: task}
        running = {"cgroups": {"dfl_cgrp": {"level": 3}}}
        assert simulate(keep, packet=PACKET, helpers=answers, current_task=running).result is XDP.DROP
        assert simulate(look, packet=PACKET, helpers={}).result is XDP.DROP
        assert (seen.value, level.value) == (77, 3)
        assert simulate(forget, packet=PACKET).result is XDP.DROP


def test_rows_are_pairs() -> None:
    pairs = {(pair.name, pair.release) for pair in PAIRS}
    assert all((keeper.acquire, keeper.release) in pairs for keeper in KEEPERS)
