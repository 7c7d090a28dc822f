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
from typing import Final, final

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


@final
class Walk:
    """Goes through a map's entries, each call on from where the last one ended."""

    def __init__(
        self,
        fd: int,
        key_size: int,
        value_size: int,
        most: int,
        *,
        start: bytes = b"",
        command: int = LOOKUP,
        flags: int = 0,
    ) -> None:
        """`most`: entries that are expected at most. `start`: a position to start from, if not the first."""
        self.count = 0
        """Entries until now."""
        self._fd, self._command, self._flags = fd, command, flags
        self._sizes = (key_size, value_size)
        self._most = most
        self._room = max(min(most, ROOM // (key_size + value_size)), 1)
        self.keys, self.values = bytearray(self._room * key_size), bytearray(self._room * value_size)
        self._here, self._following = (ctypes.create_string_buffer(start, max(key_size, 8)) for _ in range(2))
        self._started = bool(start)
        self._least = 1

    @property
    def position(self) -> bytes:
        """Where the next call goes on."""
        return self._here.raw

    def step(self, most: int = 1 << 32) -> bool:
        """Read `most` entries at most, though a bucket more if that one has more: whether there may be more of them.
        Raises OSError."""
        wanted = min(max(most, self._least), self._room - self.count)
        code, number = _batch(
            self._command,
            self._fd,
            (ctypes.addressof(self._here) if self._started else 0, ctypes.addressof(self._following)),
            _address(self.keys, self.count * self._sizes[0]),
            _address(self.values, self.count * self._sizes[1]),
            wanted,
            self._flags,
        )
        if code == errno.ENOSPC and self._room <= 4 * self._most + 1024:  # a bucket has more entries than are wanted
            self._least = 2 * wanted
            if wanted == self._room - self.count:
                self._grow()
            return True
        if code not in (0, errno.ENOENT):
            raise OSError(code, os.strerror(code))
        self.count += number
        if code == errno.ENOENT:
            return False
        self._here, self._following, self._started, self._least = self._following, self._here, True, 1
        if self.count == self._room:
            self._grow()
        return True

    def _grow(self) -> None:
        more = max(self._room, 64)
        self.keys += bytes(more * self._sizes[0])
        self.values += bytes(more * self._sizes[1])
        self._room += more

    def all(self) -> Columns:
        """What there is from here to the end. Raises OSError."""
        while self.step():
            pass
        del self.keys[self.count * self._sizes[0] :], self.values[self.count * self._sizes[1] :]
        return Columns(self.keys, self.values, self.count)


def read(fd: int, key_size: int, value_size: int, most: int, *, delete: bool = False, flags: int = 0) -> Columns:
    """All entries, which are `most` at most if nobody changes the map meanwhile; taken out of it with `delete`, for
    hash maps (5.6). Raises OSError."""
    command = LOOKUP_AND_DELETE if delete else LOOKUP
    return Walk(fd, key_size, value_size, most, command=command, flags=flags).all()


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
