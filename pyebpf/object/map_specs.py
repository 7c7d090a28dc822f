"""Map specs from `.maps` (BTF-defined maps) and from data sections."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.maps import MapFlag, MapType
from pyebpf.metadata import Metadata
from pyebpf.object.btf_layout import layout_of
from pyebpf.object.elf import FUNC, OBJECT, Elf, ElfSection
from pyebpf.object.errors import ObjectError
from pyebpf.object.gnu import R_BPF_DATA_64
from pyebpf.object.legacy_maps import legacy_maps
from pyebpf.object.specs import MapSpec
from pyebpf.object.struct_ops import operations_of

DATA_SECTIONS: Final = (".data", ".rodata", ".bss")
_LARGEST_DATA: Final = 64 << 20
_NUMBERS: Final = (
    *("type", "key_size", "value_size", "max_entries", "map_flags", "pinning", "map_extra", "numa_node"),
)
_LONG: Final = "map_extra"
"""The one that may be longer than 32 bits."""
_TYPES: Final = ("key", "value")
_OF_MAPS: Final = (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS)
_R_BPF_64_ABS64: Final = 2
_POINTER: Final = 8


def is_data_section(name: str) -> bool:
    """Whether a section becomes an array map: `.data`, `.bss`, `.rodata`, `.rodata.str1.1`, …"""
    return name in DATA_SECTIONS or name.startswith((".data.", ".rodata.", ".bss."))


def maps_of(elf: Elf, btf: Btf | None, metadata: Metadata) -> tuple[tuple[MapSpec, ...], dict[tuple[int, int], str]]:
    """All maps; and the names of those that are defined, by section and offset. Raises ObjectError, BtfError."""
    declared, places = _declared(elf, btf, metadata)
    older, older_places = legacy_maps(elf)
    operations = tuple(operations_of(elf, btf))
    names = [spec.name for spec in (*declared, *older, *operations)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ObjectError(f"map {min(twice)} is defined twice")
    section = elf.section(".maps")
    found = {(section.index, place): name for place, name in places.items()} if section is not None else {}
    return declared + older + operations + _data(elf, btf), found | older_places


def _declared(elf: Elf, btf: Btf | None, metadata: Metadata) -> tuple[tuple[MapSpec, ...], dict[int, str]]:
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
    spans: dict[str, tuple[int, int]] = {}
    places: dict[int, str] = {}
    for entry in described.entries:
        variable = btf.type(entry.type_id)
        if not isinstance(variable, types.Variable) or not variable.name:
            raise ObjectError("section .maps contains something that is no variable")
        if entry.offset in places or variable.name in places.values():
            raise ObjectError(f"map {variable.name} is defined twice")
        places[entry.offset] = variable.name
        spec = _map(btf, variable.name, variable.type_id)
        spans[variable.name] = (entry.offset, entry.size)
        info = infos.get(variable.name)
        if info is not None:
            spec = _with(spec, kind=info.kind, key=info.key or spec.key, value=info.value or spec.value)
        inside = infos.get(f"{variable.name}.inner")
        if inside is not None and spec.inner is not None:
            spec = _with(spec, inner=_with(spec.inner, kind=inside.kind, key=inside.key, value=inside.value))
        specs.append(spec)
    for symbol in elf.symbols:
        if symbol.section == section.index and symbol.type == OBJECT and symbol.value not in places:
            raise ObjectError(f"map {symbol.name} has no definition in the BTF")
    slots = _slots(elf, section, btf, specs, spans, places)
    return tuple(_with(spec, values=slots[spec.name]) if slots[spec.name] else spec for spec in specs), places


def _slots(
    elf: Elf,
    section: ElfSection,
    btf: Btf,
    specs: list[MapSpec],
    spans: dict[str, tuple[int, int]],
    places: dict[int, str],
) -> dict[str, tuple[tuple[int, str], ...]]:
    """What the relocations of `.maps` put into the slots of each map: programs and maps, by name."""
    found: dict[str, list[tuple[int, str]]] = {spec.name: [] for spec in specs}
    for relocation in elf.relocations(section):
        owner = next((n for n, (at, size) in spans.items() if at <= relocation.offset < at + size), None)
        start = _values_offset(btf, owner) if owner is not None else None
        if owner is None or start is None or relocation.type not in (_R_BPF_64_ABS64, R_BPF_DATA_64):
            raise ObjectError(
                f"a relocation at {relocation.offset} of .maps names {relocation.symbol.name}, for no slot"
            )
        slot, rest = divmod(relocation.offset - spans[owner][0] - start, _POINTER)
        symbol = relocation.symbol
        name = (
            symbol.name
            if symbol.type == FUNC
            else places.get(symbol.value)
            if symbol.section == section.index
            else None
        )
        if rest or slot < 0 or name is None:
            raise ObjectError(f"map {owner}: what is in slot {slot} is no program and no map")
        found[owner].append((slot, name))
    return {name: tuple(sorted(values)) for name, values in found.items()}


def _values_offset(btf: Btf, name: str) -> int | None:
    """Where the slots of a map's definition begin; None if it has none."""
    variable = btf.find(name, Kind.VAR)
    described = btf.type(variable) if variable is not None else None
    definition = btf.type(btf.resolve(described.type_id)) if isinstance(described, types.Variable) else None
    members = definition.members if isinstance(definition, types.Struct) else ()
    return next((member.bit_offset // 8 for member in members if member.name == "values"), None)


def _inner(btf: Btf, name: str, member: types.Member) -> MapSpec | None:
    """The definition that the slots of a map of maps point to; None for an array of programs."""
    array = btf.type(btf.resolve(member.type_id))
    pointer = btf.type(btf.resolve(array.type_id)) if isinstance(array, types.Array) else None
    if not isinstance(pointer, types.Pointer):
        raise ObjectError(f"map {name}: `values` is not written with __array")
    target = btf.resolve(pointer.type_id)
    if not isinstance(btf.type(target), types.Struct):
        return None
    return _map(btf, f"{name}.inner", target, inside=True)


def _with(spec: MapSpec, **changes: object) -> MapSpec:
    import dataclasses

    return dataclasses.replace(spec, **changes)  # type: ignore[arg-type]


def _map(btf: Btf, name: str, type_id: int, inside: bool = False) -> MapSpec:
    definition = btf.type(btf.resolve(type_id))
    if not isinstance(definition, types.Struct):
        raise ObjectError(f"map {name} is not defined by a struct")
    numbers = dict.fromkeys(_NUMBERS, 0)
    ids = dict.fromkeys(_TYPES, 0)
    inner: MapSpec | None = None
    for member in definition.members:
        if member.name == "values":
            if inside:
                raise ObjectError(f"map {name}: the maps in a map can't have maps or programs in them")
            inner = _inner(btf, name, member)
            continue
        pointer = btf.type(btf.resolve(member.type_id))
        if isinstance(pointer, types.Enum) and member.name == _LONG and len(pointer.values) == 1:
            numbers[_LONG] = pointer.values[0][1] & 0xFFFFFFFFFFFFFFFF  # libbpf's __ulong (1.4)
            continue
        if not isinstance(pointer, types.Pointer):
            raise ObjectError(f"map {name}: `{member.name}` is not written with __uint or __type")
        if member.name in numbers:
            array = btf.type(btf.resolve(pointer.type_id))
            if not isinstance(array, types.Array):
                raise ObjectError(f"map {name}: `{member.name}` is not written with __uint")
            numbers[member.name] = array.length
        elif member.name in ids:
            ids[member.name] = pointer.type_id
        else:
            raise ObjectError(f"map {name}: `{member.name}` is not known")
    sizes = {}
    for word in _TYPES:
        size = btf.size_of(ids[word]) if ids[word] else numbers[f"{word}_size"]
        if numbers[f"{word}_size"] not in (0, size):
            raise ObjectError(f"map {name}: {word}_size is {numbers[f'{word}_size']}, but the {word} has {size} bytes")
        sizes[word] = size
    if numbers["type"] in _OF_MAPS or numbers["type"] == MapType.PROG_ARRAY:
        sizes = {"key": sizes["key"] or 4, "value": 4}  # descriptors; definitions may leave them out
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
        numa_node=numbers["numa_node"],
        inner=inner,
    )


def _data(elf: Elf, btf: Btf | None) -> tuple[MapSpec, ...]:
    specs: list[MapSpec] = []
    for section in elf.sections:
        if not section.allocated or not section.size or not is_data_section(section.name):
            continue
        if section.size > _LARGEST_DATA:
            raise ObjectError(f"section {section.name}: {section.size} bytes are too many for a map")
        if not section.is_bss and len(section.data) != section.size:
            raise ObjectError(f"section {section.name} of type {section.type} has no contents")
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
