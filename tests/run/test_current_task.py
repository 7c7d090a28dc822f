"""`current_task()`: the running task, whose members are loaded directly where the kernel lets programs."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

import pyebpf
from pyebpf.kernel.btf import Btf
from pyebpf.object.specs import Object

PLAIN, KNOWN, READ = 35, 158, 113
"""Numbers of get_current_task, get_current_task_btf and probe_read_kernel."""
CHAIN = """
from pyebpf import Config, Global, NullPointerError, current_task, pid, raw_tracepoint, u32, u64

only, found, other = Config[u32](0), Global[u64](0), Global[u64](0)


@raw_tracepoint("sys_enter")
def probe(ctx):
    if pid() == only.value:
"""
pytestmark = pytest.mark.kernel


def compiled(folder: Path, body: str, **options: object) -> Object:
    path = folder / "probe.py"
    path.write_text(CHAIN + "".join(f"        {line}\n" for line in body.splitlines()))
    return pyebpf.compile(path, **options)  # type: ignore[arg-type]


def calls(obj: Object) -> list[int]:
    """Helpers that the program calls, in their order."""
    code = obj.programs[0].function.code
    return [int.from_bytes(code[at + 4 : at + 8], "little") for at in range(0, len(code), 8) if code[at] == 0x85]


def run(obj: Object) -> dict[str, object]:
    """The variables, after a system call."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pyebpf.load(obj, config={"only": os.getpid()}) as session:
            os.getppid()
            return {name: view.value for name, view in session.variables.items()}


@pytest.mark.parametrize("kernel, helper", [(None, PLAIN), ("5.10", PLAIN), ("5.11", KNOWN), ("6.12", KNOWN)])
def test_where_the_kernel_has_it(kernel: str | None, helper: int, tmp_path: Path) -> None:
    obj = compiled(tmp_path, "found.value = u64(current_task().real_parent.tgid)", kernel=kernel)
    assert helper in calls(obj) and (READ in calls(obj)) == (helper == PLAIN)
    assert run(obj)["found"] == os.getppid()


def test_what_is_loaded_here_is_for_this_kernel(tmp_path: Path) -> None:
    compiled(tmp_path, "found.value = u64(current_task().real_parent.tgid)")
    with pyebpf.load(tmp_path / "probe.py", attach=False) as session:
        assert KNOWN in calls(session.object)
    with pyebpf.load(tmp_path / "probe.py", attach=False, btf=Btf.running()) as session:
        assert PLAIN in calls(session.object)  # types are given where the kernel may have none


SHAPES = {
    "a loop": """
task = current_task()
for _ in range(3):
    if task.tgid == 1:
        break
    task = task.real_parent
found.value = u64(task.tgid)
""",
    "one of two": """
task = current_task()
chosen = task if task.pid > 0 else task.real_parent
found.value = u64(chosen.real_parent.tgid)
""",
    "given again": """
task = current_task()
task = current_task()
found.value = u64(task.group_leader.real_parent.tgid)
""",
    "none of it": """
task = None
if found.value == 0:
    task = current_task()
if task is not None:
    found.value = u64(task.real_parent.tgid)
""",
    "a number": """

other.value = u64(current_task())
task = current_task()
found.value = u64(task.real_parent.tgid) if u64(task) == other.value and task == current_task() else 0
""",
    "all pointers": """
task = current_task()
found.value = u64(task.parent.tgid) + 0 * (task.cred.uid.val + task.real_cred.gid.val + task.mm.exe_file.f_pos)
""",
    "whole text": """
task = current_task()
found.value = u64(task.real_parent.tgid) if task.comm == task.group_leader.comm else 0
""",
    "no memory": """
try:
    other.value = current_task().active_mm.owner.mm.start_code
except NullPointerError:
    other.value = 1
found.value = u64(current_task().real_parent.tgid)
""",
}


@pytest.mark.parametrize("kernel", ["5.10", "5.15", "6.12"])
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(shape: str, kernel: str, tmp_path: Path) -> None:
    expected = os.getppid()
    if shape == "a loop":
        for _ in range(2):
            expected = int(Path(f"/proc/{expected}/stat").read_text().rpartition(")")[2].split()[1]) or expected
            if expected == 1:
                break
    assert run(compiled(tmp_path, SHAPES[shape].strip(), kernel=kernel))["found"] == expected


PROGRAMS = """
from pyebpf import Global, Kernel, XDP, current_task, fentry, function, iterator, kprobe, tp_btf, tracepoint, u64, xdp

found = Global[u64](0)


@function
def parent(task: Kernel["struct task_struct"]):
    return task.real_parent


@kprobe("ksys_read")
def without_parameters():
    found.value = u64(parent(current_task()).tgid)


@tracepoint("syscalls:sys_enter_getpid")
def a_tracepoint(ctx):
    found.value = u64(parent(parent(current_task())).tgid)


@xdp
def a_packet(packet):
    found.value = u64(current_task().real_parent.tgid)
    return XDP.PASS


@tp_btf("sched_switch")
def both(prev, next):
    task = prev if prev.pid == current_task().pid else current_task()
    found.value = u64(task.real_parent.tgid)


@iterator("task")
def each(task):
    if task is not None and task == current_task():
        found.value = u64(task.real_parent.tgid)
"""


@pytest.mark.parametrize("kernel", ["5.10", "5.15", "6.1", "6.18"])
def test_other_programs_load(kernel: str, tmp_path: Path) -> None:
    path = tmp_path / "probes.py"
    path.write_text(PROGRAMS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pyebpf.load(pyebpf.compile(path, kernel=kernel), attach=False) as session:
            assert len(session.programs) == 5
