"""A bloom filter: what was put in is found."""

import os

from surroundings import NOBODY, ask_priority

from pyebpf import BloomFilter, Config, Global, pid, tracepoint, u32, u64

SINCE = (5, 16)

only = Config[u32](0)
known = BloomFilter[u64](max_entries=100)
found, missed = Global[u64](0), Global[u64](0)


@tracepoint("syscalls:sys_enter_getpriority")
def on_getpriority(ctx):
    if pid() == only.value:
        if u64(ctx.who) in known:
            found.value += 1
        else:
            missed.value += 1


def config():
    return {"only": os.getpid()}


def check(session):
    session.maps["known"].add(NOBODY)
    ask_priority(3)
    ask_priority(1, NOBODY + 1)
    assert (session.variables["found"].value, session.variables["missed"].value) == (3, 1)
