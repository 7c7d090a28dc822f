"""Fields of kernel structs by CO-RE, of one object for every kernel."""

import os
from pathlib import Path

from surroundings import ask_priority

from pyebpf import Config, Global, char, current_task, kernel_str, pid, raw_tracepoint, u32, u64

SINCE = (5, 10)
PORTABLE = True
GETPRIORITY = {"x86_64": 140, "aarch64": 141, "s390x": 96}[os.uname().machine]

only, number = Config[u32](0), Config[u64](0)
tgid, parent, name, executable = Global[u32](0), Global[u32](0), Global[char[16]](), Global[char[64]]()


@raw_tracepoint("sys_enter")
def on_system_call(ctx):
    if pid() == only.value and ctx.args[1] == number.value:
        task = current_task()
        tgid.value = u32(task.tgid)
        parent.value = u32(task.real_parent.tgid)
        name.value = task.comm
        executable.value = kernel_str(task.mm.exe_file.f_path.dentry.d_name.name)


def config():
    return {"only": os.getpid(), "number": GETPRIORITY}


def check(session):
    ask_priority(1)
    found = {name: view.value for name, view in session.variables.items()}
    assert (found["tgid"], found["parent"]) == (os.getpid(), os.getppid())
    assert found["name"] == Path("/proc/self/comm").read_text().strip()
    assert found["executable"] == Path(os.readlink("/proc/self/exe")).name
