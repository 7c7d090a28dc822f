"""Many entries of a map in one system call, straight into memory that is handed on as it is.

Sources: kernel/bpf/syscall.c (bpf_map_do_batch) and kernel/bpf/hashtab.c (__htab_map_lookup_and_delete_batch), since
Linux 5.6. Hash maps go bucket by bucket, each under its lock: none of their entries comes twice, whatever programs do
meanwhile. Other maps go from key to key.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final

from pyebpf.loader import sys
from pyebpf.views.columns import Columns

LOOKUP: Final = 24
LOOKUP_AND_DELETE: Final = 25
UPDATE: Final = 26
"""`enum bpf_cmd`: BPF_MAP_LOOKUP_BATCH and those that follow."""
ROOM: Final = 256 << 20
"""Bytes that are asked for at first, at most. The system gives memory when it is written to."""
_FORM: Final = "=QQQQIIQQ"
_COUNT: Final = 32
"""Where `batch.count` is in `union bpf_attr`."""


def _batch(
    command: int, fd: int, at: tuple[int, int], keys: int, values: int, count: int, flags: int
) -> tuple[int, int]:
    """The call: the error's number or 0, and how many entries were done. `at`: the addresses of the position to start
    from, or 0, and of the one to go on from."""
    result, left = sys.call(command, struct.pack(_FORM, *at, keys, values, count, fd, flags, 0))
    return max(-result, 0), int(struct.unpack_from("=I", left, _COUNT)[0])


def read(fd: int, key_size: int, value_size: int, most: int, *, delete: bool = False, flags: int = 0) -> Columns:
    """All entries, which are `most` at most if nobody changes the map meanwhile; taken out of it with `delete`, for
    hash maps (5.6). Raises OSError."""
    capacity = max(min(most, ROOM // (key_size + value_size)), 1)
    keys, values = bytearray(capacity * key_size), bytearray(capacity * value_size)
    here, following = (ctypes.create_string_buffer(max(key_size, 8)) for _ in range(2))
    started, done = False, 0
    while True:
        start = ctypes.addressof(here) if started else 0
        code, number = _batch(
            LOOKUP_AND_DELETE if delete else LOOKUP,
            fd,
            (start, ctypes.addressof(following)),
            _address(keys, done * key_size),
            _address(values, done * value_size),
            capacity - done,
            flags,
        )
        if code not in (0, errno.ENOENT, errno.ENOSPC) or (code == errno.ENOSPC and capacity > 4 * most + 1024):
            raise OSError(code, os.strerror(code))
        done += number if code != errno.ENOSPC else 0
        if code == errno.ENOENT:  # the end
            del keys[done * key_size :], values[done * value_size :]
            return Columns(keys, values, done)
        if code == 0:
            here, following, started = following, here, True
        if code == errno.ENOSPC or done == capacity:  # a bucket has more entries than there is room for
            more = max(capacity, 64)
            keys += bytes(more * key_size)
            values += bytes(more * value_size)
            capacity += more


def write(fd: int, columns: Columns, flags: int = 0) -> tuple[int, int]:
    """Write entries in their order until the kernel refuses one: how many were written, and the error's number or 0."""
    keys, values = bytearray(columns.keys), bytearray(columns.values)
    code, number = _batch(UPDATE, fd, (0, 0), _address(keys, 0), _address(values, 0), columns.count, flags)
    return number, code


def _address(data: bytearray, offset: int) -> int:
    """Of a byte in `data`, for as long as its size stays the same."""
    if offset >= len(data):
        return 0
    return ctypes.addressof(ctypes.c_char.from_buffer(data, offset))
