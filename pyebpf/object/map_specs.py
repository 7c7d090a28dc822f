"""Map specs from `.maps` (BTF-defined maps) and from data sections."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.maps import MapFlag, MapType
from pyebpf.metadata import Metadata
from pyebpf.object.btf_layout import layout_of
from pyebpf.object.elf import Elf
from pyebpf.object.errors import ObjectError
from pyebpf.object.specs import MapSpec

DATA_SECTIONS: Final = (".data", ".rodata", ".bss")
_LARGEST_DATA: Final = 64 << 20
_NUMBERS: Final = ("type", "key_size", "value_size", "max_entries", "map_flags", "pinning", "map_extra")
_TYPES: Final = ("key", "value")


def is_data_section(name: str) -> bool:
    """Whether a section becomes an array map: `.data`, `.bss`, `.rodata`, `.rodata.str1.1`, …"""
    return name in DATA_SECTIONS or name.startswith((".data.", ".rodata.", ".bss."))


def maps_of(elf: Elf, btf: Btf | None, metadata: Metadata) -> tuple[tuple[MapSpec, ...], dict[int, str]]:
    """All maps; and the names of those in `.maps` by their offset in it. Raises ObjectError, BtfError."""
    declared, places = _declared(elf, btf, metadata)
    return declared + _data(elf, btf), places


def _declared(elf: Elf, btf: Btf | None, metadata: Metadata) -> tuple[tuple[MapSpec, ...], dict[int, str]]:
    if elf.section("maps") is not None:
        raise ObjectError("section maps: the form of map definitions before BTF, which libbpf 1.0 dropped too")
    section = elf.section(".maps")
    if section is None:
        return (), {}
    found = btf.find(".maps", Kind.DATASEC) if btf else None
    if btf is None or found is None:
        raise ObjectError("the object has maps but no BTF that describes them; build it with -g")
    described = btf.type(found)
    assert isinstance(described, types.DataSection)
    infos = dict(metadata.maps)
    specs = []
    places: dict[int, str] = {}
    for entry in described.entries:
        variable = btf.type(entry.type_id)
        if not isinstance(variable, types.Variable) or not variable.name:
            raise ObjectError("section .maps contains something that is no variable")
        if entry.offset in places or variable.name in places.values():
            raise ObjectError(f"map {variable.name} is defined twice")
        places[entry.offset] = variable.name
        spec = _map(btf, variable.name, variable.type_id)
        info = infos.get(variable.name)
        if info is not None:
            spec = _with(spec, kind=info.kind, key=info.key or spec.key, value=info.value or spec.value)
        specs.append(spec)
    return tuple(specs), places


def _with(spec: MapSpec, **changes: object) -> MapSpec:
    import dataclasses

    return dataclasses.replace(spec, **changes)  # type: ignore[arg-type]


def _map(btf: Btf, name: str, type_id: int) -> MapSpec:
    definition = btf.type(btf.resolve(type_id))
    if not isinstance(definition, types.Struct):
        raise ObjectError(f"map {name} is not defined by a struct")
    numbers = dict.fromkeys(_NUMBERS, 0)
    ids = dict.fromkeys(_TYPES, 0)
    for member in definition.members:
        if member.name == "values":
            continue
        pointer = btf.type(btf.resolve(member.type_id))
        if not isinstance(pointer, types.Pointer):
            raise ObjectError(f"map {name}: `{member.name}` is not written with __uint or __type")
        if member.name in numbers:
            array = btf.type(btf.resolve(pointer.type_id))
            if not isinstance(array, types.Array):
                raise ObjectError(f"map {name}: `{member.name}` is not written with __uint")
            numbers[member.name] = array.length
        elif member.name in ids:
            ids[member.name] = pointer.type_id
        elif member.name != "numa_node":
            raise ObjectError(f"map {name}: `{member.name}` is not known")
    sizes = {}
    for word in _TYPES:
        size = btf.size_of(ids[word]) if ids[word] else numbers[f"{word}_size"]
        if numbers[f"{word}_size"] not in (0, size):
            raise ObjectError(f"map {name}: {word}_size is {numbers[f'{word}_size']}, but the {word} has {size} bytes")
        sizes[word] = size
    return MapSpec(
        name=name,
        type=numbers["type"],
        key_size=sizes["key"],
        value_size=sizes["value"],
        max_entries=numbers["max_entries"],
        flags=numbers["map_flags"],
        pinning=numbers["pinning"],
        key_type_id=ids["key"],
        value_type_id=ids["value"],
        key=layout_of(btf, ids["key"]),
        value=layout_of(btf, ids["value"]),
        extra=numbers["map_extra"],
    )


def _data(elf: Elf, btf: Btf | None) -> tuple[MapSpec, ...]:
    specs: list[MapSpec] = []
    for section in elf.sections:
        if not section.allocated or not section.size or not is_data_section(section.name):
            continue
        if section.size > _LARGEST_DATA:
            raise ObjectError(f"section {section.name}: {section.size} bytes are too many for a map")
        if any(spec.name == section.name for spec in specs):
            raise ObjectError(f"there are two sections {section.name}")
        constant = section.name.startswith(".rodata")
        specs.append(
            MapSpec(
                name=section.name,
                type=MapType.ARRAY,
                key_size=4,
                value_size=section.size,
                max_entries=1,
                flags=MapFlag.RDONLY_PROG if constant else 0,
                value_type_id=(btf.find(section.name, Kind.DATASEC) if btf else None) or 0,
                initial=bytes(section.size) if section.is_bss else section.data,
                frozen=constant,
            )
        )
    return tuple(specs)
