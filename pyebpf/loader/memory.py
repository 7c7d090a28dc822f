"""Memory that the kernel shares, by its address: for what `mmap` of the standard library has no words."""

from __future__ import annotations

import ctypes
import mmap
import os
from typing import Final

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_FAILED: Final = ctypes.c_void_p(-1).value


def mapped(fd: int, size: int, protection: int, flags: int = mmap.MAP_SHARED, offset: int = 0, at: int = 0) -> int:
    """The address of `size` bytes of a file, from `offset` on; `at` is where they should be, if that matters. Raises
    OSError."""
    found = _libc.mmap(at or None, size, protection, flags, fd, offset)
    if found is None or found == _FAILED:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(found)


def unmap(address: int, size: int) -> None:
    """The opposite of `mapped`."""
    _libc.munmap(address, size)
