"""The index of a BTF: where each type starts, and which types have which name.

    offsets   by type number, the offset in the type section; u32
    by_name   checksum of the essential name << 32 | type number, sorted; u64
    by_offset offset of the name << 32 | type number, sorted; u64

One pass finds the offsets, and makes sure that every type lies in the section whole: after that, decoding a type needs
no check of its extent. What is asked by name is made when it is asked for.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final, TypeAlias, final

from pyebpf.kernel.btf_names import SEPARATOR, essential
from pyebpf.kernel.btf_sections import EACH, EXTRA, FIXED, LAST_KIND, BtfError, Sections

_EARLY: Final = 20_000
"""How many types of a large BTF are walked through before the whole index is made."""
_FEW: Final = 4
"""How many of them are looked for by their names so: each time all strings are gone through."""
_NUMBER: Final = 0xFFFFFFFF

Numbers: TypeAlias = "array[int] | memoryview[int]"


@final
class Index:
    """Type numbers count from 0, the first type of this BTF."""

    def __init__(self, sections: Sections, offsets: Numbers, by_name: Numbers | None = None) -> None:
        self.offsets = offsets
        self._sections = sections
        self._by_name = by_name
        self._by_offset: array[int] | None = None

    @property
    def count(self) -> int:
        """How many types there are."""
        return len(self.offsets)

    @property
    def by_name(self) -> Numbers:
        if self._by_name is None:
            self._by_name = array("Q", sorted(_by_name(self._sections, _names(self._sections, self.offsets))))
        return self._by_name

    @property
    def by_offset(self) -> array[int]:
        if self._by_offset is None:
            names = _names(self._sections, self.offsets)
            self._by_offset = array("Q", sorted(name << 32 | number for number, name in enumerate(names) if name))
        return self._by_offset

    def named(self, essential_name: bytes) -> Iterator[int]:
        """The types that may have this essential name, in order; some may have the same checksum only."""
        wanted = zlib.crc32(essential_name) << 32
        at = bisect_left(self.by_name, wanted)
        while at < len(self.by_name) and self.by_name[at] ^ wanted <= _NUMBER:
            yield self.by_name[at] & _NUMBER
            at += 1

    def at(self, name_offset: int) -> Iterator[int]:
        """The types whose name stands at `name_offset`, in order."""
        at = bisect_left(self.by_offset, name_offset << 32)
        while at < len(self.by_offset) and self.by_offset[at] >> 32 == name_offset:
            yield self.by_offset[at] & _NUMBER
            at += 1

    def all_named(self) -> Iterator[tuple[int, int]]:
        """Name offset and number of every type that has a name, by name offset."""
        for entry in self.by_offset:
            yield entry >> 32, entry & _NUMBER

    def offset(self, number: int) -> int | None:
        """Where type `number` stands, None if there is none."""
        return self.offsets[number] if 0 <= number < len(self.offsets) else None

    def early(self, name_offsets: Callable[[], frozenset[int]], kind: int) -> int | None:
        """Nothing is gained by looking among the first types only."""
        return None


@final
class GrowingIndex:
    """The index of a large BTF, made as far as it is needed.

    Compilers write first what most of a kernel uses: `task_struct` is among the first thousand of a hundred thousand
    types. So the first types are walked through one by one; who asks beyond them, or for more than a few, gets the
    whole index, which the next process finds made.
    """

    def __init__(self, sections: Sections, whole: Callable[[], Index]) -> None:
        self._data = sections.data
        self._header = sections.header
        self._make_whole = whole
        self._words = struct.Struct(">II" if sections.header.big_endian else "<II")
        self._offsets = array("I")
        self._next = 0
        self._asked = 0
        self._whole: Index | None = None

    def _complete(self) -> Index:
        if self._whole is None:
            self._whole = self._make_whole()
        return self._whole

    @property
    def count(self) -> int:
        return self._complete().count

    def named(self, essential_name: bytes) -> Iterator[int]:
        return self._complete().named(essential_name)

    def at(self, name_offset: int) -> Iterator[int]:
        return self._complete().at(name_offset)

    def all_named(self) -> Iterator[tuple[int, int]]:
        return self._complete().all_named()

    def offset(self, number: int) -> int | None:
        """Where type `number` stands, None if there is none."""
        if self._whole is None and 0 <= number < _EARLY:
            while len(self._offsets) <= number and self._walk():
                pass
            if number < len(self._offsets):
                return self._offsets[number]
        return self._complete().offset(number)

    def early(self, name_offsets: Callable[[], frozenset[int]], kind: int) -> int | None:
        """The first type of this kind with a name at one of these offsets, if it is among the first types."""
        self._asked += 1
        wanted = name_offsets() if self._whole is None and self._asked <= _FEW else ()
        number = 0
        while wanted and number < _EARLY:
            if number >= len(self._offsets) and not self._walk():
                break
            name, info = self._words.unpack_from(self._data, self._header.type_start + self._offsets[number])
            if name in wanted and info >> 24 & 0x1F == kind:
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
        if not 0 < kind <= LAST_KIND:
            raise BtfError(f"type number {len(self._offsets)}, at {at}, is of kind {kind}, which is not known")
        end = at + 12 + EXTRA.get(kind, 0) + EACH.get(kind, 0) * (info & 0xFFFF)
        if end > self._header.type_length:
            raise BtfError(f"type number {len(self._offsets)}, at {at}, ends outside of the type section")
        self._offsets.append(at)
        self._next = end
        return True


def make_index(sections: Sections) -> Index:
    """One pass over the type section. Raises BtfError."""
    words = _words(sections)
    offsets = array("I")
    extra = [(EXTRA.get(kind, 0) + FIXED) // 4 for kind in range(32)]
    each = [EACH.get(kind, 0) // 4 for kind in range(32)]
    at, end = 0, len(words)
    while at + 2 < end:
        info = words[at + 1]
        kind = info >> 24 & 0x1F
        if not 0 < kind <= LAST_KIND:
            raise BtfError(f"type number {len(offsets)}, at {at * 4}, is of kind {kind}, which is not known")
        offsets.append(at * 4)
        at += extra[kind] + each[kind] * (info & 0xFFFF)
    if at != end:
        raise BtfError(f"the last type ends at {at * 4}, the type section at {end * 4}")
    return Index(sections, offsets)


def _words(sections: Sections) -> array[int]:
    """The type section as u32."""
    header = sections.header
    words = array("I", sections.data[header.type_start : header.type_start + header.type_length])
    if words.itemsize != 4:  # no platform of ours, but the layout of the index hangs on it
        raise BtfError("this Python's array('I') doesn't have 4 bytes")
    if (sys.byteorder == "big") != header.big_endian:
        words.byteswap()
    return words


def _names(sections: Sections, offsets: Numbers) -> list[int]:
    """The offset of each type's name."""
    words = _words(sections)
    return [words[at >> 2] for at in offsets]


def _by_name(sections: Sections, names: list[int]) -> list[int]:
    """Names that start inside of others, or among the strings of a base, are looked up one by one."""
    header = sections.header
    section = sections.data[header.string_start : header.string_start + header.string_length]
    separator = SEPARATOR.encode()
    pieces = section.split(b"\0")
    starts = accumulate(pieces, lambda at, piece: at + len(piece) + 1, initial=0)
    checksums = dict(zip(starts, map(zlib.crc32, pieces), strict=False))
    at = section.find(separator)
    while at >= 0:  # names with flavours are few
        checksums.pop(section.rfind(b"\0", 0, at) + 1, None)
        at = section.find(separator, section.find(b"\0", at) + 1)
    found = []
    first = sections.first_string
    for number, name in enumerate(names):
        if not name:
            continue
        checksum = checksums.get(name - first)
        if checksum is None:
            try:
                text = sections.string(name).decode("latin-1")
            except BtfError:
                continue  # told of when the type itself is asked for
            checksum = zlib.crc32(essential(text).encode("latin-1"))
        found.append(checksum << 32 | number)
    return found
