"""Specs: pure descriptions of a BPF object's maps and programs. Nothing here has touched a kernel."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, final

from pyebpf.kernel.maps import MapType
from pyebpf.layout import Type
from pyebpf.metadata import Metadata
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class Operations:
    """A struct of operations (struct_ops), as the object has it."""

    struct: str
    """Its name: `tcp_congestion_ops`."""
    type_id: int
    """In the object's own BTF."""
    data: bytes
    programs: tuple[tuple[int, str], ...]
    """Byte offset and the program that is this member."""
    autoload: bool = True
    """False where the section name begins with `?`."""


@final
@dataclass(frozen=True, slots=True)
class MapSpec:
    """A map to be created. Sizes in bytes; `type` is the number of `enum bpf_map_type`."""

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int = 0
    pinning: int = 0
    key_type_id: int = 0
    """BTF type ids in the object's own BTF, or 0."""
    value_type_id: int = 0
    key: Type | None = None
    value: Type | None = None
    kind: str = ""
    """The pyebpf class that declared it, or "" in foreign objects."""
    initial: bytes | None = None
    """First contents, for the data sections `.data`, `.rodata`, `.bss` only."""
    frozen: bool = False
    extra: int = 0
    """`map_extra` of BPF_MAP_CREATE (5.16): what it means depends on the type."""
    values: tuple[tuple[int, str], ...] = ()
    """Arrays of programs and maps of maps: which program, or map, is in which slot at first."""
    inner: MapSpec | None = None
    """Maps of maps: what the maps in it are like."""
    operations: Operations | None = None
    """Maps of type STRUCT_OPS: what is registered by them."""
    numa_node: int = 0
    """The node of memory that it lies on, if `flags` ask for one (BPF_F_NUMA_NODE)."""


@final
@dataclass(frozen=True, slots=True)
class Relocation:
    """An instruction that names something else. `offset` is in bytes from the start of the program or section."""

    offset: int
    kind: Literal["map", "data", "call", "function", "extern"]
    name: str
    """The map; the data section; the called function; or the extern symbol."""
    addend: int = 0
    """For data: the offset in the section."""


ExternKind: TypeAlias = Literal["function", "variable", "address", "bool", "tristate", "char", "integer", "text"]


@final
@dataclass(frozen=True, slots=True)
class ExternSpec:
    """A symbol that the loader finds: in `.ksyms` a kfunc (`function`), a variable of the kernel with a type, or a mere
    `address`; in `.kconfig` an option of the kernel's configuration, of one of the other kinds."""

    name: str
    section: str
    kind: ExternKind
    size: int
    """In bytes, of options."""
    signed: bool
    weak: bool
    """Whether the program can do without: it is 0 then."""


class LineRecord(NamedTuple):
    """Instruction at byte `offset` of its section comes from this line. Objects have thousands of them, which are made
    five times as fast as frozen dataclasses."""

    offset: int
    file: str
    text: str
    line: int
    column: int


@final
@dataclass(frozen=True, slots=True)
class CoreRelocation:
    """A CO-RE record: `access` (`"0:1:2"`) into BTF type `type_id`, of `enum bpf_core_relo_kind` `kind`."""

    offset: int
    type_id: int
    access: str
    kind: int
    number: int = 0
    """Which of the object's records it is."""


@final
@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """Code: an entry program, or a function that programs call. `code` is unrelocated eBPF, 8 bytes an instruction."""

    name: str
    section: str
    section_offset: int
    """Where `code` starts in its section, in bytes."""
    code: bytes
    relocations: tuple[Relocation, ...]
    lines: tuple[LineRecord, ...]
    core: tuple[CoreRelocation, ...]
    btf_id: int = 0
    """BTF id of the FUNC, or 0."""


@final
@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """An entry program: its function and what its section name says of the hook."""

    name: str
    section: str
    program_type: int
    """`enum bpf_prog_type`; 0 when the section name is not known."""
    expected_attach_type: int | None
    hook: str
    """Name of the row in `kernel.hooks`, or ""."""
    argument: str
    """What stands behind the hook in the section name: `syscalls/sys_enter_execve`."""
    function: FunctionSpec
    flags: int = 0
    """`prog_flags` of BPF_PROG_LOAD that the section name asks for (sleepable)."""
    autoload: bool = True
    """False where the section name begins with `?`: it is loaded only if somebody asks for it."""
    exception_handler: str = ""
    """The function that the kernel calls when the program throws (6.7), by its name."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Object:
    """A BPF object: the ELF bytes and what they mean. Made by `pyebpf.compile` or `read_object`."""

    elf: bytes
    programs: tuple[ProgramSpec, ...]
    maps: tuple[MapSpec, ...]
    functions: tuple[FunctionSpec, ...]
    """Functions that programs call (section `.text`), unlinked."""
    license: str
    btf: bytes
    metadata: Metadata
    big_endian: bool = False
    externs: tuple[ExternSpec, ...] = ()
    doubts: tuple[str, ...] = ()
    """What the object has and programs can't have, for whoever loads it: sentences."""

    def __repr__(self) -> str:
        """Without the bytes, which nobody reads."""
        names = ", ".join(program.name for program in self.programs) or "no programs"
        return f"<Object of {names}: {len(self.elf):,} bytes>"

    def save(self, path: str | PathLike[str]) -> None:
        """Write the ELF file."""
        Path(path).write_bytes(self.elf)

    def disassemble(self, program: str | None = None) -> str:
        """Every function's instructions under their source lines, or those of `program` alone (KeyError if none)."""
        from pyebpf.object.disassemble import disassemble

        return disassemble(self, program)


def tail_targets(obj: Object) -> frozenset[str]:
    """The programs that others of `obj` go on with, by arrays of programs that the object fills."""
    arrays = {spec.name: {name for _, name in spec.values} for spec in obj.maps if spec.type == MapType.PROG_ARRAY}
    found: set[str] = set()
    for program in obj.programs:
        for relocation in program.function.relocations:
            if relocation.kind == "map":
                found |= arrays.get(relocation.name, set()) - {program.name}
    return frozenset(found)
