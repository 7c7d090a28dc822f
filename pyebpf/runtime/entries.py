"""Entries of a map in the kernel."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator
from io import UnsupportedOperation
from sys import byteorder
from typing import final

from pyebpf import layout
from pyebpf.kernel.maps import MapFlag, MapType
from pyebpf.loader import sys
from pyebpf.loader.cpus import possible_cpus
from pyebpf.loader.load import LoadedMap
from pyebpf.runtime import batches, parts
from pyebpf.views.columns import Columns, joined, pieces, split
from pyebpf.views.entries import PER_CPU, Entries, Shape

NOEXIST = 1
"""BPF_NOEXIST."""
F_LOCK = 4
"""BPF_F_LOCK (5.1)."""
HASHES = (MapType.HASH, MapType.LRU_HASH, MapType.PERCPU_HASH, MapType.LRU_PERCPU_HASH)
WIDE = 4096
"""Bytes of a value from which on keys are better fetched alone."""
NO_BATCHES = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOSPC, 524)
"""The kernel, or this type of map, has no batch operations; 524 is ENOTSUPP, which has no name in user space."""


@final
class KernelEntries(Entries):
    """Entries by system calls. Raises OSError when the kernel refuses."""

    def __init__(self, loaded: LoadedMap) -> None:
        spec = loaded.spec
        self.loaded = loaded
        self.flags = F_LOCK if layout.locks(spec.value) else 0
        """Entries with a lock are read and written while nobody holds it."""
        renewed = spec.type == MapType.HASH and layout.renewed(spec.value)
        self.writing = 0 if renewed else self.flags
        """Those with a timer are made anew, for written in place they would keep it, in some kernels."""
        super().__init__(
            Shape(
                spec.name,
                spec.kind,
                spec.type,
                spec.key,
                spec.value,
                spec.key_size,
                spec.value_size,
                spec.max_entries,
                possible_cpus() if spec.type in PER_CPU else 1,
            )
        )

        self._pages: mmap.mmap | None = None
        self._mapped = spec.type == MapType.ARRAY and bool(spec.flags & MapFlag.MMAPABLE)

    @property
    def closed(self) -> bool:
        return self.loaded.descriptor.closed

    def memory(self) -> memoryview:
        """Read-only where user space may not write the map."""
        if not self._mapped:
            how = "an Array that is declared with mmapable=True can be (Linux 5.5)"
            raise UnsupportedOperation(f"{self.name} can't be seen as memory: {how}")
        return memoryview(self._map())

    def _map(self) -> mmap.mmap:
        fd = self.loaded.fd
        if self._pages is None:
            refused = self.loaded.spec.flags & MapFlag.RDONLY
            protection = mmap.PROT_READ | (0 if refused else mmap.PROT_WRITE)
            self._pages = mmap.mmap(fd, self.slot * self.max_entries, mmap.MAP_SHARED, protection)
        return self._pages

    def release(self) -> None:
        """It isn't closed: arrays of numpy may look at it, and hold it for as long as they are there."""
        self._pages = None

    def _place(self, key: bytes) -> int | None:
        """Where a value is in the memory; None if there is none."""
        index = int.from_bytes(key, byteorder)
        return index * self.slot if index < self.max_entries else None

    def fileno(self) -> int:
        return self.loaded.fd

    def lookup(self, key: bytes) -> bytes | None:
        if self._mapped:
            at = self._place(key)
            return None if at is None else self._map()[at : at + self.value_bytes]
        return sys.map_lookup(self.loaded.fd, key or None, self.value_bytes, self.flags)

    def update(self, key: bytes, value: bytes) -> None:
        at = self._place(key) if self._mapped and not self.loaded.spec.flags & MapFlag.RDONLY else None
        if at is not None:
            self._map()[at : at + len(value)] = value
            return
        sys.map_update(self.loaded.fd, key or None, value, self.writing)

    def delete(self, key: bytes) -> bool:
        return sys.map_delete(self.loaded.fd, key)

    def insert(self, key: bytes, value: bytes) -> bool:
        try:
            sys.map_update(self.loaded.fd, key, value, self.writing | NOEXIST)
        except OSError as error:
            if error.errno == errno.EEXIST:
                return False
            raise
        return True

    def remove(self, key: bytes) -> bytes | None:
        """At one moment, where the kernel can (5.14)."""
        if self.shape.type in HASHES:
            try:
                return sys.map_pop(self.loaded.fd, self.value_bytes, key, self.flags)
            except OSError as error:
                if error.errno not in NO_BATCHES:
                    raise
        return super().remove(key)

    def take(self) -> bytes | None:
        return sys.map_pop(self.loaded.fd, self.value_bytes)

    def has(self, value: bytes) -> bool:
        return sys.map_lookup(self.loaded.fd, None, self.value_bytes, value=value) is not None

    def columns(self) -> Columns:
        """All entries, by batches where the kernel has them (5.6), else one by one."""
        found = self._batch(delete=False)
        if found is None:
            return joined(self._one_by_one())
        if self.shape.type == MapType.LPM_TRIE:  # when entries go meanwhile the kernel starts anew
            return joined(dict(split(found, self.shape.key_size, self.value_bytes)).items())
        return found

    def _batch(self, delete: bool) -> Columns | None:
        """All entries by batches; None where there are none."""
        shape = self.shape
        given = (self.loaded.fd, shape.key_size, self.value_bytes, shape.max_entries)
        try:
            if shape.type in HASHES and not delete:
                return parts.read(*given, flags=self.flags)
            return batches.read(*given, delete=delete, flags=self.flags)
        except OSError as error:
            if error.errno not in NO_BATCHES:
                raise
        return None

    def _one_by_one(self) -> Iterator[tuple[bytes, bytes]]:
        for key in self.walk():
            value = self.lookup(key)
            if value is not None:
                yield key, value

    def snapshot(self) -> list[tuple[bytes, bytes]]:
        """All entries."""
        return split(self.columns(), self.shape.key_size, self.value_bytes)

    def write(self, columns: Columns) -> int:
        """As `Entries.write`, by one system call where the kernel has it (5.6)."""
        done, code = batches.write(self.loaded.fd, columns, self.writing) if columns.count else (0, 0)
        if done or not code:
            return done
        if code not in NO_BATCHES:
            raise OSError(code, os.strerror(code))
        return super().write(columns)

    def drain(self) -> Columns:
        """Take all entries out: of hash maps bucket by bucket, under its lock, where the kernel can (5.6)."""
        found = self._batch(delete=True) if self.shape.type in HASHES else None
        return super().drain() if found is None else found

    def all_keys(self) -> list[bytes]:
        """All keys. Where a value is large for having one part per CPU, it isn't fetched with them."""
        if self.value_bytes > WIDE:
            return self.walk()
        return pieces(self.columns().keys, self.shape.key_size)

    def walk(self) -> list[bytes]:
        """Keys, one by one. When entries go meanwhile the kernel starts anew, so keys seen twice end the walk."""
        spec = self.loaded.spec
        found: dict[bytes, None] = {}
        again = 0
        key = sys.map_get_next_key(self.loaded.fd, None, spec.key_size)
        while key is not None and again <= len(found) + 1:
            again += key in found
            found[key] = None
            key = sys.map_get_next_key(self.loaded.fd, key, spec.key_size)
        return list(found)
