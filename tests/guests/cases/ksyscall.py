"""System calls by name: what a process gives, all six of them, and what it gets."""

import ctypes
import os

from pyebpf import Config, Hash, char, i32, i64, kretsyscall, ksyscall, pid, struct, u32, u64, user_str

SINCE = (4, 17)
MACHINES = ("x86_64", "aarch64")  # mmap(2) is another call on s390x


@struct
class Map:
    addr: u64
    len: u64
    prot: u64
    flags: u64
    fd: u64
    off: u64


only = Config[u32](0)
names = Hash[char[32], i32](max_entries=64)
maps = Hash[Map, u64](max_entries=64)
results = Hash[i64, u64](max_entries=64)


@ksyscall("openat")
def opening(filename, dfd):
    if pid() == only.value:
        name: char[32] = user_str(filename)
        names[name] = dfd


@ksyscall("mmap")
def mapping(addr, len, prot, flags, fd, off):
    if pid() == only.value:
        maps[Map(addr=addr, len=len, prot=prot, flags=flags, fd=fd, off=off)] += 1


@kretsyscall("mmap")
def mapped(ret):
    if pid() == only.value and -4096 < ret < 0:
        results[ret] += 1


def config():
    return {"only": os.getpid()}


def check(session):
    try:
        os.open("nothing here", os.O_RDONLY, dir_fd=-1)
    except OSError:
        pass
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
    libc.mmap(0x1000, 0x3000, 7, 2, 1000, 0x5000)
    assert session.maps["names"].to_dict()["nothing here"] == -1
    found = [(m.addr, m.len, m.prot, m.flags, m.fd, m.off) for m in session.maps["maps"] if m.fd == 1000]
    assert found == [(0x1000, 0x3000, 7, 2, 1000, 0x5000)], found
    assert session.maps["results"].to_dict() == {-9: 1}
