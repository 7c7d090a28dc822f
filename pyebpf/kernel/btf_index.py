"""The index of a BTF: where each type starts, and which types have which name.

    offsets   array of u32: by type number, the offset in the type section
    names     array of u64, sorted: offset of the name << 32 | type number

Made in one pass, which also checks that every type lies in the section whole; after that, decoding a
type needs no check of its extent. For a kernel's BTF the pass takes some 60 ms, so its result is kept
in the cache under the hash of the BTF.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, final

from pyebpf import cache
from pyebpf.diagnostics.base import Error
from pyebpf.records import dataclass

MAGIC: Final = 0xEB9F
HEADER_SIZE: Final = 24
_VERSION: Final = 1
"""Of the cached form; part of its file name."""
_WORTH_CACHING: Final = 256 << 10
"""Bytes of BTF from which reading the index back is faster than making it."""
_EARLY: Final = 20_000
"""How many types of a large BTF are walked through before the whole index is made."""
_CACHE_HEADER: Final = struct.Struct("=8sIII")
_CACHE_MAGIC: Final = b"pbtfidx" + (b"<" if sys.byteorder == "little" else b">")

# Bytes behind the 12 that every type has: a fixed number, and a number for each of its `vlen` parts.
_EXTRA: Final = {1: 4, 3: 12, 14: 4, 17: 4}
_EACH: Final = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}
_LAST_KIND: Final = 19


class BtfError(Error):
    """The BTF can't be read, or is malformed; says what, and where."""


@final
@dataclass(frozen=True, slots=True)
class Header:
    """Where the sections lie in the data, in bytes."""

    big_endian: bool
    type_start: int
    type_length: int
    string_start: int
    string_length: int

    @staticmethod
    def read(data: bytes) -> Header:
        """Check and decode the header. Raises BtfError."""
        if len(data) < HEADER_SIZE:
            raise BtfError(f"BTF of {len(data)} bytes is shorter than its header ({HEADER_SIZE})")
        big_endian = data[:2] == MAGIC.to_bytes(2, "big")
        if not big_endian and data[:2] != MAGIC.to_bytes(2, "little"):
            raise BtfError(f"not BTF: starts with {data[:2].hex()}, not with eb9f or 9feb")
        order = ">" if big_endian else "<"
        version, _, length, type_at, type_length, string_at, string_length = struct.unpack_from(
            order + "BBIIIII", data, 2
        )
        if version != 1:
            raise BtfError(f"BTF version {version} is not known")
        if not HEADER_SIZE <= length <= len(data):
            raise BtfError(f"BTF header gives its own length as {length}, in {len(data)} bytes")
        header = Header(big_endian, length + type_at, type_length, length + string_at, string_length)
        if type_length % 4 or type_at % 4:
            raise BtfError(f"type section at {type_at}, of {type_length} bytes, is not aligned to 4")
        if header.type_start + type_length > len(data):
            raise BtfError(f"type section ends at {header.type_start + type_length}, the data at {len(data)}")
        if header.string_start + string_length > len(data):
            raise BtfError(f"string section ends at {header.string_start + string_length}, the data at {len(data)}")
        if string_length and data[header.string_start + string_length - 1]:
            raise BtfError("string section doesn't end with NUL")
        return header


@final
@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Type numbers count from 0, the first type of this BTF."""

    offsets: array[int]
    names: array[int]

    def numbers(self, name_offset: int) -> Iterator[int]:
        """The types whose name stands at `name_offset`, in order."""
        at = bisect_left(self.names, name_offset << 32)
        while at < len(self.names) and self.names[at] >> 32 == name_offset:
            yield self.names[at] & 0xFFFFFFFF
            at += 1

    def named(self) -> Iterator[tuple[int, int]]:
        """Name offset and number of every type that has a name, by name offset."""
        for entry in self.names:
            yield entry >> 32, entry & 0xFFFFFFFF

    def offset(self, number: int) -> int | None:
        """Where type `number` stands, None if there is none."""
        return self.offsets[number] if 0 <= number < len(self.offsets) else None

    def early(self, name_offsets: frozenset[int], kind: int) -> int | None:
        """Nothing is gained by looking among the first types only."""
        return None


class GrowingIndex:
    """The index of a large BTF, made as far as it is needed.

    Compilers write first what most of a kernel uses: `task_struct` is among the first thousand of a hundred thousand
    types. So the first types are walked through one by one; who asks beyond them gets the whole index.
    """

    def __init__(self, data: bytes, header: Header) -> None:
        self._data = data
        self._header = header
        self._words = struct.Struct(">II" if header.big_endian else "<II")
        self._offsets = array("I")
        self._next = 0
        self._whole: Index | None = None

    def _complete(self) -> Index:
        if self._whole is None:
            self._whole = index_of(self._data, self._header)
        return self._whole

    @property
    def offsets(self) -> array[int]:
        return self._complete().offsets

    def numbers(self, name_offset: int) -> Iterator[int]:
        return self._complete().numbers(name_offset)

    def named(self) -> Iterator[tuple[int, int]]:
        return self._complete().named()

    def offset(self, number: int) -> int | None:
        """Where type `number` stands, None if there is none."""
        if self._whole is None and 0 <= number < _EARLY:
            while len(self._offsets) <= number and self._walk():
                pass
            if number < len(self._offsets):
                return self._offsets[number]
        return self._complete().offset(number)

    def early(self, name_offsets: frozenset[int], kind: int) -> int | None:
        """The first type of this kind with one of these names, if it is among the first types."""
        number = 0
        while self._whole is None and name_offsets and number < _EARLY:
            if number >= len(self._offsets) and not self._walk():
                break
            name, info = self._words.unpack_from(self._data, self._header.type_start + self._offsets[number])
            if name in name_offsets and info >> 24 & 0x1F == kind:
                return number
            number += 1
        return None

    def _walk(self) -> bool:
        """Find the place of one more type; False at the end. Raises BtfError."""
        at = self._next
        if at + 12 > self._header.type_length:
            return False
        _, info = self._words.unpack_from(self._data, self._header.type_start + at)
        kind = info >> 24 & 0x1F
        if not 0 < kind <= _LAST_KIND:
            raise BtfError(f"type number {len(self._offsets)}, at {at}, is of kind {kind}, which is not known")
        end = at + 12 + _EXTRA.get(kind, 0) + _EACH.get(kind, 0) * (info & 0xFFFF)
        if end > self._header.type_length:
            raise BtfError(f"type number {len(self._offsets)}, at {at}, ends outside of the type section")
        self._offsets.append(at)
        self._next = end
        return True


def open_index(data: bytes, header: Header) -> Index | GrowingIndex:
    """The index of `data`: whole where that is quick. Raises BtfError."""
    return make_index(data, header) if len(data) < _WORTH_CACHING else GrowingIndex(data, header)


def index_of(data: bytes, header: Header) -> Index:
    """The index of `data`, from the cache or made. Raises BtfError."""
    if len(data) < _WORTH_CACHING:
        return make_index(data, header)
    name = f"btf-{blake2b(data, digest_size=20).hexdigest()}-{_VERSION}"
    cached = cache.read(name)
    index = unpack_index(cached, header) if cached is not None else None
    if index is None:
        index = make_index(data, header)
        cache.write(name, pack_index(index))
    return index


def make_index(data: bytes, header: Header) -> Index:
    """One pass over the type section. Raises BtfError."""
    order = ">" if header.big_endian else "<"
    words = array("I", data[header.type_start : header.type_start + header.type_length])
    if words.itemsize != 4:  # no platform of ours, but the layout of the file hangs on it
        raise BtfError("this Python's array('I') doesn't have 4 bytes")
    if (sys.byteorder == "little") != (order == "<"):
        words.byteswap()
    offsets, names = array("I"), []
    extra = [_EXTRA.get(kind, 0) // 4 + 3 for kind in range(32)]
    each = [_EACH.get(kind, 0) // 4 for kind in range(32)]
    at, end, number = 0, len(words), 0
    while at + 2 < end:
        info = words[at + 1]
        kind = info >> 24 & 0x1F
        if not 0 < kind <= _LAST_KIND:
            raise BtfError(f"type number {number}, at {at * 4}, is of kind {kind}, which is not known")
        offsets.append(at * 4)
        if name := words[at]:
            names.append(name << 32 | number)
        at += extra[kind] + each[kind] * (info & 0xFFFF)
        number += 1
    if at != end:
        raise BtfError(f"the last type ends at {at * 4}, the type section at {end * 4}")
    names.sort()
    return Index(offsets, array("Q", names))


def pack_index(index: Index) -> bytes:
    """The cached form: header with lengths and checksum, then both arrays."""
    body = index.offsets.tobytes() + index.names.tobytes()
    return _CACHE_HEADER.pack(_CACHE_MAGIC, len(index.offsets), len(index.names), zlib.crc32(body)) + body


def unpack_index(packed: bytes, header: Header) -> Index | None:
    """The index in `packed`, or None if it is damaged or can't belong to this BTF."""
    if len(packed) < _CACHE_HEADER.size:
        return None
    magic, count, named, checksum = _CACHE_HEADER.unpack_from(packed)
    body = memoryview(packed)[_CACHE_HEADER.size :]
    if magic != _CACHE_MAGIC or len(body) != count * 4 + named * 8 or zlib.crc32(body) != checksum:
        return None
    offsets, names = array("I"), array("Q")
    offsets.frombytes(body[: count * 4])
    names.frombytes(body[count * 4 :])
    if offsets and (offsets[0] or offsets[-1] > header.type_length - 12):
        return None
    if named > count or (names and max(entry & 0xFFFFFFFF for entry in (names[0], names[-1])) >= count):
        return None
    return Index(offsets, names)
