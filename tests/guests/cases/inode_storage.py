"""Storage on inodes: how often each file was opened, which is gone with the file."""

import os
import tempfile

from pyebpf import Global, InodeStorage, lsm, pid, u32, u64

SINCE = (5, 10)
JIT = True
LATER = {"aarch64": (6, 4)}

watched = Global[u32](0)
opens = InodeStorage[u64]()
first, again = Global[u64](0), Global[u64](0)


@lsm("file_open")
def on_open(file):
    if pid() != watched.value:
        return 0
    inode = file.f_inode
    if opens.get(inode) is None:
        first.value += 1
    else:
        again.value += 1
    opens[inode] += 1
    return 0


def check(session):
    opens = session.maps["opens"]
    with tempfile.NamedTemporaryFile(dir="/run") as one, tempfile.NamedTemporaryFile(dir="/run") as other:
        session.variables["watched"].value = os.getpid()
        for _ in range(3):
            os.close(os.open(one.name, os.O_RDONLY))
        os.close(os.open(other.name, os.O_RDONLY))
        session.variables["watched"].value = 0
        assert (opens[one.fileno()], opens[other.fileno()]) == (3, 1)
    found = {name: view.value for name, view in session.variables.items()}
    assert (found["first"], found["again"]) == (2, 2)
