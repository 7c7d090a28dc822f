"""Hooks with the arguments of what they are on: tracepoints by BTF fire here; functions in other kernels' guests."""

from __future__ import annotations

import os
import subprocess
import sys
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


ITERATORS = """
from pyebpf.helpers import seq_write

only, port = Config[u32](0), Config[u32](0)
runs, sockets = Global[u64](0), Global[u64](0)
names = Hash[u32, char[16]](max_entries=16)

@iterator("task")
def tasks(task, meta):
    if task.tgid == only.value:
        runs.value += 1
        names[task.pid] = task.comm
        name: char[16] = task.comm
        seq_write(meta.seq, name)

@iterator("task_file")
def files(file, fd, task):
    task = task.group_leader
    if task.tgid == only.value and fd == port.value:
        sockets.value += 1
"""


def test_an_iterator_runs_when_it_is_read(program: Callable[[str], ModuleType]) -> None:
    module = program(ITERATORS)
    own = Path("/proc/thread-self/comm").read_text().rstrip("\n")
    with open("/dev/null") as file:
        config = {"only": os.getpid(), "port": file.fileno()}
        with pyebpf.load(module, config=config) as session:
            tasks, files = session.links["tasks"], session.links["files"]
            assert (tasks.where, tasks.readable, module.runs.value) == ("iterator task", True, 0)
            threads = len(os.listdir("/proc/self/task"))
            written = tasks.read()
            assert len(written) == 16 * threads and own.encode().ljust(16, b"\0") in written
            assert module.runs.value == threads and module.names[os.getpid()] == own
            assert tasks.read() == written and module.runs.value == 2 * threads
            assert files.read() == b"" and module.sockets.value == 1  # threads share their files, which come once
            assert not session.faults
            tasks.detach()
            with pytest.raises(ValueError, match="tasks is detached"):
                tasks.read()
            with pytest.raises(KeyError):
                session.links["tasks"]
            assert session.links[0] is files and session.links[:1] == (files,)


def test_only_iterators_can_be_read(program: Callable[[str], ModuleType]) -> None:
    with pyebpf.load(program(PROGRAM)) as session, pytest.raises(ValueError, match="renamed is no iterator"):
        session.links["renamed"].read()


def test_an_iterator_through_something_certain(program: Callable[[str], ModuleType]) -> None:
    module = program("""
entries = Global[u64](0)

@iterator("bpf_map_elem")
def each(key, map):
    entries.value += 1
""")
    with pytest.raises(pyebpf.LoadError, match="program each needs to know where: --attach each=MAP"):
        pyebpf.load(module)


def test_run_reads_iterators_once_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "tasks.py"
    path.write_text("""
from pyebpf import Global, char, iterator, u64
from pyebpf.helpers import seq_write

seen = Global[u64](0)

@iterator("task")
def each(task, meta):
    seen.value += 1
    if seen.value == 1:
        line: char[24] = f"first: {task.pid}"
        seq_write(meta.seq, line)
        end: char[1] = chr(10)
        seq_write(meta.seq, end)
""")
    command = [sys.executable, "-m", "pyebpf", "run", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("first: ") and any(line.startswith("seen = ") for line in rest), done.stdout


CHOICES = """
met = Global[u64](0)

@tp_btf("sched_switch")
def probe(prev, next, preempt):
    t = prev if preempt else next
    met.value = t.pid
    for i in range(3):
        t = t.real_parent if i & 1 else t.group_leader
        met.value += t.tgid
"""


def test_of_two_arguments_one_is_chosen(program: Callable[[str], ModuleType]) -> None:
    """The verifier takes no chosen address in the context: each is loaded by an instruction of its own."""
    with pyebpf.load(program(CHOICES), attach=False) as session:
        assert session.programs["probe"].loaded.fd > 0
