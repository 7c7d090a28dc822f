"""Maps as Python collections: hashes are mappings, arrays are sequences."""

from __future__ import annotations

import errno
import operator
from array import array
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, SupportsIndex

from pyebpf.pictures.tables import Table
from pyebpf.views.columns import Columns, differences
from pyebpf.views.entries import Entries
from pyebpf.views.shown import MOST_ROWS, ShownEntries, entries_table, largest
from pyebpf.views.values import rank

_RAISE: Final = object()


class HashView(ShownEntries, MutableMapping[Any, Any]):
    """A loaded Hash, LruHash or PerCpuHash. Iterating goes over a snapshot, whatever changes meanwhile."""

    def __init__(self, entries: Entries) -> None:
        self.name = entries.name
        self.kind = entries.kind
        self._entries = entries
        self._last: dict[Any, Any] = {}
        """As `growth` has seen it last."""

    def __getitem__(self, key: Any) -> Any:
        value = self._entries.lookup(self._entries.encode_key(key))
        if value is None:
            raise KeyError(key)
        return self._entries.decode_value(value)

    def __setitem__(self, key: Any, value: Any) -> None:
        data = self._entries.encode_value(value)
        with self._room():
            self._entries.update(self._entries.encode_key(key), data)

    @contextmanager
    def _room(self) -> Iterator[None]:
        """A full map is a MemoryError."""
        try:
            yield
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
        return iter(self._entries.decode_keys(b"".join(self._entries.all_keys())))

    def __len__(self) -> int:
        return len(self._entries.all_keys())

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value of `key`, which is `default` from now on if there was none; as it is read, in either case. What
        programs write meanwhile stays."""
        encoded = self._entries.encode_key(key)
        while (found := self._entries.lookup(encoded)) is None:
            value = self._entries.encode_value(default)
            with self._room():
                self._entries.insert(encoded, value)
        return self._entries.decode_value(found)

    def pop(self, key: Any, default: Any = _RAISE) -> Any:
        """Take an entry out: its value, or `default` (KeyError without one) if there is none. The kernel does both at
        one moment (Linux 5.14); before that, what a program adds in between is lost."""
        found = self._entries.remove(self._entries.encode_key(key))
        if found is not None:
            return self._entries.decode_value(found)
        if default is _RAISE:
            raise KeyError(key)
        return default

    def popitem(self) -> tuple[Any, Any]:
        """Take any entry out, as key and value. KeyError when there is none."""
        for key in self._entries.all_keys():
            found = self._entries.remove(key)
            if found is not None:  # else somebody was faster
                return self._entries.decode_key(key), self._entries.decode_value(found)
        raise KeyError(f"{self.name} is empty")

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Write many entries at once: of a mapping, of pairs, or of an array like that of `to_numpy`; by one system
        call where the kernel has it (5.6). MemoryError says how many found room."""
        entries = self._entries
        if hasattr(other, "dtype"):
            from pyebpf.views.arrays import columns_of

            columns = columns_of(entries, other)
        else:
            columns = entries.encode(dict(other, **more))
        try:
            done = entries.write(columns)
        except OSError as error:
            if error.errno not in (errno.E2BIG, errno.ENOMEM):
                raise
            done = 0
        if done < columns.count:
            raise MemoryError(f"{self.name} is full: {done} of {columns.count} entries were written")

    def to_dict(self) -> dict[Any, Any]:
        """A copy of all entries."""
        return self._decoded(self._entries.columns())

    def _decoded(self, columns: Columns) -> dict[Any, Any]:
        return dict(zip(self._entries.decode_keys(columns.keys), self._entries.decode_values(columns), strict=True))

    def drain(self) -> dict[Any, Any]:
        """Take all entries out. A program that has found an entry already may still add to it, in vain: `growth` loses
        nothing."""
        return self._decoded(self._entries.drain())

    def growth(self) -> dict[Any, Any]:
        """What the numbers in each entry have grown by since the last call, or in all at the first one; of per-CPU maps
        over all CPUs. Entries stay in the map, so that every count is in one answer. Raises TypeError where values are
        more than numbers."""
        now = self.to_dict()
        if self._entries.per_cpu:
            now = {key: value.sum() for key, value in now.items()}
        found = differences(now, self._last)
        self._last = now
        return found

    def items(self) -> Any:
        """Keys and values, of one snapshot."""
        return self.to_dict().items()

    def values(self) -> Any:
        return self.to_dict().values()

    def clear(self) -> None:
        """Delete every entry."""
        self._entries.drain()

    def fileno(self) -> int:
        """The map's descriptor, for other tools: open for as long as the session is."""
        return self._entries.fileno()

    def to_numpy(self) -> Any:
        """A structured array with the fields `key` and `value` (per CPU: an array of values)."""
        from pyebpf.views.arrays import entries_array

        return entries_array(self._entries, self._entries.columns())

    def __repr__(self) -> str:
        holds = "closed" if self._entries.closed else f"with {len(self)} entries"
        return f"<{self.kind or 'map'} {self.name}, {holds}>"


class ArrayView(ShownEntries, Sequence[Any]):
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

    def __setitem__(self, index: SupportsIndex | slice, value: Any) -> None:
        if isinstance(index, slice):
            self._set_slice(range(*index.indices(self._length)), list(value))
            return
        self._entries.update(self._key(index), self._entries.encode_value(value))

    def _set_slice(self, places: range, values: list[Any]) -> None:
        if len(values) != len(places):
            raise ValueError(f"{self.name} keeps its length: {len(places)} elements aren't set to {len(values)} values")
        keys = array("I", places).tobytes()
        data = b"".join(map(self._entries.encode_value, values))
        self._entries.write(Columns(keys, data, len(values)))

    def __contains__(self, value: object) -> bool:
        return any(each == value for each in self)

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Where `value` is first, as in a list. ValueError if it is nowhere."""
        return list(self).index(value, start, self._length if stop is None else stop)

    def __delitem__(self, index: object) -> None:
        raise TypeError(f"the elements of {self.name} are always there: one can be set to zero, not deleted")

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries.decode_values(self._entries.columns()))

    def items(self) -> list[tuple[int, Any]]:
        """Index and value of every element, of one snapshot."""
        return list(enumerate(self))

    def table(self, most: int = MOST_ROWS) -> Table:
        """The largest elements as data, without those that are zero."""
        elements = [(index, value) for index, value in self.items() if rank(value)]
        return entries_table(self.name, elements, largest(elements, most), "index")

    def to_dict(self) -> dict[int, Any]:
        return dict(self.items())

    def clear(self) -> None:
        """Set every element to zero."""
        keys = array("I", range(self._length)).tobytes()
        self._entries.write(Columns(keys, bytes(self._length * self._entries.value_bytes), self._length))

    def fileno(self) -> int:
        """The map's descriptor, for other tools: open for as long as the session is."""
        return self._entries.fileno()

    def live(self) -> Any:
        """The map itself as a numpy array (structs: a structured one), of an Array with mmapable=True: what programs
        write is seen in it, and what is written there is seen by programs, without a system call. A number of up to 8
        bytes is read and written whole; of larger values, structs say, another CPU may see some parts new and some
        old. It can be used after the session has ended, when nobody else writes it. Raises io.UnsupportedOperation for
        other maps."""
        from pyebpf.views.arrays import live_array

        return live_array(self._entries)

    def memory(self) -> memoryview:
        """The same as bytes, where numpy isn't: a value every 8, or a multiple of 8, bytes."""
        return self._entries.memory()

    def release(self) -> None:
        """What the session does at its end."""
        self._entries.release()

    def to_numpy(self) -> Any:
        """An array of the values, which is a copy."""
        from pyebpf.views.arrays import values_array

        return values_array(self._entries, self._entries.columns()).copy()

    def __repr__(self) -> str:
        return f"<{self.kind or 'array'} {self.name} of {self._length}>"


def _order() -> Any:
    from sys import byteorder

    return byteorder
