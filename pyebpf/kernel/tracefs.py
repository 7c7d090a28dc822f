"""Reads tracefs, where the kernel describes its tracepoints.

If it is mounted where we may read it, that mount is used. If not, a mount of our own is opened that is never given a
place in the file system: it exists as a descriptor, only while it is read. That needs CAP_SYS_ADMIN and Linux 5.2.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from pyebpf.diagnostics.base import Error

PLACES: Final = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")

# The same numbers on every architecture that BPF has, alpha aside.
_SYS_FSOPEN: Final = 430
_SYS_FSCONFIG: Final = 431
_SYS_FSMOUNT: Final = 432
_CLOSE_ON_EXEC: Final = 1  # FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC
_CONFIG_CREATE: Final = 6  # FSCONFIG_CMD_CREATE
_ATTRIBUTES: Final = 0x1 | 0x2 | 0x4 | 0x8  # read-only, nosuid, nodev, noexec
_LARGEST: Final = 8 << 20
_PIECE: Final = 64 << 10
_WITHOUT: Final = "@tp_btf and @raw_tracepoint need nothing of it"


class TracepointsUnavailable(Error):
    """The kernel's descriptions of its tracepoints can't be read here; `reason` says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class _Closed(TracepointsUnavailable):
    """It is there, and this process may not read it."""

    def __init__(self, path: str) -> None:
        opens = "CAP_DAC_READ_SEARCH opens it, or root does for a group (mount -o remount,gid=GROUP,mode=750)"
        super().__init__(f"tracefs is closed to this user ({path}); {opens}; {_WITHOUT}")


@contextmanager
def tracefs() -> Iterator[int]:
    """A descriptor of the root of tracefs. Raises TracepointsUnavailable."""
    found = _mounted()
    try:
        descriptor = found if isinstance(found, int) else _detached()
    except TracepointsUnavailable:
        if isinstance(found, _Closed):
            raise found from None
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_text(root: int, path: str) -> str | None:
    """The file at `path` below `root`; None if there is none. Raises TracepointsUnavailable if it is closed to us."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=root)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        if error.errno == errno.EPERM:  # LOCKDOWN_TRACEFS (5.4): EACCES is what modes lead to
            why = "the kernel is locked down (confidentiality), or its policy forbids it"
            raise TracepointsUnavailable(f"tracefs may not be read ({path}): {why}; {_WITHOUT}") from None
        raise _Closed(path) from None
    except OSError as error:
        raise TracepointsUnavailable(f"tracefs: {path}: {error.strerror}") from None
    try:
        with open(descriptor, "rb", buffering=0) as file:
            text = bytearray()
            while len(text) < _LARGEST and (piece := file.read(_PIECE)):
                text += piece
        return text.decode("utf-8", "replace")
    except OSError as error:
        raise TracepointsUnavailable(f"tracefs: {path}: {error.strerror}") from None


def _mounted() -> int | _Closed | None:
    """The root of a mounted tracefs; what keeps us out of it; None if there is none: then we try a mount of our own."""
    closed: _Closed | None = None
    for place in PLACES:
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except PermissionError:
            closed = closed or _Closed(place)
            continue
        except OSError:
            continue
        try:
            os.stat("events", dir_fd=descriptor)
            return descriptor
        except PermissionError:
            closed = closed or _Closed(place)
        except OSError:  # an empty mount point
            pass
        os.close(descriptor)
    return closed


def _detached() -> int:
    """The root of a tracefs that is mounted nowhere."""
    context = _call("fsopen", _SYS_FSOPEN, b"tracefs", _CLOSE_ON_EXEC)
    try:
        _call("fsconfig", _SYS_FSCONFIG, context, _CONFIG_CREATE, None, None, 0)
        mount = _call("fsmount", _SYS_FSMOUNT, context, _CLOSE_ON_EXEC, _ATTRIBUTES)
    finally:
        os.close(context)
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount)
    except OSError as error:
        raise TracepointsUnavailable(f"tracefs can't be opened: {error.strerror}") from None
    finally:
        os.close(mount)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, number: int, *arguments: int | bytes | None) -> int:
    libc = _libc()
    values = [ctypes.c_long(value) if isinstance(value, int) else ctypes.c_char_p(value) for value in arguments]
    libc.syscall.restype = ctypes.c_long
    result: int = libc.syscall(ctypes.c_long(number), *values)
    if result >= 0:
        return result
    code = ctypes.get_errno()
    why = {
        errno.EPERM: (
            "mounting it needs CAP_SYS_ADMIN (run as root), or root mounts it for a group: "
            f"mount -t tracefs -o gid=GROUP,mode=750 tracefs {PLACES[0]}; {_WITHOUT}"
        ),
        errno.ENODEV: "this kernel is built without it (CONFIG_TRACING)",
        errno.ENOSYS: f"{name}() needs Linux 5.2, or somebody to mount it on {PLACES[0]}",
    }.get(code, f"{name}(): {os.strerror(code)}")
    raise TracepointsUnavailable(f"tracefs is not mounted, and {why}")
