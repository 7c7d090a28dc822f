"""Maps of places that packets go to, in Python: interfaces, CPUs, sockets by number."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator, MutableMapping
from io import UnsupportedOperation
from typing import Any, Final

from pyebpf.kernel.maps import MapType
from pyebpf.views.entries import Entries

WITH_PROGRAMS: Final = (MapType.DEVMAP, MapType.DEVMAP_HASH, MapType.CPUMAP)
"""Whose values may name a program besides (`struct bpf_devmap_val`, `struct bpf_cpumap_val`)."""
_PAIR: Final = struct.Struct("=Ii")
NO_PROGRAM: Final = -1


class TargetsView(MutableMapping[int, Any]):
    """A loaded DevMap, DevMapHash, CpuMap, XskMap, SockMap, SockHash or ReuseportSockArray."""

    def __init__(self, entries: Entries) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self._entries = entries
        self._silent = entries.shape.type == MapType.XSKMAP
        self._pairs = entries.shape.type in WITH_PROGRAMS and entries.shape.value_size == _PAIR.size

    def __getitem__(self, key: int) -> Any:
        """An interface's index, how many packets may wait, the kernel's number for a socket; with the id of the
        program there, if there is one."""
        value = self._lookup(key)
        if value is None:
            raise KeyError(key)
        if not self._pairs:
            return self._entries.decode_value(value)
        number, program = _PAIR.unpack(value)
        return (number, program) if program > 0 else number

    def _lookup(self, key: object) -> bytes | None:
        self._check_told()
        value = self._entries.lookup(self._entries.encode_key(key))
        return value if value is not None and any(value) else None

    def __setitem__(self, key: int, value: Any) -> None:
        """Put in an interface (its name or index), a number, a socket or its descriptor; or a pair of that and a
        program. Raises OSError when the kernel refuses."""
        target, program = value if isinstance(value, tuple) and len(value) == 2 and self._pairs else (value, None)
        number = self._number(target)
        if self._pairs:
            descriptor = NO_PROGRAM if program is None else program.loaded.fd
            data = _PAIR.pack(number, descriptor)
        else:
            data = self._entries.encode_value(number)
        try:
            self._entries.update(self._entries.encode_key(key), data)
        except OSError as error:
            if error.errno == errno.E2BIG:
                raise KeyError(key) from None
            raise

    def _number(self, target: Any) -> int:
        if isinstance(target, str) and self._entries.shape.type in (MapType.DEVMAP, MapType.DEVMAP_HASH):
            from socket import if_nametoindex

            return if_nametoindex(target)
        if not self._pairs and hasattr(target, "fileno"):
            return int(target.fileno())
        if isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < 1 << 32:
            raise TypeError(f"{self.name} takes {self._takes()}, not {target!r}")
        return target

    def _takes(self) -> str:
        match self._entries.shape.type:
            case MapType.DEVMAP | MapType.DEVMAP_HASH:
                return "interfaces by name or index"
            case MapType.CPUMAP:
                return "how many packets may wait for a CPU"
            case _:
                return "sockets"

    def __delitem__(self, key: int) -> None:
        """Take it out. Of AF_XDP sockets the kernel doesn't say whether there was one."""
        if (not self._silent and self._lookup(key) is None) or not self._entries.delete(self._entries.encode_key(key)):
            raise KeyError(key)

    def _check_told(self) -> None:
        if self._silent:
            why = f"the kernel doesn't tell of the sockets in a {self.kind or 'map of this kind'}"
            raise UnsupportedOperation(f"{self.name} can't be read: {why}")

    def __contains__(self, key: object) -> bool:
        try:
            return self._lookup(key) is not None
        except (TypeError, ValueError, OverflowError):
            return False

    def __iter__(self) -> Iterator[int]:
        self._check_told()
        keys = [self._entries.decode_key(key) for key in self._entries.all_keys()]
        return iter([key for key in keys if self._lookup(key) is not None])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def to_dict(self) -> dict[int, Any]:
        """What is in it now."""
        return {key: self[key] for key in self}

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"
