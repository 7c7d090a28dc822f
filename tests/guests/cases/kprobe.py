"""A function with kprobes where it begins and where it returns; its arguments by name, also those of no known type."""

import os

from pyebpf import Config, Hash, char, i64, kernel_str, kprobe, kretprobe, pid, u32, u64, user_str

SINCE = (4, 17)

only = Config[u32](0)
before = Hash[char[32], i64](max_entries=64)
results = Hash[i64, u64](max_entries=64)
written = Hash[u64, u64](max_entries=64)
same = Hash[char[32], u64](max_entries=4)


@kprobe("do_sys_openat2")
def entering(filename, dfd):
    if pid() == only.value:
        name: char[32] = user_str(filename)
        before[name] = dfd


@kretprobe("do_sys_openat2")
def leaving(ret):
    if pid() == only.value and ret < 0:
        results[ret] += 1


@kprobe("ksys_read")
def reading(fd: u32, buf: u64, count: u64):
    if pid() == only.value:
        written[count] += 1


@kprobe("vfs_read")
def reading_a_file(file):
    if pid() == only.value:
        name: char[32] = kernel_str(file.f_path.dentry.d_name.name)
        same[name] += 1


def config():
    return {"only": os.getpid()}


def check(session):
    for path in ("nothing here", "/proc/self/nothing"):
        try:
            os.open(path, os.O_RDONLY, dir_fd=-1)
        except OSError:
            pass
    with open("/proc/self/stat", "rb", buffering=0) as file:
        file.read(1234)
        file.read(77)
    found = session.maps["before"].to_dict()
    assert found["nothing here"] == found["/proc/self/nothing"] == -1, found
    assert session.maps["results"].to_dict() == {-9: 1, -2: 1}
    counts = session.maps["written"].to_dict()
    assert counts[1234] == counts[77] == 1, counts
    assert session.maps["same"].to_dict()["stat"] == 2
