"""Reads a BPF object of any compiler. Comes in: bytes that anybody may have written. Goes out: `Object`.

Nothing here touches the kernel. Every malformed file is an ObjectError that names what is wrong.

Sources: the kernel's documentation "BPF LLVM Relocations"; libbpf's conventions for sections.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Final, TypeVar

from pyebpf.kernel.btf import Btf, BtfError
from pyebpf.kernel.maps import ARENA_SECTION, MapType
from pyebpf.kernel.programs import ProgramType
from pyebpf.metadata import SECTION, Metadata
from pyebpf.object import elf as elf_file
from pyebpf.object.btf_complete import complete
from pyebpf.object.btf_ext import SectionInfo, read_btf_ext
from pyebpf.object.btf_raw import RawBtf
from pyebpf.object.elf import Elf, ElfRelocation, ElfSection, Symbol
from pyebpf.object.errors import ObjectError
from pyebpf.object.externs import SECTIONS, externs_of
from pyebpf.object.gnu import holds_values
from pyebpf.object.handlers import exception_handlers
from pyebpf.object.legacy_maps import is_legacy
from pyebpf.object.map_specs import is_data_section, maps_of
from pyebpf.object.sections import meaning_of
from pyebpf.object.specs import CoreRelocation, FunctionSpec, LineRecord, Object, ProgramSpec, Relocation

R_BPF_64_64: Final = 1
R_BPF_64_32: Final = 10
LD_IMM64: Final = 0x18
CALL: Final = 0x85
_PSEUDO_CALL: Final = 1
_F_SLEEPABLE: Final = 1 << 4
_F_XDP_HAS_FRAGS: Final = 1 << 5

__all__ = ["ObjectError", "read_file", "read_object"]


def read_object(elf: bytes) -> Object:
    """Read an ELF file. Raises ObjectError."""
    try:
        return _read(bytes(elf))
    except BtfError as error:
        raise ObjectError(f"section .BTF: {error}") from None


def read_file(path: Path) -> Object:
    """Read an ELF file by its path. Raises ObjectError that names it, and OSError."""
    try:
        return read_object(path.read_bytes())
    except ObjectError as error:
        raise ObjectError(f"{path}: {error}") from None


def _read(data: bytes) -> Object:
    elf = Elf(data)
    metadata = _metadata(elf)
    described = elf.section(".BTF")
    named = described is not None and any(f"{name}\0".encode() in described.data for name in SECTIONS)
    externs = externs_of(elf, Btf.from_bytes(described.data)) if described and named else ()
    raw, infos = _btf(elf)
    btf = Btf.from_bytes(bytes(raw.data)) if raw else None
    maps, places = maps_of(elf, btf, metadata)
    arenas = tuple(spec.name for spec in maps if spec.type == MapType.ARENA)
    functions = _Functions(elf, places, infos, exception_handlers(raw) if raw else {}, arenas)
    programs, called = functions.read()
    licence = elf.section("license")
    return Object(
        elf=data,
        programs=tuple(_told(program, metadata) for program in programs),
        maps=maps,
        functions=called,
        license=licence.data.split(b"\0")[0].decode("utf-8", "replace") if licence else "",
        btf=bytes(raw.data) if raw else b"",
        metadata=metadata,
        big_endian=elf.big_endian,
        externs=externs,
        doubts=tuple(_addresses_in_data(elf)),
    )


def _metadata(elf: Elf) -> Metadata:
    section = elf.section(SECTION)
    if section is None:
        return Metadata()
    from pyebpf.metadata_json import decode  # and JSON with it, which other compilers' objects don't need

    return decode(section.data)


def _addresses_in_data(elf: Elf) -> Iterator[str]:
    """Data sections are arrays for the kernel: no address is put into them. libbpf passes over such records in
    silence."""
    for section in elf.sections:
        if section.allocated and section.size and is_data_section(section.name):
            for record in elf.relocations(section)[:1]:
                yield (
                    f"section {section.name} holds addresses, the first that of {record.symbol.name or 'something'} at "
                    f"{record.offset}: programs find numbers there that they can't follow"
                )


def _btf(elf: Elf) -> tuple[RawBtf | None, dict[str, SectionInfo]]:
    section = elf.section(".BTF")
    if section is None:
        if elf.section(".BTF.ext") is not None:
            raise ObjectError("section .BTF.ext speaks of types, and there is no section .BTF")
        return None, {}
    raw = RawBtf(section.data, elf.order)
    complete(raw, elf)
    extension = elf.section(".BTF.ext")
    return raw, read_btf_ext(extension.data, raw) if extension else {}


class _Functions:
    """The code of all executable sections, cut into functions."""

    def __init__(
        self,
        elf: Elf,
        places: dict[tuple[int, int], str],
        infos: dict[str, SectionInfo],
        handlers: dict[str, str],
        arenas: tuple[str, ...],
    ) -> None:
        self._elf = elf
        self._arenas = arenas
        """Maps that `.addr_space.1` is in: one at most."""
        self._handlers = handlers
        self._holds_values = holds_values(elf)
        self._places = places
        self._infos = infos
        self._names: dict[tuple[int, int], str] = {}
        self._symbols: list[Symbol] = []
        used: set[str] = set()
        taken: dict[tuple[int, int], Symbol] = {}
        for symbol in sorted(elf.symbols, key=lambda symbol: not symbol.size):  # those of no size last
            if symbol.type != elf_file.FUNC or not 0 < symbol.section < len(elf.sections):
                continue
            place = (symbol.section, symbol.value)
            if place in taken:
                if symbol.size not in (0, taken[place].size):
                    raise ObjectError(f"functions {taken[place].name} and {symbol.name} are in the same place")
                continue
            section = elf.sections[symbol.section]
            if symbol.size % 8 or symbol.value % 8 or symbol.value + symbol.size > len(section.data):
                raise ObjectError(f"function {symbol.name} lies outside of section {section.name}")
            name = symbol.name if symbol.name not in used else f"{symbol.name}@{section.name}+{symbol.value}"
            used.add(name)
            self._names[place] = name
            taken[place] = symbol
            self._symbols.append(symbol)

    def read(self) -> tuple[tuple[ProgramSpec, ...], tuple[FunctionSpec, ...]]:
        """Entry programs, and the functions that they may call."""
        programs, called = [], []
        tables = {s.index: self._elf.relocations(s) for s in self._elf.sections if s.executable and s.size}
        last: dict[int, int] = {}
        for symbol in sorted(self._symbols, key=lambda symbol: (symbol.section, symbol.value)):
            section = self._elf.sections[symbol.section]
            if not section.executable or not symbol.size:
                continue
            if symbol.value < last.get(symbol.section, 0):
                raise ObjectError(f"function {symbol.name} overlaps the one before it")
            last[symbol.section] = symbol.value + symbol.size
            function = self._function(symbol, section, tables[section.index])
            if section.name == ".text" or symbol.binding == elf_file.LOCAL:
                called.append(function)
            else:
                programs.append(_program(function, self._handlers.get(symbol.name, "")))
        everything = [*called, *(program.function for program in programs)]
        targets = {r.name for each in everything for r in each.relocations if r.kind in ("call", "function")}
        # A function may be in a section of any name, which only a program's has to mean something.
        called += [program.function for program in programs if _is_function(program, targets)]
        return tuple(program for program in programs if not _is_function(program, targets)), tuple(called)

    def _function(self, symbol: Symbol, section: ElfSection, table: list[ElfRelocation]) -> FunctionSpec:
        start, end = symbol.value, symbol.value + symbol.size
        code = section.data[start:end]
        relocations = {r.offset - start: self._relocation(r, code, start) for r in table if start <= r.offset < end}
        self._plain_calls(relocations, symbol, code)
        info = self._infos.get(section.name, SectionInfo())
        return FunctionSpec(
            name=self._names[symbol.section, symbol.value],
            section=section.name,
            section_offset=start,
            code=code,
            relocations=tuple(relocations[offset] for offset in sorted(relocations)),
            lines=_within(info.lines, start, end),
            core=_within(info.core, start, end),
            btf_id=info.functions.get(start, 0),
        )

    def _relocation(self, record: ElfRelocation, code: bytes, start: int) -> Relocation:
        """Its `offset` counts from the start of the function."""
        offset = record.offset - start
        symbol = record.symbol
        if offset % 8:
            raise ObjectError(f"a relocation at {record.offset} lies inside of an instruction")
        opcode, imm = code[offset], self._imm(code, offset)
        if self._holds_values and symbol.type != elf_file.SECTION:
            imm -= symbol.value
        if record.type == R_BPF_64_32:
            if opcode != CALL:
                raise ObjectError(f"a call relocation at {record.offset} is not for a call")
            if symbol.section == 0:
                return Relocation(offset, "extern", symbol.name)
            return Relocation(offset, "call", self._target(symbol.section, symbol.value + (imm + 1) * 8))
        if record.type != R_BPF_64_64 or opcode != LD_IMM64 or offset + 16 > len(code):
            raise ObjectError(f"a relocation of type {record.type} at {record.offset} is not understood")
        if symbol.section == 0:
            return Relocation(offset, "extern", symbol.name)
        if symbol.section == elf_file.NOWHERE:
            raise ObjectError(f"symbol {symbol.name} lies in no section")
        section = self._elf.sections[symbol.section]
        place = symbol.value + imm
        if section.name == ".maps" or is_legacy(section.name):
            if (section.index, place) not in self._places:
                raise ObjectError(f"a relocation names offset {place} of {section.name}, where no map starts")
            return Relocation(offset, "map", self._places[section.index, place])
        if section.executable:
            return Relocation(offset, "function", self._target(symbol.section, place))
        arena = next((name for name in self._arenas), None) if section.name == ARENA_SECTION else None
        if arena is not None:
            return Relocation(offset, "data", arena, place)
        if is_data_section(section.name) and section.allocated and section.size and 0 <= place <= section.size:
            return Relocation(offset, "data", section.name, place)
        raise ObjectError(f"a relocation at {record.offset} names {symbol.name} in section {section.name}")

    def _target(self, section: int, place: int) -> str:
        name = self._names.get((section, place))
        if name is None:
            raise ObjectError(f"a call goes to offset {place} of section {section}, where no function starts")
        return name

    def _imm(self, code: bytes, offset: int) -> int:
        value: int = struct.unpack_from(self._elf.order + "i", code, offset + 4)[0]
        return value

    def _plain_calls(self, relocations: dict[int, Relocation], symbol: Symbol, code: bytes) -> None:
        """Calls inside of one section may come without a relocation."""
        offset = 0
        while offset < len(code):
            opcode, registers = code[offset], code[offset + 1]
            source = registers & 15 if self._elf.big_endian else registers >> 4
            if opcode == CALL and source == _PSEUDO_CALL and offset not in relocations:
                place = symbol.value + offset + 8 + self._imm(code, offset) * 8
                relocations[offset] = Relocation(offset, "call", self._target(symbol.section, place))
            offset += 16 if opcode == LD_IMM64 else 8


_T = TypeVar("_T", LineRecord, CoreRelocation)


def _within(records: list[_T], start: int, end: int) -> tuple[_T, ...]:
    """Those for a function; `records` are in the order of their offsets."""
    first = bisect_left(records, start, key=attrgetter("offset"))
    return tuple(records[first : bisect_left(records, end, first, key=attrgetter("offset"))])


def _told(program: ProgramSpec, metadata: Metadata) -> ProgramSpec:
    """With what the metadata say that the section name has no room for: the event of programs on perf events, and where
    packets are filtered."""
    if program.program_type not in (ProgramType.PERF_EVENT, ProgramType.NETFILTER):
        return program
    info = dict(metadata.programs).get(program.name)
    if info is None:
        return program
    from dataclasses import replace  # which few objects need

    return replace(program, argument=info.argument)


def _is_function(program: ProgramSpec, targets: set[str]) -> bool:
    return not program.program_type and program.name in targets


def _program(function: FunctionSpec, exception_handler: str) -> ProgramSpec:
    meaning = meaning_of(function.section)
    flags = 0
    if meaning is not None and meaning.sleepable:
        flags |= _F_SLEEPABLE
    if function.section.removeprefix("?").startswith("xdp.frags"):
        flags |= _F_XDP_HAS_FRAGS
    return ProgramSpec(
        name=function.name,
        section=function.section,
        program_type=meaning.program_type if meaning else 0,
        expected_attach_type=meaning.attach_type if meaning else None,
        hook=meaning.hook if meaning else "",
        argument=meaning.argument if meaning else "",
        function=function,
        flags=flags,
        autoload=not function.section.startswith("?"),
        exception_handler=exception_handler,
    )
