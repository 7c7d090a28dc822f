"""Functions of libc that this process calls: where they begin, where they return, and several by a pattern."""

import ctypes
import os

from pyebpf import Config, Hash, char, i64, pid, u32, u64, uprobe, uretprobe, user_str

SINCE = (4, 17)

only = Config[u32](0)
texts = Hash[char[16], u64](max_entries=16)
numbers = Hash[i64, u64](max_entries=16)
many = Hash[u32, u64](max_entries=16)


@uprobe("libc", "a64l")
def begins(text: u64):
    if pid() == only.value:
        name: char[16] = user_str(text)
        texts[name] += 1


@uretprobe("libc", "a64l")
def returns(ret: i64):
    if pid() == only.value:
        numbers[ret] += 1


@uprobe.multi("libc", "[al]64[al]")
def both():
    if pid() == only.value:
        many[0] += 1


@uretprobe.multi("libc", "[al]64[al]")
def both_return():
    if pid() == only.value:
        many[1] += 1


def config():
    return {"only": os.getpid()}


def check(session):
    libc = ctypes.CDLL(None)
    libc.a64l.restype = ctypes.c_long
    assert [libc.a64l(b"zz"), libc.a64l(b"zz"), libc.a64l(b"/")] == [4095, 4095, 1]
    libc.l64a(ctypes.c_long(3))
    assert session.maps["texts"].to_dict() == {"zz": 2, "/": 1}
    assert session.maps["numbers"].to_dict() == {4095: 2, 1: 1}
    assert session.maps["many"].to_dict() == {0: 4, 1: 4}
    for link in session.links:
        link.detach()
    libc.a64l(b"zz")
    link = session.attach("begins", pid=os.getpid())
    libc.a64l(b"x")
    link.detach()
    assert session.maps["texts"].to_dict() == {"zz": 2, "/": 1, "x": 1}
