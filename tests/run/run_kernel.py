"""What is in the kernel, by bpf(2): the ids of programs, maps and links; and raw pieces of Linux that Python lacks."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import re
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

_BPF: Final = {"x86_64": 321, "aarch64": 280, "s390x": 351}.get(platform.machine(), 321)
_NEXT_ID: Final = {"program": 11, "map": 12, "link": 31}
_TOLD: Final = {"prog_id": "program", "map_id": "map", "link_id": "link"}
"""In /proc/PID/fdinfo."""
_ID: Final = re.compile(r"^(prog_id|map_id|link_id):\t(\d+)$", re.MULTILINE)
PR_SET_NAME: Final = 15
PR_CAPBSET_DROP: Final = 24
PR_SET_KEEPCAPS: Final = 8
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_RAISE: Final = 2
CLONE_NEWNS: Final = 0x20000
CLONE_NEWNET: Final = 0x40000000
MS_BIND: Final = 1 << 12
MS_REC: Final = 1 << 14
MS_PRIVATE: Final = 1 << 18
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


def comes_true(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether it is so, or is soon: what the kernel does when the last reference is gone waits for a grace period."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def left_over(before: Ids, seconds: float = 10.0) -> Ids:
    """What is there and wasn't `before`, after the kernel had time to free it, but for what other tests have."""
    left = bpf_ids() - before

    def gone() -> bool:
        nonlocal left
        left &= bpf_ids()
        left -= held_elsewhere() if left else frozenset()
        return not left

    comes_true(gone, seconds)
    return left


def held_elsewhere() -> Ids:
    """What the other processes have that run tests beside this one, and those that they started."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return frozenset()
    waiting = [number for number in _children(os.getppid()) if number != os.getpid()]
    found: set[tuple[str, int]] = set()
    while waiting:
        number = waiting.pop()
        waiting += _children(number)
        with suppress(OSError):
            for descriptor in os.scandir(f"/proc/{number}/fdinfo"):
                with suppress(OSError):
                    told = Path(descriptor.path).read_text()
                    found |= {(_TOLD[kind], int(value)) for kind, value in _ID.findall(told)}
    return frozenset(found)


def _children(number: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # it has ended, or one of its threads has
        for thread in os.listdir(f"/proc/{number}/task"):
            found += map(int, Path(f"/proc/{number}/task/{thread}/children").read_text().split())
    return found


def unshare_network() -> None:
    """Put this thread into a network namespace of its own."""
    _call(LIBC.unshare(CLONE_NEWNET), "unshare")


def enter_network(descriptor: int) -> None:
    """Put this thread into the network namespace behind an open `/proc/…/ns/net`."""
    _call(LIBC.setns(descriptor, CLONE_NEWNET), "setns")


def enter_mounts(descriptor: int) -> None:
    """Put this thread into the mount namespace behind an open `/proc/…/ns/mnt`; it is at the root folder then."""
    _call(LIBC.setns(descriptor, CLONE_NEWNS), "setns")


def set_comm(name: str) -> None:
    """Name this thread."""
    _call(LIBC.prctl(PR_SET_NAME, name.encode(), 0, 0, 0), "prctl")


def drop_capabilities() -> None:
    """From the next exec on, this process has no capabilities, though its user stays the same."""
    for capability in range(64):
        if LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            return


def in_child(function: Callable[[], object]) -> Any:
    """What `function` gives, as JSON has it, in a child of fork(2), in which nothing else is run at its end."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            answer = {"result": function()}
        except BaseException:
            answer = {"error": traceback.format_exc()}
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    answer = json.loads(text)
    assert "error" not in answer, answer["error"]
    return answer["result"]


@contextmanager
def waiting_child() -> Iterator[None]:
    """A child of fork(2) that has everything open that is open now, and does nothing, for as long as the block."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    os.close(reader)
    try:
        yield
    finally:
        os.close(writer)
        os.waitpid(child, 0)


def become_nobody(kept: list[int] | None = None) -> None:
    """Give up root, with all its capabilities other than `kept`."""
    os.setgroups([])
    os.setgid(65534)
    _call(LIBC.prctl(PR_SET_KEEPCAPS, 1 if kept else 0, 0, 0, 0), "prctl")
    os.setuid(65534)
    if kept:
        drop_effective(kept)


def have_inherited(capabilities: list[int]) -> None:
    """What this process has of these, the programs that it becomes have as well (ambient capabilities, 4.3)."""
    bits = sum(1 << number for number in capabilities)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    header, data = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", low, low, low, high, high, high)
    _call(LIBC.capset(header, data), "capset")
    for number in capabilities:
        _call(LIBC.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0), "prctl")


def mount_privately(kind: str, place: str) -> None:
    """Mount a file system in a mount namespace that this process has for itself from now on."""
    _have_own_mounts()
    _mount("none", place, kind)


def let_users_start_python() -> None:
    """Ordinary users can start this interpreter, with the project, from now on, in a mount namespace that this process
    has for itself: though they be in a home directory that is closed to others."""
    _have_own_mounts()
    needed = {Path(each).resolve() for each in (sys.prefix, sys.base_prefix, Path(__file__).parents[2])}
    for folder in filter(None, {_closed(path) for path in needed}):
        inside = {path: os.open(path, os.O_PATH) for path in needed if path.is_relative_to(folder)}
        _mount("none", str(folder), "tmpfs", data="mode=755")
        for path, descriptor in inside.items():
            path.mkdir(parents=True, exist_ok=True)
            _mount(f"/proc/self/fd/{descriptor}", str(path), "", MS_BIND | MS_REC)
            os.close(descriptor)


def _closed(path: Path) -> Path | None:
    """The uppermost folder on the way to `path` that others can't pass."""
    return next((each for each in reversed(path.parents) if not each.stat().st_mode & 1), None)


def _have_own_mounts() -> None:
    _call(LIBC.unshare(CLONE_NEWNS), "unshare")
    _mount("none", "/", "", MS_REC | MS_PRIVATE)


def _mount(source: str, place: str, kind: str, flags: int = 0, data: str = "") -> None:
    _call(LIBC.mount(source.encode(), place.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()), "mount")


def drop_effective(kept: list[int]) -> None:
    """Have no other capabilities than `kept` in force in this thread (capset(2), version 3)."""
    bits = sum(1 << number for number in kept)
    low, high = bits & 0xFFFFFFFF, bits >> 32
    header, data = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", low, low, 0, high, high, 0)
    _call(LIBC.capset(header, data), "capset")


def cgroup_mount() -> Path | None:
    """Where cgroup v2 is mounted."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None
