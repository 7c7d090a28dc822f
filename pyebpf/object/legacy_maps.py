"""Maps as they were defined before BTF: structs of numbers in the section `maps`, or one each in `maps/…`.

    five numbers    type, key_size, value_size, max_entries, map_flags       libbpf before 1.0 (`struct bpf_map_def`)
    seven           and id, pinning                                          Aya (`bpf_map_def`)
    nine            and id, pinning, inner_id, inner_idx                     iproute2 (`struct bpf_elf_map`)

Sources: libbpf 0.x's documentation of `struct bpf_map_def`, Aya's generated bindings, iproute2's `bpf_elf.h`. Who wrote
a definition is known by its length alone. What such numbers mean besides isn't guessed at: it is refused.
"""

from __future__ import annotations

import struct
from typing import Final

from pyebpf.object.elf import FUNC, SECTION, Elf, ElfSection
from pyebpf.object.errors import ObjectError
from pyebpf.object.specs import MapSpec

SECTION_NAME: Final = "maps"
LEAST: Final = 16
"""Bytes: the four numbers that every definition has."""
_KNOWN: Final = 20
_BY_NAME: Final = 1
_LONGEST: Final = 256


def is_legacy(name: str) -> bool:
    """Whether a section holds such definitions."""
    return name == SECTION_NAME or name.startswith(f"{SECTION_NAME}/")


def legacy_maps(elf: Elf) -> tuple[tuple[MapSpec, ...], dict[tuple[int, int], str]]:
    """Maps, and their names by section and offset. Raises ObjectError."""
    specs: list[MapSpec] = []
    places: dict[tuple[int, int], str] = {}
    for section in elf.sections:
        if not is_legacy(section.name) or not section.size:
            continue
        if elf.relocations(section):
            raise ObjectError(f"section {section.name}: definitions of maps hold no addresses")
        for start, length, name in _definitions(elf, section):
            if name in places.values():
                raise ObjectError(f"map {name} is defined twice")
            places[section.index, start] = name
            specs.append(_spec(name, section.data[start : start + length], elf.order))
    return tuple(specs), places


def _definitions(elf: Elf, section: ElfSection) -> list[tuple[int, int, str]]:
    """Where each begins, how long it is, and its name: all of the section, with nothing left over."""
    symbols = {
        symbol.value: symbol
        for symbol in elf.symbols
        if symbol.section == section.index and symbol.type not in (SECTION, FUNC) and symbol.name
    }
    starts = sorted(symbols)
    if not starts or starts[0] != 0:
        raise ObjectError(f"section {section.name}: nothing says where its maps are")
    found = []
    for start, end in zip(starts, [*starts[1:], section.size], strict=True):
        symbol = symbols[start]
        length = symbol.size or end - start
        if not LEAST <= length <= _LONGEST or length % 4 or start + length > end or end > len(section.data):
            raise ObjectError(f"map {symbol.name}: {length} bytes are no definition of a map")
        found.append((start, length, symbol.name))
    return found


def _spec(name: str, data: bytes, order: str) -> MapSpec:
    numbers = struct.unpack(f"{order}{len(data) // 4}I", data)
    kind, key_size, value_size, max_entries = numbers[:4]
    flags = numbers[4] if len(numbers) > 4 else 0
    pinning = 0
    if len(numbers) in (7, 9):
        pinning = numbers[6]
        if len(numbers) == 9 and (numbers[7] or numbers[8] not in (0, 0xFFFFFFFF)):
            raise ObjectError(f"map {name}: maps of maps in iproute2's form are not understood")
        if pinning > _BY_NAME:
            raise ObjectError(f"map {name}: pinning {pinning} is not understood")
    elif any(data[_KNOWN:]):
        raise ObjectError(f"map {name}: what its definition says behind the first {_KNOWN} bytes is not understood")
    return MapSpec(name, kind, key_size, value_size, max_entries, flags, pinning)
