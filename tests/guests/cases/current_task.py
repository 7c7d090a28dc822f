"""The current task, whose members programs load directly where the kernel lets them: from 5.11 on."""

import os
import resource
from pathlib import Path

from surroundings import ask_priority

from pyebpf import (
    Array,
    Config,
    Global,
    Kernel,
    NullPointerError,
    char,
    current_task,
    function,
    kernel_str,
    kprobe,
    pid,
    raw_tracepoint,
    struct,
    u32,
    u64,
)

SINCE = (5, 10)
GETPRIORITY = {"x86_64": 140, "aarch64": 141, "s390x": 96}[os.uname().machine]


@struct
class Task:
    tgid: u32
    parent: u32
    grandparent: u32
    leader: u32
    uid: u32
    files: u64
    inode: u64
    level: u32
    comm: char[16]
    file: char[64]
    address: u64
    again: u64


only, number, generations = Config[u32](0), Config[u64](0), Config[u32](0)
found = Array[Task](max_entries=1)
oldest, without_memory, at_probes = Global[u32](0), Global[u64](0), Global[u64](0)


@function
def ancestor(task: Kernel["struct task_struct"], steps):
    for _ in range(min(steps, 16)):
        task = task.real_parent
    return task


@raw_tracepoint("sys_enter")
def on_system_call(ctx):
    if pid() != only.value or ctx.args[1] != number.value:
        return
    task = current_task()
    out = found[0]
    out.tgid = u32(task.tgid)
    out.parent = u32(task.real_parent.tgid)
    out.grandparent = u32(task.parent.parent.tgid)
    out.leader = u32(task.group_leader.pid)
    out.uid = task.cred.uid.val
    out.files = task.signal.rlim[7].rlim_cur
    out.inode = task.mm.exe_file.f_inode.i_ino
    out.level = task.nsproxy.pid_ns_for_children.level
    out.comm = task.comm
    out.file = kernel_str(task.mm.exe_file.f_path.dentry.d_name.name)
    out.address = u64(task)
    out.again = u64(current_task())
    oldest.value = u32(ancestor(current_task(), generations.value).tgid)
    try:
        eldest = ancestor(task, 16)
        out.inode += 0 * eldest.mm.start_code
    except NullPointerError:
        without_memory.value += 1


@kprobe("ksys_read")
def on_read():
    task = current_task()
    if task.mm is None:
        return
    other = task.mm if task.pid > 0 else task.real_parent.mm
    if other.start_stack != 0:
        at_probes.value += 1


def config():
    return {"only": os.getpid(), "number": GETPRIORITY, "generations": len(ancestors())}


def ancestors():
    """Process ids, from the parent up."""
    known = [os.getppid()]
    while known[-1] > 1:
        status = Path(f"/proc/{known[-1]}/status").read_text()
        known.append(int(next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1]))
    return [each for each in known if each]


def check(session):
    ask_priority(1)
    Path("/proc/self/comm").read_text()
    out, variables = session.maps["found"][0], {name: view.value for name, view in session.variables.items()}
    parents = ancestors()
    assert (out.tgid, out.parent, out.leader) == (os.getpid(), os.getppid(), os.getpid())
    assert out.grandparent == (parents[1] if len(parents) > 1 else 0)
    assert variables["oldest"] == parents[-1]
    assert out.uid == os.getuid()
    assert out.files == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert out.inode == os.stat("/proc/self/exe").st_ino
    assert out.level == 0
    assert out.comm == Path("/proc/self/comm").read_text().strip()
    assert out.file == Path(os.readlink("/proc/self/exe")).name
    assert out.address == out.again > 0
    assert variables["without_memory"] == 1  # the first task of all, its own parent, has none
    assert variables["at_probes"] > 0
