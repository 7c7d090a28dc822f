"""Loaded storage on the kernel's objects: values by process id, socket, cgroup directory, or file."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike
from typing import Any, Final, Protocol, TypeAlias, final, runtime_checkable

from pyebpf.kernel.maps import MapType
from pyebpf.loader.load import LoadedMap
from pyebpf.runtime.entries import KernelEntries


@runtime_checkable
class HasDescriptor(Protocol):
    """A socket, or a file."""

    def fileno(self) -> int: ...


Owner: TypeAlias = "int | str | PathLike[str] | HasDescriptor"


def _process(pid: object) -> int:
    """A descriptor of a process (Linux 5.3)."""
    if not isinstance(pid, int):
        raise TypeError(f"a task is named by its process id, not by {pid!r}")
    return os.pidfd_open(pid)


def _socket(socket: object) -> int:
    return _duplicate(socket, "a socket is named by itself or its descriptor")


def _cgroup(directory: object) -> int:
    if isinstance(directory, str | PathLike):
        return os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    return _duplicate(directory, "a cgroup is named by its directory")


def _inode(file: object) -> int:
    if isinstance(file, str | PathLike):
        return os.open(file, os.O_PATH | os.O_CLOEXEC)
    return _duplicate(file, "an inode is named by its path, or by an open file")


def _duplicate(owner: object, rule: str) -> int:
    """Another descriptor of what is open already. `rule` says how owners are named, for a TypeError."""
    if isinstance(owner, HasDescriptor):
        owner = owner.fileno()
    if not isinstance(owner, int):
        raise TypeError(f"{rule}, not by {owner!r}")
    return os.dup(owner)


OWNERS: Final[dict[int, Callable[[object], int]]] = {
    MapType.TASK_STORAGE: _process,
    MapType.SK_STORAGE: _socket,
    MapType.CGRP_STORAGE: _cgroup,
    MapType.INODE_STORAGE: _inode,
}
"""How the object is opened, whose descriptor is the kernel's key."""


@final
class StorageView:
    """A loaded TaskStorage, SkStorage, CgroupStorage or InodeStorage: a value for each object that has one. Which those
    are the kernel doesn't tell.

    Of a process it is the value of its first thread. Raises ProcessLookupError where there is no such process, and
    OSError for what is no socket, no cgroup, or no file.
    """

    def __init__(self, loaded: LoadedMap) -> None:
        self.name = loaded.spec.name
        self.kind = loaded.spec.kind
        self._open = OWNERS[loaded.spec.type]
        self._entries = KernelEntries(loaded)

    @contextmanager
    def _key(self, owner: object) -> Iterator[bytes]:
        """The kernel's key: a descriptor."""
        descriptor = self._open(owner)
        try:
            yield struct.pack("=i", descriptor)
        finally:
            os.close(descriptor)

    def __getitem__(self, owner: Owner) -> Any:
        with self._key(owner) as key:
            found = self._entries.lookup(key)
        if found is None:
            raise KeyError(owner)
        return self._entries.decode_value(found)

    def __setitem__(self, owner: Owner, value: Any) -> None:
        data = self._entries.encode_value(value)
        with self._key(owner) as key:
            self._entries.update(key, data)

    def __delitem__(self, owner: Owner) -> None:
        with self._key(owner) as key:
            if not self._entries.delete(key):
                raise KeyError(owner)

    def __contains__(self, owner: object) -> bool:
        try:
            with self._key(owner) as key:
                return self._entries.lookup(key) is not None
        except TypeError:
            return False

    def get(self, owner: Owner, default: Any = None) -> Any:
        """The value of a process, socket, cgroup or file, or `default` if it has none."""
        try:
            return self[owner]
        except KeyError:
            return default

    def __repr__(self) -> str:
        return f"<{self.kind or 'storage'} {self.name}>"
