"""A map of stacks, in Python."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import final

from pyebpf.views.entries import Entries


@final
class StackTraceView(Mapping[int, list[int]]):
    """A loaded StackTrace: by a stack's number its addresses, the innermost first. The kernel's own are addresses of
    the kernel, those of processes addresses in their memory."""

    def __init__(self, entries: Entries) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self._entries = entries

    def __getitem__(self, number: int) -> list[int]:
        """Raises KeyError for a number that no stack has, as those below zero, which `get_stackid` gives for errors."""
        value = self._entries.lookup(self._key(number))
        if value is None:
            raise KeyError(number)
        return addresses_of(value)

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
