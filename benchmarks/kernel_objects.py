"""The ids of all programs, maps and links that are in the kernel, by bpf(2). Needs root."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import time
from typing import Final

_SYSCALL: Final = {"x86_64": 321, "aarch64": 280, "s390x": 351}
_NEXT: Final = {"program": 11, "map": 12, "link": 31}
"""BPF_PROG_GET_NEXT_ID and BPF_MAP_GET_NEXT_ID (Linux 4.13), BPF_LINK_GET_NEXT_ID (5.8)."""

Ids = frozenset[tuple[str, int]]
"""A kind and a number each: `("program", 17)`."""


def ids() -> Ids:
    """Everything that is there now."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = ctypes.c_long(_SYSCALL[platform.machine()])
    found = set()
    for kind, command in _NEXT.items():
        last = 0
        while True:
            attributes = ctypes.create_string_buffer(
                struct.pack("=III", last, 0, 0), 12
            )  # start_id, next_id, open_flags
            if libc.syscall(number, ctypes.c_int(command), attributes, ctypes.c_uint(12)) != 0:
                code = ctypes.get_errno()
                if code == errno.ENOENT:
                    break
                raise OSError(code, os.strerror(code), "bpf(2)")
            last = struct.unpack_from("=I", attributes, 4)[0]
            found.add((kind, last))
    return frozenset(found)


def left_over(before: Ids, seconds: float = 10.0) -> Ids:
    """What is there and wasn't `before`. The kernel frees in its own time, so it is given up to `seconds`."""
    end = time.monotonic() + seconds
    left = ids() - before
    while left and time.monotonic() < end:
        time.sleep(0.05)
        left &= ids()
    return left
