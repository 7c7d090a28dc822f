"""What is in the kernel, by bpf(2): the ids of programs, maps and links; and raw pieces of Linux that Python lacks."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import time
from pathlib import Path
from typing import Final

_BPF: Final = {"x86_64": 321, "aarch64": 280, "s390x": 351}.get(platform.machine(), 321)
_NEXT_ID: Final = {"program": 11, "map": 12, "link": 31}
PR_SET_NAME: Final = 15
PR_CAPBSET_DROP: Final = 24
CLONE_NEWNET: Final = 0x40000000
LIBC: Final = ctypes.CDLL(None, use_errno=True)

Ids = frozenset[tuple[str, int]]


def _call(result: int, what: str) -> None:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


def bpf_ids() -> Ids:
    """`("program", 17)` and so on, for everything that is there now. Linux 5.8."""
    found = set()
    for kind, command in _NEXT_ID.items():
        number = 0
        while True:
            attributes = ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), 12)
            try:
                _call(LIBC.syscall(_BPF, command, attributes, 12), "bpf")
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
                break
            number = struct.unpack_from("=I", attributes, 4)[0]
            found.add((kind, number))
    return frozenset(found)


def left_over(before: Ids, seconds: float = 10.0) -> Ids:
    """What is there and wasn't `before`, after the kernel had time to free it, and other tests to end."""
    end = time.monotonic() + seconds
    left = bpf_ids() - before
    while left and time.monotonic() < end:
        time.sleep(0.05)
        left &= bpf_ids()
    return left


def unshare_network() -> None:
    """Put this thread into a network namespace of its own."""
    _call(LIBC.unshare(CLONE_NEWNET), "unshare")


def enter_network(descriptor: int) -> None:
    """Put this thread into the network namespace behind an open `/proc/…/ns/net`."""
    _call(LIBC.setns(descriptor, CLONE_NEWNET), "setns")


def set_comm(name: str) -> None:
    """Name this thread."""
    _call(LIBC.prctl(PR_SET_NAME, name.encode(), 0, 0, 0), "prctl")


def drop_capabilities() -> None:
    """From the next exec on, this process has no capabilities, though its user stays the same."""
    for capability in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            return


def cgroup_mount() -> Path | None:
    """Where cgroup v2 is mounted."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None
