"""Loaded queues, stacks and Bloom filters: maps without keys, of which nobody can say how much is in them."""

from __future__ import annotations

import errno
from typing import Any, Final, final

from pyebpf.views.entries import Entries

_RAISE: Final = object()


@final
class QueueView:
    """A loaded Queue or Stack. Raises OSError when the kernel refuses."""

    def __init__(self, entries: Entries) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self._entries = entries

    def push(self, value: Any) -> None:
        """Add a value. MemoryError when it is full."""
        data = self._entries.encode_value(value)
        try:
            self._entries.update(b"", data)
        except OSError as error:
            if error.errno == errno.E2BIG:
                raise MemoryError(f"{self.name} is full") from None
            raise

    def pop(self, default: Any = _RAISE) -> Any:
        """Take what is next. IndexError when there is nothing, or `default` if one is given."""
        return self._decoded(self._entries.take(), default)

    def peek(self, default: Any = _RAISE) -> Any:
        """As `pop`; it stays where it is."""
        return self._decoded(self._entries.lookup(b""), default)

    def _decoded(self, data: bytes | None, default: Any) -> Any:
        if data is not None:
            return self._entries.decode_value(data)
        if default is _RAISE:
            raise IndexError(f"{self.name} is empty")
        return default

    def clear(self) -> None:
        """Take everything that is in it now."""
        for _ in range(self._entries.max_entries):
            if self._entries.take() is None:
                return

    def __repr__(self) -> str:
        return f"<{self.kind or 'queue'} {self.name}>"


@final
class BloomFilterView:
    """A loaded BloomFilter. What was added is in it; what wasn't, hardly ever."""

    def __init__(self, entries: Entries) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self._entries = entries

    def add(self, value: Any) -> None:
        """Add a value."""
        self._entries.update(b"", self._entries.encode_value(value))

    def __contains__(self, value: object) -> bool:
        return self._entries.has(self._entries.encode_value(value))

    def __repr__(self) -> str:
        return f"<{self.kind or 'filter'} {self.name}>"
