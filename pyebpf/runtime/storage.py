"""Loaded storage of tasks: values by process id."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

from pyebpf.loader.load import LoadedMap
from pyebpf.runtime.entries import KernelEntries


@final
class TaskStorageView:
    """A loaded TaskStorage: a value for each process that has one. Which those are the kernel doesn't tell.

    The value is that of the process's first thread. Raises ProcessLookupError where there is no such process.
    """

    def __init__(self, loaded: LoadedMap) -> None:
        self.name = loaded.spec.name
        self.kind = loaded.spec.kind
        self._entries = KernelEntries(loaded)

    @contextmanager
    def _key(self, pid: int) -> Iterator[bytes]:
        """The kernel's key: a descriptor of the process (Linux 5.3)."""
        descriptor = os.pidfd_open(pid)
        try:
            yield struct.pack("=i", descriptor)
        finally:
            os.close(descriptor)

    def __getitem__(self, pid: int) -> Any:
        with self._key(pid) as key:
            found = self._entries.lookup(key)
        if found is None:
            raise KeyError(pid)
        return self._entries.decode_value(found)

    def __setitem__(self, pid: int, value: Any) -> None:
        data = self._entries.encode_value(value)
        with self._key(pid) as key:
            self._entries.update(key, data)

    def __delitem__(self, pid: int) -> None:
        with self._key(pid) as key:
            if not self._entries.delete(key):
                raise KeyError(pid)

    def __contains__(self, pid: object) -> bool:
        if not isinstance(pid, int):
            return False
        with self._key(pid) as key:
            return self._entries.lookup(key) is not None

    def get(self, pid: int, default: Any = None) -> Any:
        """The value of a process, or `default` if it has none."""
        try:
            return self[pid]
        except KeyError:
            return default

    def __repr__(self) -> str:
        return f"<{self.kind or 'storage'} {self.name}>"
