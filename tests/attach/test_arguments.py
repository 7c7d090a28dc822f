"""Hooks with the arguments of what they are on: tracepoints by BTF fire here; functions in other kernels' guests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
only, seen, other = Config[u32](0), Global[u64](0), Global[i64](0)
names = Hash[char[16], u64](max_entries=8)

@tp_btf("task_rename")
def renamed(comm, task):
    if task.tgid == only.value:
        name: char[16] = kernel_str(comm)
        names[name] += 1

@tp_btf("sched_switch")
def switched(next, preempt):
    if next.tgid == only.value:
        seen.value += 1
        if preempt:
            other.value += 1
"""


def rename(*names: str) -> None:
    """Give this thread other names, and then its own."""
    own = Path("/proc/thread-self/comm").read_text().rstrip("\n")
    for name in (*names, own):
        Path("/proc/thread-self/comm").write_text(name)


def test_arguments_are_given_by_name(program: Callable[[str], ModuleType]) -> None:
    module = program(PROGRAM)
    with pyebpf.load(module, config={"only": os.getpid()}) as session:
        assert [link.where for link in session.links] == ["tracepoint task_rename", "tracepoint sched_switch"]
        rename("first", "second", "first")
        found = dict(module.names.to_dict())
        for _ in range(20):
            os.sched_yield()
            os.system("true")  # and wait: this process is switched away from, and to
        assert module.seen.value >= 20
        assert 0 <= module.other.value <= module.seen.value
        assert not session.faults
    assert (found["first"], found["second"]) == (2, 1) and len(found) == 3


def test_what_is_detached_sees_nothing(program: Callable[[str], ModuleType]) -> None:
    module = program(PROGRAM)
    with pyebpf.load(module, config={"only": os.getpid()}) as session:
        for link in session.links:
            link.detach()
        seen = module.seen.value
        rename("third")
        os.system("true")
        assert not module.names.to_dict() and module.seen.value == seen


def test_parameters_may_be_assigned_and_given_away(program: Callable[[str], ModuleType]) -> None:
    module = program("""
only, depth, mine, parent = Config[u32](0), Global[u64](0), Global[u32](0), Global[u32](0)

@function
def root(task):
    return task.group_leader.tgid

@tp_btf("task_rename")
def renamed(task, comm):
    if task.tgid != only.value:
        return
    mine.value = root(task)
    for i in range(5000):
        if task.tgid + i == only.value + 4999:
            depth.value += 1
    task = task.real_parent
    parent.value = task.tgid
""")
    with pyebpf.load(module, config={"only": os.getpid()}) as session:
        rename()
        assert (module.mine.value, module.depth.value) == (os.getpid(), 1)
        assert module.parent.value == os.getppid()
        assert not session.faults


def test_a_target_that_this_kernel_lacks(program: Callable[[str], ModuleType]) -> None:
    import dataclasses

    module = program(PROGRAM)
    obj = pyebpf.compile(module)
    other = [dataclasses.replace(each, argument="task_renamed") for each in obj.programs if each.name == "renamed"]
    with pytest.raises(pyebpf.LoadError, match="no tracepoint task_renamed in its BTF; did you mean task_rename"):
        pyebpf.load(dataclasses.replace(obj, programs=tuple(other)))


KPROBES = """
only, calls = Config[u32](0), Global[u64](0)

@ksyscall("getpriority")
def asking(who):
    if pid() == only.value:
        calls.value += max(who, 0)

@kretsyscall("getpriority")
def asked(ret):
    if pid() == only.value and ret < 0:
        calls.value += 1_000_000

@kprobe("vfs_read")
def reading(file, count, ctx):
    if pid() == only.value and file.f_flags:
        calls.value += count

@kretprobe("vfs_read")
def read(ret):
    if pid() == only.value and ret > 0:
        calls.value += ret
"""


def test_programs_on_kprobes_load(program: Callable[[str], ModuleType]) -> None:
    """Where this kernel has no kprobes, that is what the error says; in other kernels' guests they fire."""
    module = program(KPROBES)
    sections = [each.section for each in pyebpf.compile(module).programs]
    assert sections == ["ksyscall/getpriority", "kretsyscall/getpriority", "kprobe/vfs_read", "kretprobe/vfs_read"]
    with pyebpf.load(module, config={"only": os.getpid()}, attach=False) as session:
        if not Path("/sys/bus/event_source/devices/kprobe").exists():
            with pytest.raises(pyebpf.LoadError, match=r"has no kprobes \(CONFIG_KPROBE_EVENTS\)"):
                session.attach("asking")
            return
        session.attach("asking")
        session.attach("asked")
        with pytest.raises(ProcessLookupError):
            os.getpriority(os.PRIO_PROCESS, 77_000_000)
        assert module.calls.value == 78_000_000
