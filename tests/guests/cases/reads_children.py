"""A new process, as its arguments come to a typed tracepoint: what it has of its parent, and what is its own."""

import os
import signal

from pyebpf import Array, Global, char, current_task, pid, struct, tp_btf, u32, u64

SINCE = (5, 10)
PORTABLE = True


@struct
class Child:
    pid: u32
    tgid: u32
    parent: u32
    user: u32
    flags: u64
    pending: u64
    heap: u64
    address: u64
    comm: char[16]


watched = Global[u32](0)
found = Array[Child](max_entries=1)


@tp_btf("task_newtask")
def on_newtask(task, clone_flags):
    if pid() != watched.value:
        return
    out = found[0]
    out.pid, out.tgid = task.pid, task.tgid
    out.parent = task.real_parent.tgid
    out.user = task.cred.uid.val
    out.flags = clone_flags
    out.pending = task.pending.signal.sig[0]
    out.heap = task.mm.start_brk
    out.address = u64(task.real_parent) ^ u64(current_task())
    out.comm = task.comm


def check(session):
    session.variables["watched"].value = os.getpid()
    child = os.fork()
    if not child:
        os._exit(0)
    session.variables["watched"].value = 0
    os.waitpid(child, 0)
    out = session.maps["found"][0]
    assert (out.pid, out.tgid, out.parent) == (child, child, os.getpid())
    assert out.user == os.getuid() and out.pending == 0
    assert out.address == 0  # both are the same task
    assert out.flags & 0xFF in (0, signal.SIGCHLD)  # 5.10 leaves the signal in the flags
    with open("/proc/self/stat") as file:
        assert out.heap == int(file.read().rpartition(")")[2].split()[44])
    with open("/proc/self/comm") as file:
        assert out.comm == file.read().rstrip("\n")
