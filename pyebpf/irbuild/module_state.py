"""What the programs of a module share while they are built: maps, variables, printed lines, kernel types."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from sys import byteorder
from types import FunctionType
from typing import Literal

from pyebpf.diagnostics import hooks as errors
from pyebpf.diagnostics.base import Diagnostic, Error
from pyebpf.encode import Order, encode
from pyebpf.ir import ops
from pyebpf.ir.module import (
    PRINTS,
    BarePointer,
    BitField,
    Embedded,
    KernelEnum,
    KernelMember,
    KernelStruct,
    KfuncRef,
    KsymRef,
    MapRef,
    MemberArray,
    MemberType,
    StructPointer,
    VariableRef,
)
from pyebpf.ir.scratch import runs_alone
from pyebpf.irbuild.builder import Builder
from pyebpf.kernel.btf import Btf, BtfError, Kind
from pyebpf.kernel.hooks import Hook
from pyebpf.kernel.maps import RING_BUF, MapType, map_kind_by_name
from pyebpf.kernel.versions import Version
from pyebpf.lang.histograms import AnyHistogram
from pyebpf.lang.kconfig import Kconfig
from pyebpf.lang.maps import Map
from pyebpf.lang.nested import ArrayOfMaps, HashOfMaps
from pyebpf.lang.perf_buffers import PerfEventArray
from pyebpf.lang.probes import Probe
from pyebpf.lang.programs import ProgArray
from pyebpf.lang.stacks import Stacks
from pyebpf.lang.variables import Declared
from pyebpf.layout import Type, tail_of
from pyebpf.metadata import PrintSite
from pyebpf.source import Span
from pyebpf.syntax import tree

PRINT_RING_BYTES = 256 * 1024
KINDS: dict[str, Literal["Global", "Config", "Arena"]] = {"Global": "Global", "Config": "Config", "Arena": "Arena"}
POINTER_BYTES = 8


@dataclass(frozen=True)
class StacksUse:
    """What the first `stacks[…] += 1` has made of a Stacks."""

    map: MapRef
    traces: MapRef | None
    """What has the stacks, but for Python's."""
    others: MapRef | None
    """What has those that collide in it."""
    shape: tuple[Type | str, ...]
    """The parts of a key: types, and names of fields with stacks."""
    span: Span


@dataclass
class ModuleState:
    """Registries of one module, filled as its programs are lowered."""

    parse: Callable[[FunctionType], tree.Function]
    """The syntax tree of a Python function; CompileError if it has none."""
    given_btf: Btf | None
    names: dict[int, str]
    """Names of module-level declarations, by `id`."""
    public: tuple[str, ...]
    """What `from pyebpf import …` offers, for suggestions."""
    hooks: frozenset[Hook] = frozenset()
    """Those of the module's probes."""
    kernel: Version | None = None
    """The oldest that shall load it, where that is told."""
    maps: dict[int, MapRef] = field(default_factory=dict)
    variables: dict[int, VariableRef] = field(default_factory=dict)
    stacks: dict[int, StacksUse] = field(default_factory=dict)
    """Of each Stacks that is counted in, by `id`, what its keys are."""
    walks: dict[int, Map] = field(default_factory=dict)
    """Of each of them what has Python's stacks, where there are any."""
    moved: dict[tuple[FunctionType, Span], tree.Function] = field(default_factory=dict)
    """Functions of pyebpf's own library, for each place that calls them."""
    kfuncs: dict[str, KfuncRef] = field(default_factory=dict)
    ksyms: dict[str, KsymRef] = field(default_factory=dict)
    signatures: dict[str, object] = field(default_factory=dict)
    """What kfuncs take, as `irbuild.kfunc_types` has read it."""
    prints: list[PrintSite] = field(default_factory=list)
    members: dict[str, dict[str, KernelMember]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """Size in bytes, and whether it is a union, of each kernel struct used."""
    type_ids: dict[str, int] = field(default_factory=dict)
    """Of kernel structs, in the BTF in use."""
    homes: dict[str, Btf] = field(default_factory=dict)
    """The BTF that each kernel struct was found in: that of a module, where only a module has it."""
    loadable: dict[tuple[str, str], bool] = field(default_factory=dict)
    """As `kernel_types.is_loadable` has found."""
    enums: dict[str, KernelEnum] = field(default_factory=dict)
    suspects: list[Diagnostic] = field(default_factory=list)
    conditions: list[tuple[ops.Value, Span]] = field(default_factory=list)
    """As those of `ir.Module`."""
    keep: list[object] = field(default_factory=list)
    """Declarations stay alive, so that their ids stay theirs."""

    @property
    def big_endian(self) -> bool:
        """Whether it is compiled for big-endian machines: as the kernel types are that were asked for, or this machine
        is."""
        return self.given_btf.big_endian if self.given_btf is not None else byteorder == "big"

    @property
    def reads_null(self) -> bool:
        """Whether the kernel may have memory at address 0, where reads succeed: on s390x, whose first page tells the
        hardware what to do. It is the one big-endian machine of `kernel/registers.py`."""
        return self.big_endian

    @property
    def order(self) -> Order:
        """Of the bytes in numbers."""
        return ">" if self.big_endian else "<"

    @property
    def counts_alone(self) -> bool:
        """Whether nothing else of the module can begin on a CPU while a probe adds to what is that CPU's own: neither
        the same probe once more (see `Hook.alone`) nor one at another hook."""
        return len(self.hooks) == 1 and all(runs_alone(hook, None) for hook in self.hooks)

    def warn(self, diagnostic: Diagnostic) -> None:
        """Remember a warning, once."""
        if diagnostic not in self.suspects:
            self.suspects.append(diagnostic)

    def map(self, declared: Map, name: str) -> MapRef:
        """The map of a declaration; its name is the module-level one."""
        if isinstance(declared, Stacks):
            return self._stacks(declared, name)
        if id(declared) not in self.maps:
            kind = map_kind_by_name(declared.kind)
            assert kind is not None, declared.kind
            self.keep.append(declared)
            type, entries, room = int(kind.type), declared.max_entries, 0
            if isinstance(declared, PerfEventArray):
                room = declared.pages
            elif self.lacks_rings and declared.kind == "RingBuf" and _has_size(declared.value):
                type, entries, room = int(MapType.PERF_EVENT_ARRAY), 0, declared.max_entries
            self.maps[id(declared)] = MapRef(
                self._name(declared, name),
                declared.kind,
                type,
                declared.key,
                declared.value,
                entries,
                kind.flags | declared.flags,
                declared.unit,
                None,
                self._slots(declared),
                _inner(declared, self._name(declared, name)),
                declared.steps if isinstance(declared, AnyHistogram) else None,
                declared.numa_node,
                declared.pinned,
                room,
            )
        return self.maps[id(declared)]

    def _stacks(self, declared: Stacks, name: str) -> MapRef:
        """As far as it is known: the first that counts in it says what its keys are."""
        use = self.stacks.get(id(declared))
        name = self._name(declared, name)
        nothing = MapRef(name, declared.kind, int(MapType.UNSPEC), None, None, declared.max_entries, 0, "", None)
        return nothing if use is None else use.map

    def count_stacks(self, declared: Stacks, use: StacksUse) -> None:
        """What the keys of `declared` are, from now on."""
        self.keep.append(declared)
        self.stacks[id(declared)] = use
        self.maps[id(declared)] = use.map

    def forget_stacks(self, known: Collection[int]) -> None:
        """What the keys are of all but the `known` ones: their program is lowered once more, with other types."""
        for each in [each for each in self.stacks if each not in known]:
            del self.stacks[each], self.maps[each]

    def _name(self, declared: Map | Declared, name: str) -> str:
        """What `declared` is called; where no module has a name for it, after the expression that a probe uses."""
        if id(declared) not in self.names:
            plain = re.sub(r"\W+", "_", name).strip("_") or "unnamed"
            taken = set(self.names.values())
            numbered = (f"{plain}_{number}" for number in range(2, len(taken) + 3))
            self.names[id(declared)] = next(each for each in (plain, *numbered) if each not in taken)
        return self.names[id(declared)]

    def _slots(self, declared: Map) -> tuple[tuple[int, str], ...]:
        """What is in an array of programs, or a map of maps, at first."""
        if isinstance(declared, ProgArray):
            return tuple(sorted((slot, program.__name__) for slot, program in declared.programs.items()))
        if isinstance(declared, HashOfMaps | ArrayOfMaps):
            return tuple(sorted((key, self.map(held, f"map{key}").name) for key, held in declared.held.items()))
        return ()

    def tail_targets(self) -> list[Probe]:
        """The programs in the arrays of programs that are used."""
        arrays = [declared for declared in self.keep if isinstance(declared, ProgArray)]
        return list(dict.fromkeys(program for array in arrays for _, program in sorted(array.programs.items())))

    def print_ring(self) -> MapRef:
        """The ring that carries printed records."""
        if 0 not in self.maps:
            type, entries, room = MapType.RINGBUF, PRINT_RING_BYTES, 0
            if self.lacks_rings:
                type, entries, room = MapType.PERF_EVENT_ARRAY, 0, PRINT_RING_BYTES
            self.maps[0] = MapRef(PRINTS, "RingBuf", int(type), None, None, entries, 0, "", None, room=room)
        return self.maps[0]

    @property
    def lacks_rings(self) -> bool:
        """Whether a kernel that shall load it has no ring buffers, so that events go into perf buffers."""
        return self.kernel is not None and self.kernel < RING_BUF.since

    def own_map(self, name: str, kind: str, key: Type, value: Type, max_entries: int) -> MapRef:
        """A map of the compiler's, by its name."""
        found = next((map for map in self.maps.values() if map.name == name), None)
        if found is None:
            row = map_kind_by_name(kind)
            assert row is not None
            found = MapRef(name, kind, int(row.type), key, value, max_entries, row.flags, "", None)
            self.keep.append(found)
            self.maps[id(found)] = found
        return found

    def variable(self, declared: Declared, name: str) -> VariableRef:
        """The variable of a declaration."""
        if id(declared) not in self.variables:
            self.keep.append(declared)
            self.variables[id(declared)] = VariableRef(
                self._name(declared, name),
                KINDS[declared.kind],
                declared.type,
                _initial(declared, self.order),
                None,
            )
        return self.variables[id(declared)]

    def option(self, declared: Kconfig) -> VariableRef:
        """An option of the kernel's configuration."""
        for known in self.variables.values():
            if known.kind == "Kconfig" and known.name == declared.name:
                return known
        if id(declared) not in self.variables:
            self.keep.append(declared)
            first = bytes(declared.type.size)
            self.variables[id(declared)] = VariableRef(declared.name, "Kconfig", declared.type, first, None)
        return self.variables[id(declared)]

    def btf(self, b: Builder, span: Span) -> Btf:
        """Kernel types: those asked for, or the running kernel's; a diagnostic if there are none."""
        if self.given_btf is not None:
            return self.given_btf
        try:
            return Btf.running()
        except (BtfError, OSError) as error:
            b.error(errors.NoKernelTypes(span, str(error)))

    def btf_of(self, b: Builder, struct: str, span: Span) -> Btf:
        """Kernel types among which `struct` is, if it is anywhere: the kernel's own, or those of a module. A struct
        without a name is where the one around it is."""
        outer = struct.partition(".")[0]
        if struct not in self.homes and outer not in self.homes:
            btf = self.btf(b, span)
            found = btf.search(outer, Kind.STRUCT) or btf.search(outer, Kind.UNION)
            self.homes[outer] = btf if found is None else found[1]
        return self.homes.get(struct) or self.homes[outer]

    def btf_or_none(self) -> Btf | None:
        if self.given_btf is not None:
            return self.given_btf
        try:
            return Btf.running()
        except (Error, OSError):
            return None

    def use_member(self, struct: str, name: str, offset: int, type: MemberType) -> None:
        """Remember that `struct.name` is used, so that the object describes it."""
        self.members.setdefault(struct, {})[name] = KernelMember(name, offset, type)

    def ksym(self, name: str, type: MemberType | None, *, weak: bool = False) -> None:
        """Remember that a symbol of the kernel is used; weak once somebody asks whether it is there."""
        known = self.ksyms.get(name)
        self.ksyms[name] = KsymRef(name, type, weak or (known is not None and known.weak))

    def kernel_structs(self) -> tuple[KernelStruct, ...]:
        """All used structs with their used members, in order of name and offset."""
        return tuple(
            KernelStruct(
                name,
                self._extent(Embedded(name)),
                self.sizes[name][1],
                tuple(sorted(self.members.get(name, {}).values(), key=_place)),
            )
            for name in sorted(self.sizes)
        )

    def _extent(self, type: MemberType) -> int:
        """The bytes of a member as the object describes it: structs are at least as large as what is said to be in
        them, be it of other kernels, whose offsets nobody knows here."""
        match type:
            case Embedded(struct=struct):
                inner = (each.offset + self._extent(each.type) for each in self.members.get(struct, {}).values())
                return max(self.sizes[struct][0], *inner, 0)
            case MemberArray(element=element):
                return self._extent(element) * type.length
            case BitField():
                return 0
            case StructPointer() | BarePointer():
                return POINTER_BYTES
            case _:
                return type.size


def _has_size(event: Type | None) -> bool:
    """Whether records are all of one size: a perf buffer's are rounded up, so that others' would be lost."""
    return event is not None and tail_of(event)[1] is None


def _place(member: KernelMember) -> tuple[int, str]:
    """Members come in the order of their bits, which the kernel's BTF wants."""
    bit = member.type.bit_offset if isinstance(member.type, BitField) else 0
    return member.offset * 8 + bit, member.name


def _inner(declared: Map, name: str) -> MapRef | None:
    """What the maps in a map of maps are like."""
    if not isinstance(declared, HashOfMaps | ArrayOfMaps):
        return None
    like = declared.inner
    kind = map_kind_by_name(like.kind)
    assert kind is not None
    numbers = (like.max_entries, kind.flags | like.flags)
    types = (like.key, like.value)
    return MapRef(
        f"{name}.inner", like.kind, int(kind.type), *types, *numbers, like.unit, None, numa_node=like.numa_node
    )


def _initial(declared: Declared, order: Order) -> bytes:
    """The first contents of a variable."""
    return (
        bytes(declared.type.size) if declared.initial is None else encode(declared.type, declared.initial, order=order)
    )
