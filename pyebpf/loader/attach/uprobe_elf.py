"""Programs and shared libraries, as far as probes need them: where functions begin, and where that is in the file.

Files are anybody's: every offset is checked before it is followed, what doesn't fit is a BinaryError, and nothing is
mapped, since a file that somebody makes shorter meanwhile would end the process. A library for ELF would do the same,
tenfold slower: symbols are read as columns of numbers here, and only the names that are wanted as text.

Source: the System V ABI, "Object Files"; "ELF symbol versioning" in the Linux Standard Base.
"""

from __future__ import annotations

import os
import platform
import stat
import struct
import sys
from array import array
from collections.abc import Iterator
from functools import cached_property
from types import TracebackType
from typing import Final, final

from pyebpf.records import dataclass

MACHINES: Final = {"x86_64": 62, "aarch64": 183, "s390x": 22, "riscv64": 243, "ppc64le": 21}
LARGEST_SECTION: Final = 1 << 30
"""Bytes. The symbol tables of the largest browsers have a tenth of that."""
_MOST_SECTIONS: Final = 1 << 16
_LONGEST_NAME: Final = 256
"""Letters of a section's name."""
_LARGEST_NAMES: Final = 64 << 20
"""Bytes of all sections' names, which some linkers lay with those of symbols."""
_LARGEST_NOTES: Final = 1 << 20
_MOST_NOTES: Final = 64
"""Segments with notes; programs have two or three."""
SYMBOL: Final = struct.Struct("=IBBHQQ")
_PT_LOAD, _PT_DYNAMIC, _PT_NOTE = 1, 2, 4
SHT_SYMTAB, SHT_NOBITS, SHT_DYNSYM = 2, 8, 11
SHT_VERDEF, SHT_VERSYM = 0x6FFFFFFD, 0x6FFFFFFF
_NT_GNU_BUILD_ID: Final = 3
EXECUTABLE: Final = 1
FUNCTION, INDIRECT = 2, 10
"""Types of symbols; the second is a function that says which other one is meant (STT_GNU_IFUNC)."""
LOCAL: Final = 0
ET_EXEC: Final = 2
_HIDDEN_VERSION: Final = 0x8000


class BinaryError(Exception):
    """A file that isn't a program or library for this machine, or is a broken one."""


@final
@dataclass(frozen=True, slots=True)
class Segment:
    """What is mapped: `size` bytes of the file at `offset`, at `address`."""

    offset: int
    address: int
    size: int
    flags: int


@final
@dataclass(frozen=True, slots=True)
class Section:
    name: str
    type: int
    address: int
    offset: int
    size: int
    link: int
    count: int
    """`sh_info`: for version definitions, how many there are."""


@final
@dataclass(frozen=True, slots=True)
class FoundSymbol:
    """A symbol of the name that was looked for. `section` 0: it is wanted from another file."""

    value: int
    size: int
    type: int
    binding: int
    section: int
    default: bool
    """Whether it is what the name alone stands for, among several versions."""


@final
class Binary:
    """An ELF file, open until `close`."""

    def __init__(self, path: str, fd: int | None = None) -> None:
        """Raises BinaryError, and OSError. A file that is open already, `fd`, is closed with this, or by an error."""
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK) if fd is None else fd
        try:
            status = os.fstat(self._fd)
            if not stat.S_ISREG(status.st_mode):
                raise BinaryError("it is no regular file")
            self.size = status.st_size
            self.identity = (status.st_dev, status.st_ino)
            self._read_header()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Binary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_header(self) -> None:
        header = os.pread(self._fd, 64, 0)
        if header[:4] != b"\x7fELF":
            raise BinaryError("it is not an ELF file, so neither a program nor a shared library")
        if len(header) < 64:
            raise BinaryError("the ELF header is cut off")
        if header[4] != 2:
            raise BinaryError("it is for 32-bit processes, whose arguments pyebpf can't find")
        if header[5] != (1 if sys.byteorder == "little" else 2):
            raise BinaryError("it is for machines of another byte order")
        self.type, machine = struct.unpack_from("=HH", header, 16)
        if machine != MACHINES.get(platform.machine(), machine):
            raise BinaryError(f"it is for another machine than this ({platform.machine()})")
        if self.type not in (2, 3):
            raise BinaryError("it is neither a program nor a shared library")
        at, self._sections_at = struct.unpack_from("=QQ", header, 32)
        size, count, self._section_size, self._section_count, self._names_index = struct.unpack_from("=5H", header, 54)
        if count and size != 56:
            raise BinaryError(f"its program headers have {size} bytes each, not 56")
        self.segments, self._notes = self._read_segments(self.read(at, size * count, "its program headers"))

    def _read_segments(self, data: bytes) -> tuple[tuple[Segment, ...], tuple[tuple[int, int], ...]]:
        segments: list[Segment] = []
        notes: list[tuple[int, int]] = []
        for kind, flags, offset, address, _, size, _, _ in struct.iter_unpack("=IIQQQQQQ", data):
            if kind == _PT_LOAD:
                segments.append(Segment(offset, address, size, flags))
            elif kind == _PT_NOTE and len(notes) < _MOST_NOTES and size <= _LARGEST_NOTES:
                notes.append((offset, size))
        return tuple(segments), tuple(notes)

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Bytes of the file, all of them. Raises BinaryError."""
        if size > LARGEST_SECTION:
            raise BinaryError(f"{what} are said to have {size} bytes")
        if offset + size > self.size:
            raise BinaryError(f"{what} lie outside of the file")
        data = os.pread(self._fd, size, offset) if size else b""
        if len(data) != size:  # made shorter while it is read
            raise BinaryError(f"{what} lie outside of the file")
        return data

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """None of them where they were stripped off."""
        count, size = self._section_count, self._section_size
        if not self._sections_at:
            return ()
        if size != 64:
            raise BinaryError(f"its section headers have {size} bytes each, not 64")
        layout = struct.Struct("=IIQQQQIIQQ")
        first = layout.unpack(self.read(self._sections_at, size, "its sections"))
        count = count or first[5]  # there may be more than the header has room for
        index = first[6] if self._names_index == 0xFFFF else self._names_index
        if count > _MOST_SECTIONS or index >= count:
            raise BinaryError("its section headers are wrong")
        headers = list(layout.iter_unpack(self.read(self._sections_at, size * count, "its sections")))
        names = self.read(headers[index][4], min(headers[index][5], _LARGEST_NAMES), "the names of its sections")
        return tuple(Section(_text(names, h[0], _LONGEST_NAME), h[1], h[3], h[4], h[5], h[6], h[7]) for h in headers)

    def section(self, name: str) -> Section | None:
        """The first section of that name."""
        return next((section for section in self.sections if section.name == name), None)

    def data(self, section: Section) -> bytes:
        """What is in a section."""
        if section.type == SHT_NOBITS:
            return b""
        return self.read(section.offset, section.size, f"the bytes of section {section.name}")

    def offset_of(self, address: int, flags: int = 0) -> int | None:
        """Where in the file what is mapped at `address` lies; None if it isn't, or not in a segment with `flags`."""
        for segment in self.segments:
            if segment.address <= address < segment.address + segment.size and segment.flags & flags == flags:
                return address - segment.address + segment.offset
        return None

    def code_offset(self, address: int) -> int | None:
        """Where in the file an instruction lies."""
        return self.offset_of(address, EXECUTABLE)

    @cached_property
    def build_id(self) -> str:
        """In hexadecimal; "" if it has none."""
        for offset, size in self._notes:
            for name, kind, value, _ in notes(self.read(offset, size, "its notes")):
                if name == b"GNU" and kind == _NT_GNU_BUILD_ID:
                    return value.hex()
        return ""

    @cached_property
    def tables(self) -> tuple[SymbolTable, ...]:
        """What the file exports, and the whole table of symbols if it wasn't stripped off."""
        return tuple(self._tables())

    def _tables(self) -> Iterator[SymbolTable]:
        for section in self.sections:
            if section.type not in (SHT_DYNSYM, SHT_SYMTAB):
                continue
            if section.link >= len(self.sections):
                raise BinaryError("its symbols have no names")
            exported = section.type == SHT_DYNSYM
            found = [each for each in self.sections if each.type == SHT_VERSYM] if exported else []
            versions = self.data(found[0]) if found else b""
            yield SymbolTable(
                self.data(section), self.data(self.sections[section.link]), versions, self._version_names, exported
            )

    @cached_property
    def whole(self) -> bool:
        """Whether it has all its symbols, not only what it exports."""
        return any(not table.exported for table in self.tables)

    @cached_property
    def _version_names(self) -> dict[int, str]:
        """Names of the versions that the file defines, by number."""
        section = next((each for each in self.sections if each.type == SHT_VERDEF), None)
        if section is None or section.link >= len(self.sections):
            return {}
        data, names = self.data(section), self.data(self.sections[section.link])
        found: dict[int, str] = {}
        at = 0
        for _ in range(min(section.count, len(data) // 20)):
            if at + 20 > len(data):
                break
            number, first, following = struct.unpack_from("=4xH6xII", data, at)
            if at + first + 4 <= len(data):
                found[number] = _text(names, struct.unpack_from("=I", data, at + first)[0])
            if not following:
                break
            at += following
        return found


@final
class SymbolTable:
    """The symbols of one section, read as columns."""

    def __init__(
        self, data: bytes, names: bytes, versions: bytes, version_names: dict[int, str], exported: bool
    ) -> None:
        if len(data) % SYMBOL.size:
            raise BinaryError("its table of symbols is cut off")
        self._data = data
        self._names = names
        self._versions = array("H", versions[: len(versions) // 2 * 2])
        self._version_names = version_names
        self.exported = exported

    def find(self, name: str) -> list[FoundSymbol]:
        """All symbols of that name, `name@VERSION` and `name@@VERSION` too."""
        base, at, version = name.partition("@")
        found = self._find(base, version.removeprefix("@"))
        if at and not self.exported:  # there versions are a part of the name
            found = [each for text in (name, f"{base}@{version}") for each in self._find(text, "")] or found
        return found

    def _find(self, name: str, version: str) -> list[FoundSymbol]:
        wanted = name.encode("utf-8", "surrogateescape") + b"\0"
        places = set()
        at = self._names.find(wanted) if name else -1
        while at >= 0:  # a name may be the end of another one
            places.add(at)
            at = self._names.find(wanted, at + 1)
        if not places:
            return []
        words = array("I", self._data)
        found = []
        for number, place in enumerate(words[0::6]):
            if place in places:
                symbol = self._symbol(number, version)
                if symbol is not None:
                    found.append(symbol)
        return found

    def _symbol(self, number: int, version: str) -> FoundSymbol | None:
        _, info, _, section, value, size = SYMBOL.unpack_from(self._data, number * SYMBOL.size)
        index = self._versions[number] if number < len(self._versions) else 0
        if version and self._version_names.get(index & ~_HIDDEN_VERSION) != version:
            return None
        return FoundSymbol(value, size, info & 15, info >> 4, section, not index & _HIDDEN_VERSION)

    def functions(self) -> Iterator[tuple[str, int]]:
        """Names and addresses of all functions that are in the file."""
        for place, info, _, section, value, _ in SYMBOL.iter_unpack(self._data):
            if info & 15 == FUNCTION and section:
                yield _text(self._names, place).partition("@")[0], value


def notes(data: bytes) -> Iterator[tuple[bytes, int, bytes, int]]:
    """Notes: the name of who made them, type, contents, and where those begin. What is cut off is passed over."""
    at = 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from("=III", data, at)
        start = at + 12 + (name_size + 3 & ~3)
        if start + size > len(data):
            return
        yield data[at + 12 : at + 12 + name_size].rstrip(b"\0"), kind, data[start : start + size], start
        at = start + (size + 3 & ~3)


def _text(names: bytes, at: int, most: int = 4096) -> str:
    """The text at a place among names, of which `most` bytes are looked at; "" where there is none."""
    end = names.find(b"\0", at, at + most)
    return names[at : end if end >= 0 else at + most].decode("utf-8", "surrogateescape")
