"""BTF as bytes: its records and strings in place, to complete what compilers leave to the loader.

Source: the kernel's documentation, "BPF Type Format (BTF)".
"""

from __future__ import annotations

import struct
from typing import Final, final

from pyebpf.kernel.btf_types import Kind
from pyebpf.object.errors import ObjectError
from pyebpf.records import dataclass

_KINDS: Final = tuple(Kind)
"""By their numbers."""
_PER_ENTRY: Final = {
    Kind.STRUCT: 12,
    Kind.UNION: 12,
    Kind.ENUM: 8,
    Kind.FUNC_PROTO: 8,
    Kind.DATASEC: 12,
    Kind.ENUM64: 12,
}
_EXTRA: Final = {Kind.INT: 4, Kind.ARRAY: 12, Kind.VAR: 4, Kind.DECL_TAG: 4}


@final
@dataclass(frozen=True, slots=True)
class Record:
    """A type: its id and where it lies in the bytes."""

    id: int
    at: int
    name: str
    kind: Kind
    count: int
    size: int
    """Or type id."""


@final
@dataclass(frozen=True, slots=True)
class _Places:
    """Where types and strings lie in the bytes."""

    types: int
    types_end: int
    strings: int
    strings_end: int


def _places(data: bytes, order: str) -> _Places:
    """Raises ObjectError."""
    try:
        magic, _, _, header, types, types_size, strings, strings_size = struct.unpack_from(order + "HBBIIIII", data)
    except struct.error:
        raise ObjectError("section .BTF is too short") from None
    if magic != 0xEB9F:
        raise ObjectError("section .BTF does not start with BTF's magic number")
    found = _Places(header + types, header + types + types_size, header + strings, header + strings + strings_size)
    if max(found.types_end, found.strings_end) > len(data):
        raise ObjectError("section .BTF is cut off")
    return found


@final
class Strings:
    """Where each string of BTF stands among them. Raises ObjectError for what is no BTF."""

    def __init__(self, data: bytes, order: str) -> None:
        places = _places(data, order)
        self._offsets: dict[str, int] = {}
        at = 0
        for string in data[places.strings : places.strings_end].split(b"\0"):
            self._offsets.setdefault(string.decode("utf-8", "replace"), at)
            at += len(string) + 1

    def offset(self, text: str) -> int:
        """0, where the empty string is, if `text` isn't there."""
        return self._offsets.get(text, 0)


@final
class RawBtf:
    """A copy of BTF that can be changed in place."""

    def __init__(self, data: bytes, order: str) -> None:
        places = _places(data, order)
        self.order = order
        self.data = bytearray(data)
        self._types, self._types_end = places.types, places.types_end
        self._strings, self._strings_end = places.strings, places.strings_end
        self.records = self._records()

    def string(self, offset: int) -> str:
        """The string at `offset`. Raises ObjectError."""
        start = self._strings + offset
        end = self.data.find(b"\0", start, self._strings_end)
        if start >= self._strings_end or end < 0:
            raise ObjectError(f"section .BTF has no string at {offset}")
        return self.data[start:end].decode("utf-8", "replace")

    def word(self, at: int) -> int:
        """The u32 at `at`."""
        value: int = struct.unpack_from(self.order + "I", self.data, at)[0]
        return value

    def set_word(self, at: int, value: int) -> None:
        """Write the u32 at `at`."""
        struct.pack_into(self.order + "I", self.data, at, value & 0xFFFFFFFF)

    def with_types(self, more: bytes) -> bytes:
        """The BTF with types behind the others; its strings stay where they are, counted from their own start."""
        types = bytes(self.data[self._types : self._types_end]) + more
        strings = bytes(self.data[self._strings : self._strings_end])
        lengths = (24, 0, len(types), len(types), len(strings))
        return struct.pack(f"{self.order}HBBIIIII", 0xEB9F, 1, 0, *lengths) + types + strings

    def _records(self) -> list[Record]:
        found: list[Record] = []
        at = self._types
        while at < self._types_end:
            if at + 12 > self._types_end:
                raise ObjectError("section .BTF: the last type is cut off")
            name, info, size = struct.unpack_from(self.order + "III", self.data, at)
            number, count = info >> 24 & 31, info & 0xFFFF
            if not 0 < number < len(_KINDS):
                raise ObjectError(f"section .BTF: type {len(found) + 1} is of kind {number}, which is not known")
            kind = _KINDS[number]
            found.append(Record(len(found) + 1, at, self.string(name), kind, count, size))
            at += 12 + _EXTRA.get(kind, 0) + _PER_ENTRY.get(kind, 0) * count
        if at != self._types_end:
            raise ObjectError("section .BTF: the last type is cut off")
        return found
