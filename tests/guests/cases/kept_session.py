"""A session that is pinned in a folder, closed, and taken over; a link that is put to another program."""

import os
import sys
from pathlib import Path

from run_kernel import mount_privately
from surroundings import ask_priority

import pyebpf
from pyebpf import Config, Global, iterator, pid, raw_tracepoint, u32, u64

SINCE = (5, 8)
GETPRIORITY = {"x86_64": 140, "aarch64": 141, "s390x": 96}[os.uname().machine]

only, number = Config[u32](0), Config[u64](0)
calls, tasks = Global[u64](0), Global[u64](0)


@raw_tracepoint("sys_enter")
def on_system_call(ctx):
    if pid() == only.value and ctx.args[1] == number.value:
        calls.value += 1


@iterator("task")
def each(task):
    tasks.value += 1


@iterator("task")
def each_thousandfold(task):
    tasks.value += 1000


def config():
    return {"only": os.getpid(), "number": GETPRIORITY}


def check(session):
    place = Path("/run/bpf")
    place.mkdir()
    mount_privately("bpf", str(place))
    link = session.links["on_system_call"]
    assert (link.info.kind, link.info.name) == ("raw tracepoint", "sys_enter")
    session.links["each_thousandfold"].detach()
    session.links["each"].update(session.programs["each_thousandfold"])
    session.pin(place / "kept")
    session.close()
    ask_priority(7)
    kept = pyebpf.adopt(place / "kept")
    ask_priority(5)
    assert kept.variables["calls"].value == 12
    kept.links["each_thousandfold"].read()
    assert kept.variables["tasks"].value >= 1000
    assert kept.variables["tasks"].value % 1000 == 0
    kept.unpin(place / "kept")
    kept.close()
    assert "llvmlite" not in sys.modules
