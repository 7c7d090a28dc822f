"""Maps as they were defined before BTF: structs of numbers in the section `maps`, or one each in `maps/…`.

    five numbers    type, key_size, value_size, max_entries, map_flags       libbpf before 1.0 (`struct bpf_map_def`)
    seven           and id, pinning                                          Aya (`bpf_map_def`)
    nine            and id, pinning, inner_id, inner_idx                     iproute2 (`struct bpf_elf_map`)

iproute2's maps of maps have in `inner_id` the id of what the maps in them are like; a map with that id, and a number in
`inner_idx`, is in that slot at first. Its `pinning` 2 is a name in the folder `tc/globals`.

Sources: libbpf 0.x's documentation of `struct bpf_map_def`, Aya's generated bindings, iproute2's `bpf_elf.h`. Who wrote
a definition is known by its length alone. What such numbers mean besides isn't guessed at: it is refused.
"""

from __future__ import annotations

import dataclasses
import struct
from typing import Final

from pyebpf.object.elf import FUNC, SECTION, Elf, ElfSection
from pyebpf.object.errors import ObjectError
from pyebpf.object.specs import MapSpec

SECTION_NAME: Final = "maps"
LEAST: Final = 16
"""Bytes: the four numbers that every definition has."""
_KNOWN: Final = 20
_IPROUTE2: Final = 9
"""Numbers in a definition of its."""
_BY_NAME, _GLOBAL = 1, 2
_NO_SLOT: Final = 0xFFFFFFFF
_LONGEST: Final = 256


def is_legacy(name: str) -> bool:
    """Whether a section holds such definitions."""
    return name == SECTION_NAME or name.startswith(f"{SECTION_NAME}/")


def legacy_maps(elf: Elf) -> tuple[tuple[MapSpec, ...], dict[tuple[int, int], str]]:
    """Maps, and their names by section and offset. Raises ObjectError."""
    specs: list[MapSpec] = []
    places: dict[tuple[int, int], str] = {}
    inner_ids: list[int] = []
    by_id: dict[int, list[tuple[MapSpec, int]]] = {}
    for section in elf.sections:
        if not is_legacy(section.name) or not section.size:
            continue
        if elf.relocations(section):
            raise ObjectError(f"section {section.name}: definitions of maps hold no addresses")
        for start, length, name in _definitions(elf, section):
            if name in places.values():
                raise ObjectError(f"map {name} is defined twice")
            places[section.index, start] = name
            numbers = struct.unpack(f"{elf.order}{length // 4}I", section.data[start : start + length])
            specs.append(_spec(name, numbers))
            inner_ids.append(numbers[7] if len(numbers) == _IPROUTE2 else 0)
            if len(numbers) == _IPROUTE2 and numbers[5] and not numbers[7]:
                by_id.setdefault(numbers[5], []).append((specs[-1], numbers[8]))
    pairs = zip(specs, inner_ids, strict=True)
    return tuple(_with_inner(spec, inner, by_id) if inner else spec for spec, inner in pairs), places


def _with_inner(spec: MapSpec, inner_id: int, by_id: dict[int, list[tuple[MapSpec, int]]]) -> MapSpec:
    """A map of maps of iproute2's, with what is in it. `by_id`: maps that may be, and their slots."""
    held = by_id.get(inner_id)
    if not held:
        raise ObjectError(f"map {spec.name}: no map that can be in it has the id {inner_id}")
    values = tuple((slot, inner.name) for inner, slot in held if slot != _NO_SLOT)
    return dataclasses.replace(spec, inner=held[0][0], values=values, value_size=spec.value_size or 4)


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


def _spec(name: str, numbers: tuple[int, ...]) -> MapSpec:
    kind, key_size, value_size, max_entries = numbers[:4]
    flags = numbers[4] if len(numbers) > 4 else 0
    pinning = 0
    if len(numbers) in (7, _IPROUTE2):
        pinning = numbers[6]
        if pinning > (_GLOBAL if len(numbers) == _IPROUTE2 else _BY_NAME):
            raise ObjectError(f"map {name}: pinning {pinning} is not understood")
    elif any(numbers[5:]):
        raise ObjectError(f"map {name}: what its definition says behind the first {_KNOWN} bytes is not understood")
    return MapSpec(name, kind, key_size, value_size, max_entries, flags, pinning)
