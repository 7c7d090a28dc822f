"""A program that runs where each of many functions begins and where it returns, and knows which it is."""

import os

from pyebpf import Config, Hash, i64, kprobe, pid, u32, u64
from pyebpf.kfuncs import bpf_session_cookie, bpf_session_is_return

SINCE = (6, 10)
JIT = True

only = Config[u32](0)
asked = Hash[u64, u64](max_entries=256)
given = Hash[u64, i64](max_entries=256)


@kprobe.session("ksys_rea?")
def session(ctx, fd: u64, buf: u64, count: u64, ret: i64):
    if pid() != only.value:
        return 1
    mine = bpf_session_cookie()
    if bpf_session_is_return():
        given[mine[0]] = ret
        return 0
    mine[0] = count
    asked[count] += 1
    return i64(count == 55)


def config():
    return {"only": os.getpid()}


def check(session):
    assert session.links["session"].functions == ("ksys_read",)
    with open("/proc/self/stat", "rb", buffering=0) as file:
        for size in (77, 55, 33):
            file.read(size)
    with open("/dev/null", "rb", buffering=0) as file:
        file.read(44)
    seen = session.maps["asked"].to_dict()
    assert [seen.get(size) for size in (77, 55, 44, 33)] == [1, 1, 1, 1], seen
    found = session.maps["given"].to_dict()
    assert [found.get(size) for size in (77, 55, 44, 33)] == [77, None, 0, 33], found
