"""A program that runs where a function begins and where it returns, and knows which it is."""

import ctypes
import os

from pyebpf import Config, Hash, i64, pid, u32, u64, uprobe
from pyebpf.kfuncs import bpf_session_cookie, bpf_session_is_return

SINCE = (6, 13)

only = Config[u32](0)
numbers = Hash[i64, u64](max_entries=16)


@uprobe.session("libc", "l64a")
def session(value: i64):
    if pid() != only.value:
        return 1
    mine = bpf_session_cookie()
    if bpf_session_is_return():
        numbers[i64(mine[0] & 0xFFFF) + 1000] += 1
        return 0
    mine[0] = u64(value & 0xFFFF)
    numbers[value] += 1
    return i64(value == 5)


def config():
    return {"only": os.getpid()}


def check(session):
    libc = ctypes.CDLL(None)
    for number in (3, 5, 7, 7):
        libc.l64a(ctypes.c_long(number))
    assert session.maps["numbers"].to_dict() == {3: 1, 5: 1, 7: 2, 1003: 1, 1007: 2}
