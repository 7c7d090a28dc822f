"""Maps as Python collections: hashes are mappings, arrays are sequences."""

from __future__ import annotations

import errno
import operator
from collections.abc import Iterator, MutableMapping
from typing import Any, SupportsIndex

from pyebpf.views.entries import Entries


class HashView(MutableMapping[Any, Any]):
    """A loaded Hash, LruHash or PerCpuHash. Iterating goes over a snapshot, whatever changes meanwhile."""

    def __init__(self, entries: Entries) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self._entries = entries

    def __getitem__(self, key: Any) -> Any:
        value = self._entries.lookup(self._entries.encode_key(key))
        if value is None:
            raise KeyError(key)
        return self._entries.decode_value(value)

    def __setitem__(self, key: Any, value: Any) -> None:
        data = self._entries.encode_value(value)
        try:
            self._entries.update(self._entries.encode_key(key), data)
        except OSError as error:
            if error.errno in (errno.E2BIG, errno.ENOMEM):
                raise MemoryError(f"{self.name} is full") from None
            raise

    def __delitem__(self, key: Any) -> None:
        if not self._entries.delete(self._entries.encode_key(key)):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        try:
            encoded = self._entries.encode_key(key)
        except (TypeError, ValueError, OverflowError):
            return False
        return self._entries.lookup(encoded) is not None

    def __iter__(self) -> Iterator[Any]:
        return iter([self._entries.decode_key(key) for key in self._entries.all_keys()])

    def __len__(self) -> int:
        return len(self._entries.all_keys())

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value of `key`, which is `default` from now on if there was none; as it is read, in either case."""
        if key not in self:
            self[key] = default
        return self[key]

    def to_dict(self) -> dict[Any, Any]:
        """A copy of all entries."""
        entries = self._entries
        return {entries.decode_key(key): entries.decode_value(value) for key, value in entries.snapshot()}

    def items(self) -> Any:
        """Keys and values, of one snapshot."""
        return self.to_dict().items()

    def values(self) -> Any:
        return self.to_dict().values()

    def clear(self) -> None:
        """Delete every entry."""
        for key in self._entries.all_keys():
            self._entries.delete(key)

    def to_numpy(self) -> Any:
        """A structured array with the fields `key` and `value` (per CPU: an array of values)."""
        from pyebpf.views.arrays import entries_array

        return entries_array(self._entries, self._entries.snapshot())

    def __repr__(self) -> str:
        holds = "closed" if self._entries.closed else f"with {len(self)} entries"
        return f"<{self.kind or 'map'} {self.name}, {holds}>"


class ArrayView:
    """A loaded Array or PerCpuArray: a sequence of fixed length."""

    def __init__(self, entries: Entries) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self._entries = entries
        self._length = entries.max_entries

    def _key(self, index: SupportsIndex) -> bytes:
        position = operator.index(index)
        if position < 0:
            position += self._length
        if not 0 <= position < self._length:
            raise IndexError(f"{self.name} has {self._length} elements, not one at {index}")
        return position.to_bytes(4, _order())

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(self._length))]
        value = self._entries.lookup(self._key(index))
        if value is None:
            raise IndexError(index)
        return self._entries.decode_value(value)

    def __setitem__(self, index: SupportsIndex, value: Any) -> None:
        self._entries.update(self._key(index), self._entries.encode_value(value))

    def __delitem__(self, index: object) -> None:
        raise TypeError(f"the elements of {self.name} are always there: one can be set to zero, not deleted")

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        return iter([value for _, value in self.items()])

    def items(self) -> list[tuple[int, Any]]:
        """Index and value of every element, of one snapshot."""
        found = sorted((int.from_bytes(key, _order()), value) for key, value in self._entries.snapshot())
        return [(index, self._entries.decode_value(value)) for index, value in found]

    def to_dict(self) -> dict[int, Any]:
        return dict(self.items())

    def clear(self) -> None:
        """Set every element to zero."""
        zero = bytes(self._entries.value_bytes)
        for index in range(self._length):
            self._entries.update(index.to_bytes(4, _order()), zero)

    def to_numpy(self) -> Any:
        """An array of the values."""
        from pyebpf.views.arrays import entries_array

        found = sorted(self._entries.snapshot(), key=lambda pair: int.from_bytes(pair[0], _order()))
        return entries_array(self._entries, found)["value"]

    def __repr__(self) -> str:
        return f"<{self.kind or 'array'} {self.name} of {self._length}>"


class HistogramView(ArrayView):
    """A loaded Histogram: counts by powers of two."""

    def __init__(self, entries: Entries, unit: str) -> None:
        super().__init__(entries)
        self.unit = unit

    def buckets(self) -> list[tuple[int, int, int]]:
        """`(low, high, count)` from the first to the last bucket that counted anything: `low <= x <= high`."""
        counts = [int(count) for count in self]
        used = [slot for slot, count in enumerate(counts) if count]
        if not used:
            return []
        return [(1 << slot if slot else 0, (1 << slot + 1) - 1, counts[slot]) for slot in range(used[0], used[-1] + 1)]

    @property
    def total(self) -> int:
        """How many values were observed."""
        return sum(int(count) for count in self)


def _order() -> Any:
    from sys import byteorder

    return byteorder
