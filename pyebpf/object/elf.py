"""Just the parts of ELF that BPF objects use: 64-bit relocatable files, sections, symbols, REL records.

Source: the System V ABI, "Object Files"; the kernel's documentation "BPF LLVM Relocations" for the types.
Every offset in the file is checked before it is followed; what doesn't fit is an ObjectError.
"""

from __future__ import annotations

import struct
from typing import Final, final

from pyebpf.object.errors import ObjectError
from pyebpf.records import dataclass

LARGEST_FILE: Final = 256 << 20
"""Bytes. clang's largest objects, all kernel types and DWARF included, stay below 10 MB."""
_MACHINE_BPF: Final = 247
_RELOCATABLE: Final = 1
_NOBITS: Final = 8
_SYMTAB: Final = 2
_SYMTAB_SHNDX: Final = 18
_XINDEX: Final = 0xFFFF
"""In place of a section's number: it is elsewhere."""
_RESERVED: Final = 0xFF00
"""From here on numbers of sections mean something else (absolute and common symbols)."""
NOWHERE: Final = -1
_REL: Final = 9
_RELA: Final = 4
_EXEC: Final = 4
_ALLOC: Final = 2
_LARGEST_BSS: Final = 256 << 20

LOCAL, GLOBAL, WEAK = 0, 1, 2
OBJECT, FUNC, SECTION = 1, 2, 3


@final
@dataclass(frozen=True, slots=True)
class ElfSection:
    """A section. `size` counts for `.bss` too, which has no data in the file."""

    index: int
    name: str
    type: int
    flags: int
    data: bytes
    size: int
    link: int
    info: int

    @property
    def executable(self) -> bool:
        return bool(self.flags & _EXEC)

    @property
    def allocated(self) -> bool:
        return bool(self.flags & _ALLOC)

    @property
    def is_bss(self) -> bool:
        return self.type == _NOBITS


@final
@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol. `section` is 0 for externs, NOWHERE for what lies in none."""

    name: str
    section: int
    value: int
    size: int
    type: int
    binding: int
    hidden: bool


@final
@dataclass(frozen=True, slots=True)
class ElfRelocation:
    """A REL record: the addend lies in the place itself."""

    offset: int
    type: int
    symbol: Symbol


@final
class Elf:
    """A parsed file."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 64 or data[:4] != b"\x7fELF":
            raise ObjectError("not an ELF file")
        if len(data) > LARGEST_FILE:
            raise ObjectError(f"{len(data)} bytes are too many for a BPF object")
        if data[4] != 2:
            raise ObjectError("a 32-bit ELF file; BPF objects are 64-bit")
        if data[5] not in (1, 2):
            raise ObjectError("the ELF header gives no byte order")
        self.big_endian = data[5] == 2
        self.order = ">" if self.big_endian else "<"
        self._data = data
        kind, machine = struct.unpack_from(self.order + "HH", data, 16)
        if machine != _MACHINE_BPF:
            raise ObjectError(f"an ELF file for machine {machine}, not for BPF (machine {_MACHINE_BPF})")
        if kind != _RELOCATABLE:
            raise ObjectError(f"an ELF file of type {kind}; BPF objects are relocatable files (type {_RELOCATABLE})")
        self.sections = self._sections()
        self.symbols = self._symbols()
        self._tables: dict[int, list[ElfSection]] = {}
        for table in self.sections:
            if table.type in (_REL, _RELA):
                self._tables.setdefault(table.info, []).append(table)
        self._check_tables()

    def _check_tables(self) -> None:
        """Relocations that are passed over would leave instructions that do something else."""
        named = {f".rel{section.name}": section for section in self.sections if section.executable and section.name}
        for table in self.sections:
            target = named.get(table.name)
            if target is not None and table.type not in (_REL, _RELA):
                raise ObjectError(f"section {table.name} is no table of relocations")
            other = self.sections[table.info] if table.info < len(self.sections) else None
            if target is not None and (other is None or other.name != target.name):
                raise ObjectError(f"section {table.name} is for another section than its name says")

    def section(self, name: str) -> ElfSection | None:
        """The section of that name. Raises ObjectError if there are two."""
        found = [section for section in self.sections if section.name == name]
        if len(found) > 1:
            raise ObjectError(f"there are two sections {name}")
        return found[0] if found else None

    def relocations(self, section: ElfSection) -> list[ElfRelocation]:
        """The relocations of `section`, in order of offset."""
        found = []
        for table in self._tables.get(section.index, ()):
            if table.type == _RELA:
                raise ObjectError(f"section {table.name}: BPF objects use REL, not RELA relocations")
            if len(table.data) % 16:
                raise ObjectError(f"section {table.name}: its size is no multiple of 16")
            for offset, info in struct.iter_unpack(self.order + "QQ", table.data):
                number = info >> 32
                if offset >= section.size:
                    raise ObjectError(f"section {table.name}: a relocation at {offset}, behind the end of its section")
                if number >= len(self.symbols):
                    raise ObjectError(f"section {table.name}: relocation of symbol {number}, which doesn't exist")
                found.append(ElfRelocation(offset, info & 0xFFFFFFFF, self.symbols[number]))
        return sorted(found, key=lambda relocation: relocation.offset)

    def _sections(self) -> list[ElfSection]:
        start = struct.unpack_from(self.order + "Q", self._data, 40)[0]
        size, count, names_index = struct.unpack_from(self.order + "HHH", self._data, 58)
        layout = struct.Struct(self.order + "IIQQQQIIQQ")
        if size != 64 or not start:
            raise ObjectError("the ELF file has no section table")
        if start + size > len(self._data):
            raise ObjectError("the ELF section table lies outside of the file")
        first = layout.unpack_from(self._data, start)
        count = count or first[5]  # from 65,280 sections on, numbers are in the first section's header
        names_index = first[6] if names_index == _XINDEX else names_index
        if start + size * count > len(self._data):
            raise ObjectError("the ELF section table lies outside of the file")
        headers = [layout.unpack_from(self._data, start + size * i) for i in range(count)]
        if not 0 < names_index < count:
            raise ObjectError("the ELF file has no section names")
        names = self._slice(headers[names_index], "the table of section names")
        sections = []
        total = 0
        for index, header in enumerate(headers):
            name = _string(names, header[0], f"section {index}")
            nobits = header[1] == _NOBITS
            if nobits and header[5] > _LARGEST_BSS:
                raise ObjectError(f"section {name}: {header[5]} bytes are too many")
            contents = b"" if nobits or not header[1] else self._slice(header, f"section {name}")
            total += len(contents)
            if total > 4 * len(self._data):
                raise ObjectError("the ELF sections overlap")
            sections.append(ElfSection(index, name, header[1], header[2], contents, header[5], header[6], header[7]))
        return sections

    def _slice(self, header: tuple[int, ...], what: str) -> bytes:
        offset, size = header[4], header[5]
        if offset + size > len(self._data):
            raise ObjectError(f"{what} lies outside of the file")
        return self._data[offset : offset + size]

    def _symbols(self) -> list[Symbol]:
        table = next((section for section in self.sections if section.type == _SYMTAB), None)
        if table is None:
            raise ObjectError("the ELF file has no symbols")
        if len(table.data) % 24 or table.link >= len(self.sections):
            raise ObjectError("the ELF symbol table is malformed")
        names = self.sections[table.link].data
        symbols = []
        wide = self._wide_indexes(table)
        for at, (name, info, other, section, value, size) in enumerate(
            struct.iter_unpack(self.order + "IBBHQQ", table.data)
        ):
            if section == _XINDEX:
                section = wide[at] if at < len(wide) else _XINDEX
                if not 0 < section < len(self.sections):
                    raise ObjectError(f"a symbol lies in section {section}, which doesn't exist")
            elif section >= _RESERVED:
                section = NOWHERE
            elif section >= len(self.sections):
                raise ObjectError(f"a symbol lies in section {section}, which doesn't exist")
            text = _string(names, name, "a symbol")
            kind = info & 15
            if kind == SECTION and not text and section != NOWHERE:
                text = self.sections[section].name
            symbols.append(Symbol(text, section, value, size, kind, info >> 4, other & 3 in (1, 2)))
        return symbols

    def _wide_indexes(self, table: ElfSection) -> tuple[int, ...]:
        """Sections of symbols, by symbol, where the symbols themselves have no room for them."""
        found = next((s for s in self.sections if s.type == _SYMTAB_SHNDX and s.link == table.index), None)
        if found is None:
            return ()
        if len(found.data) % 4:
            raise ObjectError("the ELF table of sections of symbols is malformed")
        return struct.unpack(f"{self.order}{len(found.data) // 4}I", found.data)


def _string(table: bytes, offset: int, what: str) -> str:
    if offset == 0 and not table:
        return ""
    end = table.find(b"\0", offset, offset + 4096)
    if offset >= len(table) or end < 0:
        raise ObjectError(f"the name of {what} lies outside of the strings")
    return table[offset:end].decode("utf-8", "replace")
