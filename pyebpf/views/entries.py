"""Entries of a map as Python values. Where they are, subclasses know: in the kernel, or in the simulator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from io import UnsupportedOperation
from typing import Any, final

from pyebpf import layout
from pyebpf.decode import Decoder, decoder
from pyebpf.encode import encode
from pyebpf.kernel.maps import MapType
from pyebpf.records import dataclass
from pyebpf.views.columns import Buffer, Columns, Reader, encoded, grouped, joined, pieces, reader
from pyebpf.views.per_cpu import PerCpu

PER_CPU = (MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH)


@final
@dataclass(frozen=True, slots=True)
class Shape:
    """What a map's entries look like. Sizes in bytes; types are None where the object doesn't say."""

    name: str
    kind: str
    type: int
    """`enum bpf_map_type`."""
    key: layout.Type | None
    value: layout.Type | None
    key_size: int
    value_size: int
    max_entries: int
    cpus: int
    """How many values an entry of a per-CPU map has."""


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


class Entries(ABC):
    """Reading and writing entries of a map, as bytes and as Python values. Raises OSError when that is refused."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.name = shape.name
        self.kind = shape.kind
        self.max_entries = shape.max_entries
        self.key_type = _fitting(shape.key, shape.key_size)
        """None where the object doesn't say: then keys are bytes. The same for values."""
        self.value_type = _fitting(shape.value, shape.value_size)
        self.per_cpu = shape.type in PER_CPU
        self.cpus = shape.cpus
        self.stride = layout.round_up(shape.value_size, 8) if self.per_cpu else shape.value_size
        self.value_bytes = self.stride * self.cpus if self.per_cpu else self.stride
        self._key, self._value = _decoder(self.key_type, shape.key_size), _decoder(self.value_type, shape.value_size)

    @cached_property
    def _read_keys(self) -> Reader:
        return reader(self.key_type, self.shape.key_size)

    @cached_property
    def _read_values(self) -> Reader:
        return reader(self.value_type, self.shape.value_size, self.stride)

    @property
    @abstractmethod
    def closed(self) -> bool:
        """Whether the session is over."""

    def fileno(self) -> int:
        """The map's descriptor. Raises io.UnsupportedOperation where there is no kernel."""
        raise UnsupportedOperation(f"{self.name} isn't in the kernel")

    def memory(self) -> memoryview:
        """The values as programs have them, one every `slot` bytes: what is written there is written for both sides.
        Raises io.UnsupportedOperation where they can't be had."""
        raise UnsupportedOperation(f"{self.name} isn't in the kernel: only there programs and Python share memory")

    def release(self) -> None:
        """Give back the memory that `memory` has got, once nobody looks at it any more."""
        return

    @property
    def slot(self) -> int:
        """Bytes from one value to the next in `memory`."""
        return layout.round_up(self.shape.value_size, 8)

    @abstractmethod
    def lookup(self, key: bytes) -> bytes | None:
        """The value, of all CPUs for per-CPU maps; None if there is no such entry."""

    @abstractmethod
    def update(self, key: bytes, value: bytes) -> None:
        """Write an entry."""

    @abstractmethod
    def delete(self, key: bytes) -> bool:
        """Remove an entry; False if there was none."""

    def insert(self, key: bytes, value: bytes) -> bool:
        """Write an entry if there is none; False if there is one."""
        if self.lookup(key) is not None:
            return False
        self.update(key, value)
        return True

    def remove(self, key: bytes) -> bytes | None:
        """Take an entry out: what it held, or None if there was none."""
        value = self.lookup(key)
        return value if value is not None and self.delete(key) else None

    def take(self) -> bytes | None:
        """Queues and stacks, whose key is `b""`: take what is next, or None. `lookup` leaves it, `update` adds."""
        raise NotImplementedError

    def has(self, value: bytes) -> bool:
        """Whether a Bloom filter, whose one key is `b""`, has `value`, most probably. `update` adds."""
        raise NotImplementedError

    @abstractmethod
    def snapshot(self) -> list[tuple[bytes, bytes]]:
        """All entries."""

    @abstractmethod
    def all_keys(self) -> list[bytes]:
        """All keys."""

    def columns(self) -> Columns:
        """All entries, keys and values apart."""
        return joined(self.snapshot())

    def write(self, columns: Columns) -> int:
        """Write entries in their order. How many were written; raises OSError if none could be."""
        done = 0
        values = pieces(columns.values, self.value_bytes)
        for key, value in zip(pieces(columns.keys, self.shape.key_size), values, strict=True):
            try:
                self.update(key, value)
            except OSError:
                if not done:
                    raise
                return done
            done += 1
        return done

    def drain(self) -> Columns:
        """Take all entries out."""
        taken = []
        for key in self.all_keys():
            value = self.remove(key)
            if value is not None:
                taken.append((key, value))
        return joined(taken)

    def encode_key(self, key: object) -> bytes:
        return _encode(self.key_type, self.shape.key_size, key, f"key of {self.name}")

    def encode_value(self, value: object) -> bytes:
        size = self.shape.value_size
        if not self.per_cpu:
            return _encode(self.value_type, size, value, f"value of {self.name}")
        each = isinstance(value, PerCpu) or (isinstance(value, list) and not self._is_one(value))
        values = list(value) if each else [value] * self.cpus  # type: ignore[call-overload]
        if len(values) != self.cpus:
            raise ValueError(f"value of {self.name} is one value, or one for each of {self.cpus} CPUs")
        parts = [_encode(self.value_type, size, item, f"value of {self.name}") for item in values]
        return b"".join(part.ljust(self.stride, b"\0") for part in parts)

    def _is_one(self, value: list[Any]) -> bool:
        """Whether a list is an array, which is one value, rather than a value for each CPU."""
        return isinstance(self.value_type, layout.Array) and not any(hasattr(item, "__iter__") for item in value)

    def encode(self, entries: Mapping[Any, Any]) -> Columns:
        """Entries as columns."""
        plain = None if self.per_cpu else self.value_type
        keys = encoded(self.key_type, list(entries), self.encode_key)
        return Columns(keys, encoded(plain, list(entries.values()), self.encode_value), len(entries))

    def decode_key(self, data: bytes, offset: int = 0) -> Any:
        return self._key(data, offset)

    def decode_keys(self, keys: Buffer) -> list[Any]:
        """Keys that lie one after the other, as Python objects."""
        return self._read_keys(keys)

    def decode_values(self, columns: Columns) -> list[Any]:
        """All values, as Python objects."""
        found = self._read_values(columns.values)
        return [PerCpu(each) for each in grouped(found, self.cpus)] if self.per_cpu else found

    def decode_value(self, data: bytes, offset: int = 0) -> Any:
        if not self.per_cpu:
            return self._value(data, offset)
        ends = range(offset, offset + self.value_bytes, self.stride)
        return PerCpu(tuple(self._value(data, at) for at in ends))
