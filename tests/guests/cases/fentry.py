"""A function of the kernel, before and after it runs: its arguments by name, and its result."""

import os

from pyebpf import Config, Hash, char, fentry, fexit, i32, i64, pid, struct, u32, u64, user_str

SINCE = (5, 5)
JIT = True
LATER = {"aarch64": (6, 4)}


@struct
class Opened:
    path: char[32]
    dfd: i32


only = Config[u32](0)
before = Hash[Opened, u64](max_entries=64)
results = Hash[i64, u64](max_entries=64)


@fentry("do_sys_openat2")
def entering(filename, dfd):
    if pid() == only.value:
        key = Opened(dfd=dfd, path=user_str(filename))
        before[key] += 1


@fexit("do_sys_openat2")
def leaving(ret, dfd):
    if pid() == only.value and dfd == -1:
        results[ret] += 1


def config():
    return {"only": os.getpid()}


def check(session):
    for _ in range(3):
        for path in ("nothing here", "/proc/self/nothing"):
            try:
                os.open(path, os.O_RDONLY, dir_fd=-1)
            except OSError:
                pass
    found = {(key.path, key.dfd): count for key, count in session.maps["before"].items()}
    assert found["nothing here", -1] == found["/proc/self/nothing", -1] == 3, found
    assert session.maps["results"].to_dict() == {-9: 3, -2: 3}
