"""Security hooks whose programs may sleep: memory of the process that isn't there yet, and paths."""

import ctypes
import mmap
import os
import tempfile

from pyebpf import Config, Global, Hash, char, lsm, pid, u8, u32, u64, user_read, user_str
from pyebpf.helpers import copy_from_user, d_path

SINCE = (5, 11)
JIT = True
LATER = {"aarch64": (6, 4)}
SIZE = 8192

only, place = Config[u32](0), Config[u64](0)
number, text, status = Global[u64](0), Global[char[64]](""), Global[u64](9)
path, length = Global[u8[64]](), Global[u64](0)
seen = Hash[u32, u64](max_entries=16)


@lsm("file_open", sleepable=True)
def opened(file, ret):
    if ret != 0 or pid() != only.value:
        return ret
    seen[pid()] += 1
    if seen[pid()] > 1:
        return 0
    number.value = user_read(place.value, u64)
    text.value = user_str(place.value + 8)
    buffer = u8[16]()
    status.value = copy_from_user(buffer, place.value + 4096) != 0
    length.value = max(d_path(file.f_path, path.value), 0)
    return 0


MEMORY: list[mmap.mmap] = []


def config():
    """What is in a file that was mapped, and not looked at."""
    with tempfile.TemporaryFile(dir="/run") as file:
        file.write((1234567).to_bytes(8, "little") + b"not there yet")
        file.truncate(SIZE)
        MEMORY.append(mmap.mmap(file.fileno(), SIZE, mmap.MAP_PRIVATE))
    address = ctypes.addressof((ctypes.c_char * SIZE).from_buffer(MEMORY[0]))
    return {"only": os.getpid(), "place": address}


def check(session):
    with open("/proc/self/comm"):
        pass
    variables = session.variables
    assert session.maps["seen"][os.getpid()] >= 1
    assert variables["number"].value == 1234567
    assert variables["text"].value == "not there yet"
    assert variables["status"].value == 0
    assert bytes(variables["path"].value[: variables["length"].value]) == f"/proc/{os.getpid()}/comm\0".encode()
