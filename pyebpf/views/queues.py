"""Loaded queues, stacks and Bloom filters: maps without keys, of which nobody can say how much is in them."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
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

    def extend(self, values: Iterable[Any]) -> None:
        """Add values one by one. MemoryError when it is full: those before are in it."""
        for value in values:
            self.push(value)

    def drain(self) -> list[Any]:
        """Take everything that is in it now, in the order of `pop`."""
        return [self._entries.decode_value(data) for data in self._taken()]

    def _taken(self) -> Iterator[bytes]:
        for _ in range(self._entries.max_entries):  # others may add meanwhile, for ever
            data = self._entries.take()
            if data is None:
                return
            yield data

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
        for _ in self._taken():
            pass

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

    def update(self, *others: Iterable[Any]) -> None:
        """Add the values of each, as those of a set."""
        for values in others:
            for value in values:
                self.add(value)

    def __contains__(self, value: object) -> bool:
        try:
            data = self._entries.encode_value(value)
        except (TypeError, ValueError, OverflowError):
            return False  # as in a set: nothing is equal to it
        return self._entries.has(data)

    def __repr__(self) -> str:
        return f"<{self.kind or 'filter'} {self.name}>"
