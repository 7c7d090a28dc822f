"""The two sections of BTF, types and strings: where they lie, and what a string is.

Source: the kernel's documentation, "BPF Type Format (BTF)".
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import Final, TypeAlias, final

from pyebpf.diagnostics.base import Error
from pyebpf.records import dataclass

Data: TypeAlias = "bytes | mmap.mmap"
"""BTF as bytes, or mapped."""
MAGIC: Final = 0xEB9F
HEADER_SIZE: Final = 24
FIXED: Final = 12
"""Bytes that every type has."""
EXTRA: Final = {1: 4, 3: 12, 14: 4, 17: 4}
"""Bytes behind these, by kind."""
EACH: Final = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}
"""And for each of a type's `vlen` parts, by kind."""
LAST_KIND: Final = 19


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
    def read(data: Data) -> Header:
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
class Sections:
    """BTF as it lies in memory. With a `base` its strings continue those of the base."""

    def __init__(self, data: Data, header: Header, base: Sections | None = None) -> None:
        self.data = data
        self.header = header
        self.base = base
        self.first_string: int = base.end if base else 0
        self.end: int = self.first_string + header.string_length

    def string(self, offset: int) -> bytes:
        """The string at `offset`, without NUL. Raises BtfError."""
        if self.base is not None and offset < self.first_string:
            return self.base.string(offset)
        if not 0 <= offset - self.first_string < self.header.string_length:
            if offset == 0:
                return b""
            raise BtfError(f"name at {offset} is outside of the strings, which end at {self.end}")
        start = self.header.string_start + offset - self.first_string
        # the header was refused unless the last byte is NUL
        end = self.data.find(b"\0", start, self.header.string_start + self.header.string_length)
        return self.data[start:end]

    def occurrences(self, wanted: bytes) -> Iterator[int]:
        """Where the strings have these bytes, those of the base too: as the start, the middle or the end of one."""
        start = self.header.string_start
        end = start + self.header.string_length
        at = self.data.find(wanted, start, end)
        while at >= 0:
            yield at - start + self.first_string
            at = self.data.find(wanted, at + 1, end)
        if self.base is not None:
            yield from self.base.occurrences(wanted)
