"""Members that the kernel that is compiled for doesn't have: declared by the probe, and read where there are such."""

from __future__ import annotations

import os
from pathlib import Path

import programs
import pytest

import pyebpf
from pyebpf.kernel.btf import Btf
from pyebpf.object.read import read_object

KERNEL = """
struct pid { int count; unsigned int level; };
struct sched_entity { int nothing; };
struct task_struct { int tgid; struct sched_entity se; struct task_struct *real_parent; };
struct task_struct task; struct pid pid;
"""
PROBE = """
from pyebpf import Config, Global, cast, current_task, i64, pid, raw_tracepoint, u64

only = Config[u64](0)
running, thread, level, parent, missing = Global[u64](9), Global[u64](9), Global[u64](9), Global[u64](9), Global[u64](9)


@raw_tracepoint("sys_enter")
def probe(ctx):
    if pid() != only.value:
        return
    task = current_task()
    if hasattr(task.se, "on_rq"):
        running.value = u64(task.se.on_rq)
    if hasattr(task, "pid"):
        thread.value = u64(task.pid)
    if hasattr(task, "thread_pid"):
        level.value = cast(task.thread_pid, "struct pid").level
    if hasattr(task, "group_leader"):
        parent.value = u64(cast(task.group_leader, "struct task_struct").real_parent.tgid)
    missing.value = 0
    if hasattr(task.se, "never_there") or hasattr(task, "never_there"):
        missing.value = 1
"""


@pytest.mark.kernel
@pytest.mark.filterwarnings("error::pyebpf.loader.errors.LoadWarning")
@pytest.mark.parametrize("kernel", ["5.10", "6.12"])
def test_what_other_kernels_have(kernel: str, tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text(PROBE)
    types = Btf.from_bytes(read_object(programs.build(KERNEL)).btf)
    obj = pyebpf.compile(path, btf=types, kernel=kernel)
    with pyebpf.load(obj, config={"only": os.getpid()}) as session:
        os.getppid()
        found = {name: view.value for name, view in session.variables.items()}
    assert found["running"] == 1
    assert found["thread"] == os.getpid()
    assert found["level"] == 0
    assert found["parent"] == os.getppid()
    assert found["missing"] == 0
