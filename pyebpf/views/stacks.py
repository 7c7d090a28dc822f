"""A map of stacks, in Python."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import final

from pyebpf.pictures.frames import Frame, Resolver
from pyebpf.views.entries import Entries


class Unresolved:
    """A resolver that knows no names: each address stands for itself."""

    def kernel(self, addresses: Sequence[int]) -> list[Frame]:
        return [Frame(f"{address:#x}", "[kernel]", address=address, kind="kernel") for address in addresses]

    def user(self, pid: int, addresses: Sequence[int]) -> list[Frame]:
        return [Frame(f"{address:#x}", address=address, kind="user") for address in addresses]


@final
class StackTraceView(Mapping[int, list[int]]):
    """A loaded StackTrace: by a stack's number its addresses, the innermost first. The kernel's own are addresses of
    the kernel, those of processes addresses in their memory."""

    def __init__(self, entries: Entries, resolver: Callable[[], Resolver] = Unresolved) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self.resolver = resolver
        """Gives what knows names of addresses."""
        self._entries = entries

    def __getitem__(self, number: int) -> list[int]:
        """Raises KeyError for a number that no stack has, as those below zero, which `get_stackid` gives for errors."""
        value = self._entries.lookup(self._key(number))
        if value is None:
            raise KeyError(number)
        return addresses_of(value)

    def frames(self, number: int, pid: int | None = None) -> list[Frame]:
        """The stack with names: the kernel's, or if `pid` is given, that process's. KeyError as for `[]`."""
        addresses = self[number]
        return self.resolver().kernel(addresses) if pid is None else self.resolver().user(pid, addresses)

    def named(self, addresses: Sequence[int]) -> list[Frame]:
        """Frames of a stack of which nobody says whose it is: those of the kernel have names."""
        if addresses and addresses[0] >> 63:
            return self.resolver().kernel(addresses)
        return Unresolved().user(0, addresses)

    def _key(self, number: object) -> bytes:
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 1 << 32:
            raise KeyError(number)
        return struct.pack("=I", number)

    def __delitem__(self, number: int) -> None:
        """Give the number free again, for another stack."""
        if not self._entries.delete(self._key(number)):
            raise KeyError(number)

    def __iter__(self) -> Iterator[int]:
        return iter([struct.unpack("=I", key)[0] for key in self._entries.all_keys()])

    def __len__(self) -> int:
        return len(self._entries.all_keys())

    def clear(self) -> None:
        """Forget all of them."""
        for key in self._entries.all_keys():
            self._entries.delete(key)

    def to_dict(self) -> dict[int, list[int]]:
        """All that are there now."""
        return {struct.unpack("=I", key)[0]: addresses_of(value) for key, value in self._entries.snapshot()}

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def addresses_of(value: bytes) -> list[int]:
    """As many as there are; behind them it is zeros."""
    count = len(value) // 8
    return [address for address in struct.unpack(f"={count}Q", value[: 8 * count]) if address]
