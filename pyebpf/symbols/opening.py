"""Opening files that others named, as root: what is mapped, and nothing but regular files that it is known to be.

The path that a process sees means something in its own file system, and who owns that may have put links there, pipes,
devices, or other files by now. So names are resolved below the process's root, and can't lead out of it; what is found
is looked at before it is opened; and it has to be the file that was mapped, by device and inode. Files of FUSE are left
alone: whoever answers for them could keep us waiting forever.

Sources: openat2(2), Linux 5.6; proc(5) for map_files and root; fuse(4).
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from contextlib import suppress
from functools import lru_cache
from typing import Final

from pyebpf.symbols.mappings import Mapping

_OPENAT2: Final = 437
"""The same number on all machines."""
_RESOLVE_NO_MAGICLINKS, _RESOLVE_IN_ROOT = 0x02, 0x10
_LOOK: Final = os.O_PATH | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_OWN_NUMBERS: Final = frozenset((0x794C7630, 0x9123683E))
"""File systems (overlayfs, btrfs) whose files have another device than that which kernels name for their mappings."""
_LARGEST_MOUNTS: Final = 4 << 20
_libc = ctypes.CDLL(None, use_errno=True)


def open_mapped(pid: int, mapping: Mapping, others: tuple[int, ...] = ()) -> int | None:
    """The file, open for reading: by what the kernel has mapped, or by its path as the process, or one of `others`
    (processes in the same place), or this one sees it. None where it isn't there any more, or may not be read."""
    if not mapping.is_file or _is_fuse(pid, mapping.device):
        return None
    with suppress(OSError):
        fd = _checked(os.open(f"/proc/{pid}/map_files/{mapping.start:x}-{mapping.end:x}", _LOOK))
        if fd is not None and same_file(fd, mapping):
            return _read(fd)
        if fd is not None:
            os.close(fd)
    for root in (*(f"/proc/{number}/root" for number in (pid, *others)), "/"):
        fd = open_below(root, mapping.path, mapping)
        if fd is not None:
            return fd
    return None


def open_below(root: str, path: bytes, mapping: Mapping | None = None, follow: bool = True) -> int | None:
    """A regular file, if there is one, by a path that can't lead out of `root`; with `mapping` only that very file.
    Without `follow`, the last part of the path is no symbolic link."""
    try:
        folder = os.open(root, _LOOK | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        flags = _LOOK if follow else _LOOK | os.O_NOFOLLOW
        how = struct.pack("=QQQ", flags, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
        number, name = ctypes.c_long(_OPENAT2), ctypes.c_char_p(path)
        fd = _libc.syscall(number, ctypes.c_int(folder), name, how, ctypes.c_size_t(len(how)))
    finally:
        os.close(folder)
    found = _checked(int(fd)) if fd >= 0 else None
    if found is None:
        return None
    if mapping is not None and not same_file(found, mapping):
        os.close(found)
        return None
    return _read(found)


def same_file(fd: int, mapping: Mapping) -> bool:
    """Whether the file is what was mapped."""
    status = os.fstat(fd)
    if status.st_ino != mapping.inode:
        return False
    return status.st_dev == mapping.device or _file_system(fd) in _OWN_NUMBERS


def _checked(fd: int) -> int | None:
    """The same descriptor, if it is of a regular file; otherwise it is closed."""
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def _read(fd: int) -> int | None:
    """From a descriptor that only stands for a file to one that reads it."""
    try:
        return os.open(f"/proc/self/fd/{fd}", _READ)
    except OSError:
        return None
    finally:
        os.close(fd)


def _file_system(fd: int) -> int:
    """`f_type` of statfs(2)."""
    buffer = (ctypes.c_long * 64)()
    return int(buffer[0]) & 0xFFFFFFFF if not _libc.fstatfs(ctypes.c_int(fd), buffer) else 0


def _is_fuse(pid: int, device: int) -> bool:
    return not os.major(device) and _type_of(pid, device).startswith(b"fuse")


@lru_cache(maxsize=256)
def _type_of(pid: int, device: int) -> bytes:
    """The file system that has a device number without a device; "" if the process doesn't see it."""
    wanted = f"{os.major(device)}:{os.minor(device)}".encode()
    with suppress(OSError), open(f"/proc/{pid}/mountinfo", "rb") as file:
        for line in file.read(_LARGEST_MOUNTS).split(b"\n"):
            words = line.split(b" ")
            if len(words) > 6 and words[2] == wanted and b"-" in words:
                return b"".join(words[words.index(b"-") + 1 :][:1])
    return b""
