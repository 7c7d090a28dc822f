"""A thousand functions of the kernel by one link, and a function at an offset; what takes no probe is told."""

import os

import pyebpf
from pyebpf import Config, Global, Hash, kprobe, kretprobe, pid, u32, u64
from pyebpf.helpers import get_attach_cookie
from pyebpf.loader.kprobes import has_multi

SINCE = (5, 18)

only = Config[u32](0)
by_number = Hash[u64, u64](max_entries=10_240)
begun = Global[u64](0)
ended = Global[u64](0)


@kprobe.multi("[t-v]*")
def many(ctx):
    if pid() == only.value:
        by_number[get_attach_cookie()] += 1


@kprobe("vfs_read+0")
def beginning(ctx):
    if pid() == only.value:
        begun.value += 1


@kretprobe.multi("vfs_read")
def end(ctx):
    if pid() == only.value:
        ended.value += 1


@kprobe.multi("no_such_function_*")
def nowhere(ctx):
    pass


@kprobe.multi("vfs_raed")
def misspelt(ctx):
    pass


ATTACH = False


def config():
    return {"only": os.getpid()}


def refused(session, name, words):
    try:
        session.attach(name)
    except pyebpf.LoadError as error:
        assert words in str(error), error
    else:
        raise AssertionError(name)


def check(session):
    if not has_multi():  # CONFIG_FPROBE
        return refused(session, "many", "more than the 256 that are attached one by one; name fewer")
    link = session.attach("many")
    assert len(link.functions) >= 1000 and link.parts == 1, len(link.functions)
    assert link.info.details["count"] == len(link.functions)
    session.attach("beginning")
    session.attach("end")
    with open("/proc/self/stat", "rb", buffering=0) as file:
        file.read(10)
    assert session.variables["begun"].value == session.variables["ended"].value >= 1
    names = {link.functions[number] for number in session.maps["by_number"].to_dict()}
    assert "vfs_read" in names, names
    refused(session, "nowhere", "no function that can be traced here has such a name")
    refused(session, "misspelt", "that can be traced; did you mean vfs_read?")
    link.detach()
