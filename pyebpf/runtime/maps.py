"""Loaded maps as Python collections: hashes are mappings, arrays are sequences."""

from __future__ import annotations

import errno
import operator
from collections.abc import Iterator, MutableMapping
from typing import Any, SupportsIndex

from pyebpf import layout
from pyebpf.encode import encode
from pyebpf.kernel.maps import MapType
from pyebpf.loader import sys
from pyebpf.loader.load import LoadedMap
from pyebpf.runtime.cpus import PerCpu, possible_cpus
from pyebpf.runtime.decode import Decoder, decoder

BATCH = 1024
"""Entries for each system call."""
WIDE = 4096
"""Bytes of a value from which on keys are better fetched alone."""
NO_BATCHES = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOSPC, 524)
"""The kernel, or this type of map, has no batch operations; 524 is ENOTSUPP, which has no name in user space."""
PER_CPU = (MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH)


def _fitting(type: layout.Type | None, size: int) -> layout.Type | None:
    """`type` if the map has room for just that. Objects come from anywhere, and may contradict themselves."""
    return type if type is not None and type.size == size else None


def _decoder(type: layout.Type | None, size: int) -> Decoder:
    return decoder(type) if type is not None else lambda data, offset: bytes(data[offset : offset + size])


def _encode(type: layout.Type | None, size: int, value: object, what: str) -> bytes:
    if type is not None:
        return encode(type, value, what)
    if not isinstance(value, bytes | bytearray):
        raise TypeError(f"{what} has no known type: it is given as {size} bytes, not {value!r}")
    if len(value) != size:
        raise ValueError(f"{what} has {size} bytes, not {len(value)}")
    return bytes(value)


class Entries:
    """Reading and writing entries of a map, as bytes and as Python values. Raises OSError when the kernel refuses."""

    def __init__(self, loaded: LoadedMap) -> None:
        spec = loaded.spec
        self.loaded = loaded
        self.name = spec.name
        self.key_type = _fitting(spec.key, spec.key_size)
        """None where the object doesn't say: then keys are bytes. The same for values."""
        self.value_type = _fitting(spec.value, spec.value_size)
        self.per_cpu = spec.type in PER_CPU
        self.stride = layout.round_up(spec.value_size, 8) if self.per_cpu else spec.value_size
        self.value_bytes = self.stride * possible_cpus() if self.per_cpu else self.stride
        self._key, self._value = _decoder(self.key_type, spec.key_size), _decoder(self.value_type, spec.value_size)

    def encode_key(self, key: object) -> bytes:
        return _encode(self.key_type, self.loaded.spec.key_size, key, f"key of {self.name}")

    def encode_value(self, value: object) -> bytes:
        size = self.loaded.spec.value_size
        if not self.per_cpu:
            return _encode(self.value_type, size, value, f"value of {self.name}")
        each = isinstance(value, PerCpu) or (isinstance(value, list) and not self._is_one(value))
        values = list(value) if each else [value] * possible_cpus()  # type: ignore[call-overload]
        if len(values) != possible_cpus():
            raise ValueError(f"value of {self.name} is one value, or one for each of {possible_cpus()} CPUs")
        parts = [_encode(self.value_type, size, item, f"value of {self.name}") for item in values]
        return b"".join(part.ljust(self.stride, b"\0") for part in parts)

    def _is_one(self, value: list[Any]) -> bool:
        """Whether a list is an array, which is one value, rather than a value for each CPU."""
        return isinstance(self.value_type, layout.Array) and not any(hasattr(item, "__iter__") for item in value)

    def decode_key(self, data: bytes, offset: int = 0) -> Any:
        return self._key(data, offset)

    def decode_value(self, data: bytes, offset: int = 0) -> Any:
        if not self.per_cpu:
            return self._value(data, offset)
        ends = range(offset, offset + self.value_bytes, self.stride)
        return PerCpu(tuple(self._value(data, at) for at in ends))

    def lookup(self, key: bytes) -> bytes | None:
        return sys.map_lookup(self.loaded.fd, key, self.value_bytes)

    def update(self, key: bytes, value: bytes) -> None:
        sys.map_update(self.loaded.fd, key, value)

    def snapshot(self) -> list[tuple[bytes, bytes]]:
        """All entries, by batches where the kernel has them (5.6), else one by one."""
        try:
            return self._batches()
        except OSError as error:
            if error.errno not in NO_BATCHES:
                raise
        found = []
        for key in self._walk():
            value = self.lookup(key)
            if value is not None:
                found.append((key, value))
        return found

    def _batches(self) -> list[tuple[bytes, bytes]]:
        spec = self.loaded.spec
        found: dict[bytes, bytes] = {}
        after: bytes | None = None
        count = min(BATCH, max(spec.max_entries, 1))
        while True:
            keys, values, number, following = sys.map_lookup_batch(
                self.loaded.fd, after, count, spec.key_size, self.value_bytes
            )
            for index in range(number):
                key = keys[index * spec.key_size : (index + 1) * spec.key_size]
                found[key] = values[index * self.value_bytes : (index + 1) * self.value_bytes]
            if following is None:
                return list(found.items())
            after = following

    def all_keys(self) -> list[bytes]:
        """All keys. Where a value is large for having one part per CPU, it isn't fetched with them."""
        if self.value_bytes > WIDE:
            return self._walk()
        return [key for key, _ in self.snapshot()]

    def _walk(self) -> list[bytes]:
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


class HashView(MutableMapping[Any, Any]):
    """A loaded Hash, LruHash or PerCpuHash. Iterating goes over a snapshot, whatever changes meanwhile."""

    def __init__(self, loaded: LoadedMap) -> None:
        self.name = loaded.spec.name
        self.kind = loaded.spec.kind
        self._entries = Entries(loaded)

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
        if not sys.map_delete(self._entries.loaded.fd, self._entries.encode_key(key)):
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
            sys.map_delete(self._entries.loaded.fd, key)

    def to_numpy(self) -> Any:
        """A structured array with the fields `key` and `value` (per CPU: an array of values)."""
        from pyebpf.runtime.arrays import entries_array

        return entries_array(self._entries, self._entries.snapshot())

    def __repr__(self) -> str:
        holds = "closed" if self._entries.loaded.descriptor.closed else f"with {len(self)} entries"
        return f"<{self.kind or 'map'} {self.name}, {holds}>"


class ArrayView:
    """A loaded Array or PerCpuArray: a sequence of fixed length."""

    def __init__(self, loaded: LoadedMap) -> None:
        self.name = loaded.spec.name
        self.kind = loaded.spec.kind
        self._entries = Entries(loaded)
        self._length = loaded.spec.max_entries

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
        from pyebpf.runtime.arrays import entries_array

        found = sorted(self._entries.snapshot(), key=lambda pair: int.from_bytes(pair[0], _order()))
        return entries_array(self._entries, found)["value"]

    def __repr__(self) -> str:
        return f"<{self.kind or 'array'} {self.name} of {self._length}>"


class HistogramView(ArrayView):
    """A loaded Histogram: counts by powers of two."""

    def __init__(self, loaded: LoadedMap, unit: str) -> None:
        super().__init__(loaded)
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
