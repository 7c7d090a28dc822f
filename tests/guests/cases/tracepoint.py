"""A tracepoint's fields, and a hash map."""

import os

from surroundings import NOBODY, ask_priority

from pyebpf import Config, Hash, i64, pid, tracepoint, u32, u64

SINCE = (4, 7)

only = Config[u32](0)
asked = Hash[i64, u64](max_entries=16)


@tracepoint("syscalls:sys_enter_getpriority")
def on_getpriority(ctx):
    if pid() == only.value:
        asked[i64(ctx.who)] += 1


def config():
    return {"only": os.getpid()}


def check(session):
    ask_priority(3)
    ask_priority(2, NOBODY + 1)
    assert session.maps["asked"].to_dict() == {NOBODY: 3, NOBODY + 1: 2}
