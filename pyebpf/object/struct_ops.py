"""Structs of operations (`.struct_ops`, `.struct_ops.link`): a variable for each, whose members are numbers and
programs.

Source: libbpf's conventions. A relocation at a member names its program; what a section begins with `?` for is loaded
only if somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf
from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.maps import MapType
from pyebpf.object.elf import FUNC, Elf, ElfSection
from pyebpf.object.errors import ObjectError
from pyebpf.object.specs import MapSpec, Operations

SECTIONS: Final = (".struct_ops", ".struct_ops.link", "?.struct_ops", "?.struct_ops.link")
_LARGEST: Final = 1 << 16


def operations_of(elf: Elf, btf: Btf | None) -> Iterator[MapSpec]:
    """A map for each struct. Raises ObjectError, BtfError."""
    for name in SECTIONS:
        section = elf.section(name)
        if section is None or not section.size:
            continue
        number = btf.find(name, Kind.DATASEC) if btf else None
        described = btf.type(number) if btf is not None and number is not None else None
        if btf is None or not isinstance(described, types.DataSection):
            raise ObjectError(f"section {name}: the BTF doesn't say what is in it")
        programs = dict(_programs(elf, section))
        covered: set[int] = set()
        for entry in described.entries:
            spec = _spec(btf, section, entry, programs)
            if spec.operations is not None:
                covered |= {entry.offset + offset for offset, _ in spec.operations.programs}
            yield spec
        if set(programs) - covered:
            raise ObjectError(f"section {name}: a program at {min(set(programs) - covered)} belongs to no variable")


def _programs(elf: Elf, section: ElfSection) -> Iterator[tuple[int, str]]:
    """Names of programs by offset."""
    for record in elf.relocations(section):
        if record.symbol.type != FUNC or not record.symbol.name:
            raise ObjectError(f"section {section.name}: what is at {record.offset} is no program")
        yield record.offset, record.symbol.name


def _spec(btf: Btf, section: ElfSection, entry: types.SectionEntry, programs: dict[int, str]) -> MapSpec:
    variable = btf.type(entry.type_id)
    if not isinstance(variable, types.Variable) or not variable.name:
        raise ObjectError(f"section {section.name} contains something that is no variable")
    type_id = btf.resolve(variable.type_id)
    found = btf.type(type_id)
    end = entry.offset + entry.size
    if not isinstance(found, types.Struct) or not found.name or found.size != entry.size or entry.size > _LARGEST:
        raise ObjectError(f"{variable.name} in section {section.name} is no struct of operations")
    if end > len(section.data):
        raise ObjectError(f"{variable.name} lies outside of section {section.name}")
    operations = Operations(
        struct=found.name.partition("___")[0],
        type_id=type_id,
        data=section.data[entry.offset : end],
        programs=tuple((at - entry.offset, name) for at, name in programs.items() if entry.offset <= at < end),
        autoload=not section.name.startswith("?"),
    )
    return MapSpec(variable.name, int(MapType.STRUCT_OPS), 4, 0, 1, operations=operations)
