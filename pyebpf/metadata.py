"""What a pyebpf object knows about itself beyond ELF and BTF.

Kept as JSON in a section named `.pyebpf`, which other loaders pass over. It is
data and nothing else: reading it never runs code, and every value is checked.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.layout import U32, U64, Struct, Type
from pyebpf.records import dataclass

SECTION: Final = ".pyebpf"
VERSION: Final = 1


@final
@dataclass(frozen=True, slots=True)
class Cell:
    """A place in a data section (`.bss`, `.data` or `.rodata`)."""

    section: str
    offset: int


KERNEL_STACK: Final = "kernel_stack"
USER_STACK: Final = "user_stack"
"""Fields in the keys of a `Stacks` map with the numbers of stacks, i32: below zero where there is none, by -errno."""
PYTHON_STACK: Final = "python_stack"
"""The same of Python's calls, u64: 0 where there are none, or `NO_ROOM`."""
NO_ROOM: Final = 1
"""In the place of a stack of Python's that there was no room for."""
MOST_PYTHONS: Final = 8192
"""Processes that have an interpreter."""
PYTHONS: Final = "__pyebpf_pythons"
PYTHON_CODES: Final = "__pyebpf_codes"
"""Maps of `pyebpf.library.python_frames`: by the number of a process its interpreter; functions by theirs."""
INTERPRETER: Final[dict[str, Type]] = {
    **dict.fromkeys(("main", "family", "device", "inode"), U64),
    **dict.fromkeys(("threads", "thread", "frame", "through", "code", "previous", "kind", "version"), U32),
}
"""What is told of a process's interpreter, in the first of these maps."""
OTHERS: Final = 1 << 30
"""In the number of a stack: it is in the second map. No map has so many."""
OWNER: Final = "tgid"
"""The field with the process that a user's stack is in, u32."""


@final
@dataclass(frozen=True, slots=True)
class StackKey:
    """How the key of a `Stacks` map is made up, whose type is a struct."""

    traces: str
    """The name of the map that the numbers of stacks are of; "" where there are only Python's."""
    others: str
    """That of the map with those that collide in the first one: their numbers have the bit `OTHERS` as well."""
    parts: tuple[str, ...]
    """The fields that the program's key has, in its order, those with stacks among them."""
    pythons: str = ""
    """The name of the map with Python's stacks, where the key has one."""


@final
@dataclass(frozen=True, slots=True)
class Steps:
    """A linear histogram's slots: slot 0 counts what is below `low`, slot k what is from `low + (k - 1) * step` up to
    the next, and slot `count + 1` what is `end` and more."""

    low: int
    step: int
    count: int

    @property
    def end(self) -> int:
        return self.low + self.step * self.count


@final
@dataclass(frozen=True, slots=True)
class MapInfo:
    """How Python sees a map: the class that declared it, and its key and value (None where BTF says enough)."""

    kind: str
    """`Hash`, `RingBuf`, `Histogram`, …: the name of the class in the probe."""
    key: Type | None
    value: Type | None
    """For rings, the event."""
    dropped: Cell | None = None
    """Rings, perf buffers: a u64 that counts events that found no room. Stacks: one with what the map had none for."""
    unit: str = ""
    """Histograms: the unit of what was observed."""
    steps: Steps | None = None
    """Linear histograms."""
    room: int = 0
    """Perf buffers: the pages of each CPU's; where a RingBuf became one, the bytes of all together."""
    stacks: StackKey | None = None
    """Stacks: what is where in its keys."""


@final
@dataclass(frozen=True, slots=True)
class VariableInfo:
    """A `Global` or `Config`: a typed place in `.data`, `.bss` (globals) or `.rodata` (configs)."""

    name: str
    kind: str
    cell: Cell
    type: Type


@final
@dataclass(frozen=True, slots=True)
class FaultSite:
    """A place in the source that may fault; its counter is the u64 at `Metadata.faults` + 8 * index."""

    kind: str
    """The Python exception: `KeyError`, `IndexError`, `ZeroDivisionError`, `AssertionError`, `PacketTooShort`, …"""
    program: str
    file: str
    line: int
    column: int


@final
@dataclass(frozen=True, slots=True)
class PrintPart:
    """A piece of a printed line: literal `text`, or the field of the record at `field`, with its format spec."""

    text: str = ""
    field: str | None = None
    conversion: str = ""
    """`r`, `s`, `a`, or nothing."""
    spec: str = ""


@final
@dataclass(frozen=True, slots=True)
class PrintSite:
    """One `print` in the source. Its record starts with a u32 index into `Metadata.prints`, named `site`."""

    file: str
    line: int
    record: Struct
    parts: tuple[PrintPart, ...]
    """Joined in order, with no separators of their own."""


@final
@dataclass(frozen=True, slots=True)
class ProgramInfo:
    """What a program was declared as: the hook and its argument, e.g. `tracepoint`, `raw_syscalls:sys_enter`."""

    hook: str
    argument: str
    file: str
    line: int
    arguments: tuple[int, ...] = ()
    """Markers (USDT): which of the marker's arguments it reads."""


@final
@dataclass(frozen=True, slots=True)
class Metadata:
    """Everything in the `.pyebpf` section."""

    title: str = ""
    """First line of the module's docstring."""
    maps: tuple[tuple[str, MapInfo], ...] = ()
    programs: tuple[tuple[str, ProgramInfo], ...] = ()
    variables: tuple[VariableInfo, ...] = ()
    faults: Cell | None = None
    fault_sites: tuple[FaultSite, ...] = ()
    prints: tuple[PrintSite, ...] = ()
    prints_map: str = ""
    """Name of the ring that carries printed records, when there are any."""
    prints_dropped: Cell | None = None
