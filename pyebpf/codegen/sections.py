"""Maps, variables, counters, licence and metadata: everything of the object that isn't code.

The places of variables are decided here, because the metadata that names them lies in the same
object: every variable starts at a multiple of eight bytes, in the order in which it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, final

from pyebpf import layout, metadata
from pyebpf.codegen.debuginfo import DebugInfo
from pyebpf.codegen.forgetting import ZERO
from pyebpf.codegen.text import quote, symbol
from pyebpf.ir import ops
from pyebpf.ir.module import PRINTS, Fault, MapRef, Module, OperationsRef, Program, VariableRef
from pyebpf.kernel.maps import ARENA_MAP, ARENA_PAGE, ARENA_SECTION, EVENTS, MapFlag, MapType
from pyebpf.metadata import Cell
from pyebpf.metadata_json import encode
from pyebpf.records import dataclass
from pyebpf.source import Span

FAULTS: Final = "__pyebpf_faults"
DROPPED: Final = "__pyebpf_dropped_"
LICENSE: Final = "__pyebpf_license"
ARENA_START: Final = "__pyebpf_arena_start"
_ALIGN: Final = 8


def fault_symbol(offset: int) -> str:
    """The symbol of one counter among `FAULTS`: an address with an offset takes an instruction more."""
    return f"__pyebpf_fault_{offset // 8}" if offset else FAULTS


@final
@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    section: str
    type: layout.Type
    initial: bytes
    line: int


@final
class Sections:
    """The module's data, laid out: `cell` of every variable, `fault_offset` of every Check."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._sites: dict[tuple[Program, Fault, Span], int] = {}
        for program in module.programs:
            if program.scratch is not None and program.scratch.entries > 1:
                self._sites[program, Fault.MEMORY, program.span] = len(self._sites)
            self._find_faults(program, program.body)
        zeros = [_zeros(op) for block in _blocks(module) for op in ops.walk(block)]
        self._zeros = layout.round_up(max(zeros, default=0), 8)
        self._variables = self._collect()
        self._cells: dict[str, Cell] = {}
        ends: dict[str, int] = {}
        for variable in self._variables:
            offset = layout.round_up(ends.get(variable.section, 0), _ALIGN)
            self._cells[variable.name] = Cell(variable.section, offset)
            ends[variable.section] = offset + variable.type.size
        self._arena = ends.get(ARENA_SECTION, 0)
        """Bytes that the module's arenas take together."""

    def _find_faults(self, program: Program, block: ops.Block) -> None:
        for op in block.ops:
            if isinstance(op, ops.Raise) or (isinstance(op, ops.Check) and op.failing is None):
                self._sites.setdefault((program, op.fault, op.span), len(self._sites))
            for inner in ops.blocks(op):
                self._find_faults(program, inner)

    def _collect(self) -> list[_Variable]:
        found = []
        if self._sites:
            counters = layout.Array(layout.U64, len(self._sites))
            found.append(_Variable(FAULTS, ".bss", counters, bytes(counters.size), 0))
        if self._zeros:
            words = self._zeros // 8
            type = layout.U64 if words == 1 else layout.Array(layout.U64, words)
            found.append(_Variable(ZERO, ".bss", type, bytes(self._zeros), 0))
        for map in self._module.maps:
            if _drops(map):
                found.append(_Variable(DROPPED + map.name, ".bss", layout.U64, bytes(8), 0))
        for variable in self._module.variables:
            if variable.kind == "Kconfig":
                continue  # the loader's
            initial = b"" if variable.kind == "Arena" else variable.initial.ljust(variable.type.size, b"\0")
            section = ".rodata" if variable.kind == "Config" else ".data" if any(initial) else ".bss"
            line = variable.span.line if variable.span else 0
            if variable.kind == "Arena":
                section, initial = ARENA_SECTION, b""
            found.append(_Variable(variable.name, section, variable.type, initial, line))
        return found

    def fault_offset(self, program: Program, op: ops.Check | ops.Raise) -> int:
        """Bytes from `FAULTS` to the counter of `op`."""
        return 8 * self._sites[program, op.fault, op.span]

    def scratch_offset(self, program: Program) -> int | None:
        """Where it is counted that `program` found no free scratch memory; None if it always does."""
        site = self._sites.get((program, Fault.MEMORY, program.span))
        return None if site is None or program.scratch is None or program.scratch.entries == 1 else 8 * site

    def has_faults(self, program: Program) -> bool:
        """Whether `program` may end with a fault."""
        return any(owner is program for owner, _, _ in self._sites)

    def cell(self, name: str) -> Cell:
        """Where variable `name` lies."""
        return self._cells[name]

    def globals(self, debug: DebugInfo) -> list[str]:
        """The definitions, in LLVM's words."""
        lines = [self._map(map, debug) for map in self._maps()]
        lines += [self._variable(each, debug) for each in self._variables if each.section != ARENA_SECTION]
        if self._arena:  # its start alone: what is in it takes no place in the object
            where = f'section "{ARENA_SECTION}", align {_ALIGN}'
            lines.append(f"@{ARENA_START} = dso_local addrspace(1) global [{_ALIGN} x i8] zeroinitializer, {where}")
        lines += [self._option(each, debug) for each in self._module.variables if each.kind == "Kconfig"]
        lines += [self._operations(each, debug) for each in self._module.operations]
        for number in range(1, len(self._sites)):  # the first has the symbol of all
            place = f"getelementptr (i8, ptr {symbol(FAULTS)}, i64 {8 * number})"
            lines.append(f"{symbol(fault_symbol(8 * number))} = internal alias i8, ptr {place}")
        text = self._module.license.encode() + b"\0"
        lines.append(f'@{LICENSE} = dso_local constant [{len(text)} x i8] c{quote(text)}, section "license", align 1')
        data = encode(self.metadata())
        lines.append(
            f"@__pyebpf_metadata = internal constant [{len(data)} x i8] c{quote(data)}, "
            f'section "{metadata.SECTION}", align 1'
        )
        names = [map.name for map in self._maps()]
        names += [each.name for each in self._variables if each.section != ARENA_SECTION]
        names += [each.name for each in self._module.operations]
        names += [LICENSE, "__pyebpf_metadata"]
        kept = ", ".join(f"ptr {symbol(name)}" for name in names)
        lines.append(f'@llvm.compiler.used = appending global [{len(names)} x ptr] [{kept}], section "llvm.metadata"')
        return lines

    def _maps(self) -> tuple[MapRef, ...]:
        """The module's maps, and that of its scratch memory, of which the metadata doesn't speak."""
        scratch = self._module.scratch
        own = self._module.maps if scratch is None else (*self._module.maps, scratch)
        if not self._arena:
            return own
        pages = -(-self._arena // ARENA_PAGE)
        flags = int(MapFlag.MMAPABLE)
        return (*own, MapRef(ARENA_MAP, "Arena", int(MapType.ARENA), None, None, pages, flags, "", None))

    def _map(self, map: MapRef, debug: DebugInfo) -> str:
        line = map.span.line if map.span else 0
        pointers = len(debug.map_parts(map))
        dbg = debug.variable(map.name, debug.map(map), line)
        type, first = f"[{8 * pointers} x i8]", "zeroinitializer"
        if map.values:
            by_slot = dict(map.values)
            count = max(by_slot) + 1
            slots = [f"ptr {symbol(by_slot[slot]) if slot in by_slot else 'null'}" for slot in range(count)]
            first = f"{{ {type} zeroinitializer, [{count} x ptr] [{', '.join(slots)}] }}"
            type = f"{{ {type}, [{count} x ptr] }}"
        return f'{symbol(map.name)} = dso_local global {type} {first}, section ".maps", align 8{dbg}'

    def _variable(self, variable: _Variable, debug: DebugInfo) -> str:
        # A Config is set anew before loading: without `externally_initialized` LLVM would use its default.
        kind = "externally_initialized constant" if variable.section == ".rodata" else "global"
        initial = f"c{quote(variable.initial)}" if any(variable.initial) else "zeroinitializer"
        dbg = debug.variable(variable.name, debug.type(variable.type), variable.line)
        return f"{symbol(variable.name)} = dso_local {kind} [{variable.type.size} x i8] {initial}, align {_ALIGN}{dbg}"

    def _option(self, variable: VariableRef, debug: DebugInfo) -> str:
        """Only declared, and weak: what isn't set is zero."""
        dbg = debug.declaration(variable.name, debug.type(variable.type))
        type = f"[{variable.type.size} x i8]"
        return f'{symbol(variable.name)} = extern_weak dso_local global {type}, section ".kconfig", align {_ALIGN}{dbg}'

    def _operations(self, operations: OperationsRef, debug: DebugInfo) -> str:
        """A struct of the given members alone, laid out as C would have them: loaders go by their names."""
        types, values, fields, end = [], [], [], 0
        for member in operations.members:
            align = 1 if member.text else member.size
            at = layout.round_up(end, align)
            if at > end:
                types.append(f"[{at - end} x i8]")
                values.append("zeroinitializer")
            types.append("ptr" if member.program else f"[{member.size} x i8]")
            values.append(symbol(member.program) if member.program else f"c{quote(member.data)}")
            fields.append((member, at))
            end = at + member.size
        size = layout.round_up(end, _ALIGN)
        if size > end:
            types.append(f"[{size - end} x i8]")
            values.append("zeroinitializer")
        dbg = debug.variable(operations.name, debug.operations(operations.struct, fields, size), operations.span.line)
        first = ", ".join(f"{type} {value}" for type, value in zip(types, values, strict=True))
        place = 'section ".struct_ops.link"' if operations.linked else 'section ".struct_ops"'
        value = f"<{{ {', '.join(types)} }}> <{{ {first} }}>"
        return f"{symbol(operations.name)} = dso_local global {value}, {place}, align {_ALIGN}{dbg}"

    def metadata(self) -> metadata.Metadata:
        """What the object says about itself."""
        module = self._module
        dropped = {map.name: self.cell(DROPPED + map.name) for map in module.maps if _drops(map)}
        return metadata.Metadata(
            title=module.title,
            maps=tuple((map.name, _map_info(map, dropped.get(map.name))) for map in module.maps)
            + tuple(
                (map.inner.name, metadata.MapInfo(map.inner.kind, map.inner.key, map.inner.value))
                for map in module.maps
                if map.inner is not None
            ),
            programs=tuple(
                (program.name, _program_info(program)) for program in module.programs if program.callback is None
            ),
            variables=tuple(
                _variable_info(variable, self.cell(variable.name))
                for variable in module.variables
                if variable.kind != "Kconfig"
            ),
            faults=self.cell(FAULTS) if self._sites else None,
            fault_sites=tuple(
                metadata.FaultSite(fault.value, owner_of(program), span.source.path, span.line, span.column)
                for program, fault, span in self._sites
            ),
            prints=module.prints,
            prints_map=PRINTS if module.prints else "",
            prints_dropped=dropped.get(PRINTS) if module.prints else None,
        )


def _drops(map: MapRef) -> bool:
    """Whether what finds no room in the map is counted."""
    return map.type in EVENTS or map.stacks is not None


def owner_of(program: Program) -> str:
    """The name of the program that `program` is, or is a part of."""
    return program.name if program.callback is None else program.callback.owner


def _zeros(op: ops.Op) -> int:
    """How many bytes that are always zero `op` needs."""
    match op:
        case ops.Forget() | ops.ForgetBytes():
            return 8
        case ops.ZeroAddress():
            return op.type.target.size
        case _:
            return 0


def _blocks(module: Module) -> Iterator[ops.Block]:
    for program in module.programs:
        yield program.body
        yield from (function.body for function in program.functions)


def _map_info(map: MapRef, dropped: Cell | None) -> metadata.MapInfo:
    known = (map.kind, map.key, map.value, dropped, map.unit, map.steps, map.room)
    return metadata.MapInfo(*known, map.stacks)


def _program_info(program: Program) -> metadata.ProgramInfo:
    place = (program.span.source.path, program.span.line)
    return metadata.ProgramInfo(program.hook.name, program.argument, *place, program.marker_arguments)


def _variable_info(variable: VariableRef, cell: Cell) -> metadata.VariableInfo:
    return metadata.VariableInfo(variable.name, variable.kind, cell, variable.type)
