"""With capabilities instead of root; with those dropped that aren't needed; with little memory that may be locked."""

import os
import resource

from run_kernel import become_nobody, in_child, let_users_start_python
from surroundings import ask_priority

import pyebpf
from pyebpf import Config, Global, Hash, pid, raw_tracepoint, u32, u64, uprobe
from pyebpf.kernel.capabilities import CAPABILITIES, OPEN_AFTERWARDS, UPROBE_LINKS
from pyebpf.kernel.versions import running_version
from pyebpf.loader.privileges import MEMORY_CGROUPS, unprivileged_bpf_disabled
from pyebpf.runtime.dropping import drop_privileges

SINCE = (5, 8)
ATTACH = False
MACHINES = ("x86_64",)  # the others' Python lies elsewhere
GETPRIORITY = 140
PYTHON = os.path.realpath("/usr/bin/python3")
TRACING = ("CAP_BPF", "CAP_PERFMON")

only, number = Config[u32](0), Config[u64](0)
calls = Global[u64](0)
by_process = Hash[u32, u64](max_entries=16)
large = Hash[u32, u64](max_entries=100_000)


@raw_tracepoint("sys_enter")
def on_system_call(ctx):
    if ctx.args[1] == number.value and only.value == 0:
        by_process[pid()] += 1
        calls.value += 1
        large[0] = 0


@uprobe(PYTHON, "Py_BytesMain")
def on_start():
    calls.value += 1


def config():
    return {"number": GETPRIORITY}


def as_nobody(object, names, program, memory=None):
    """What comes of loading and attaching one program."""

    def child():
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (memory, memory))
        let_users_start_python()  # what is imported from now on can be read
        become_nobody([CAPABILITIES[name] for name in names])
        try:
            with pyebpf.load(object, config=config(), attach=False) as session:
                session.attach(program)
                ask_priority(3)
                return [session.maps["by_process"].to_dict().get(os.getpid(), 0), ""]
        except pyebpf.LoadError as error:
            return [error.reason, str(error)]

    return in_child(child)


def dropped(object):
    def child():
        with pyebpf.load(object, config=config(), attach=False) as session:
            session.attach("on_system_call")
            kept = drop_privileges(session, "nobody")
            ask_priority(4)
            found = session.maps["by_process"].to_dict().get(os.getpid(), 0)
            session.links[0].detach()
            ask_priority(4)
            return [list(kept), found, session.variables["calls"].value, os.getuid()]

    return in_child(child)


def check(session):
    object, kernel = session.object, running_version()
    session.close()
    assert as_nobody(object, TRACING, "on_system_call") == [3, ""]
    for one in TRACING:
        reason, text = as_nobody(object, [name for name in TRACING if name != one], "on_system_call")
        assert reason == "privileges" and f"this process lacks {one};" in text, text
    reason, text = as_nobody(object, TRACING, "on_start")
    if kernel < UPROBE_LINKS:
        assert reason == "privileges" and "lacks CAP_SYS_ADMIN" in text and "from Linux 6.6 on" in text, text
    else:
        assert text == "", text
    reason, text = as_nobody(object, TRACING, "on_system_call", 1 << 16)
    if kernel < MEMORY_CGROUPS:
        assert reason == "privileges" and "may have 64 KiB (RLIMIT_MEMLOCK, ulimit -l)" in text, text
    else:
        assert text == "", text
    kept = ["CAP_BPF"] if kernel < OPEN_AFTERWARDS and unprivileged_bpf_disabled() else []
    assert dropped(object) == [kept, 4, 4, 65534]
