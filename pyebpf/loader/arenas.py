"""Arenas (6.9): pages that programs and this process share. Programs take one only once it has its place here."""

from __future__ import annotations

import mmap
from typing import final

from pyebpf.kernel.maps import ARENA_MAP
from pyebpf.loader.errors import LoadError
from pyebpf.loader.maps import LoadedMap
from pyebpf.loader.memory import mapped, unmap


def _shared(made: LoadedMap, size: int) -> mmap.mmap:
    try:
        memory = mmap.mmap(made.fd, size, mmap.MAP_SHARED)
    except OSError as error:
        raise LoadError(f"cannot map arena {made.spec.name}: {error.strerror}", "kernel") from None
    for at in range(0, size, mmap.PAGESIZE):
        memory[at]  # the kernel makes the page
    return memory


@final
class Arena:
    """An arena's pages in this process, until `close`. Where `map_extra` says an address they are there."""

    def __init__(self, made: LoadedMap) -> None:
        """Raises LoadError."""
        self._size = made.spec.max_entries * mmap.PAGESIZE
        self.memory: mmap.mmap | None = None
        """Of pyebpf's own: all of it is there, for programs find zeros where no page is, and write to nowhere."""
        self._mapped = False
        if made.spec.name == ARENA_MAP and not made.spec.extra:
            self.memory = _shared(made, self._size)
            return
        try:
            self.address = mapped(made.fd, self._size, mmap.PROT_READ | mmap.PROT_WRITE, at=made.spec.extra)
        except OSError as error:
            at = f" at {made.spec.extra:#x}" if made.spec.extra else ""
            raise LoadError(f"cannot map arena {made.spec.name}{at}: {error.strerror}", "kernel") from None
        self._mapped = True

    def close(self) -> None:
        """Give the pages back; nothing happens the second time."""
        if self._mapped:
            unmap(self.address, self._size)
        self._mapped = False
