"""What a compiled module consists of, besides the ops: programs, maps, variables, printed lines, kernel structs."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Literal, TypeAlias, final

from pyebpf.ir.types import AddressType
from pyebpf.kernel.arguments import Signature
from pyebpf.kernel.hooks import Hook
from pyebpf.kernel.maps import MapFlag
from pyebpf.layout import Boolean, Enumeration, Integer, Type
from pyebpf.metadata import PrintSite, StackKey, Steps
from pyebpf.records import dataclass
from pyebpf.source import Span

if TYPE_CHECKING:
    from pyebpf.diagnostics.base import Diagnostic
    from pyebpf.ir.ops import Block, Local, Slot, Value
    from pyebpf.ir.scratch import Scratch


class Fault(Enum):
    """What a Check raises; the value is the Python exception's name, as `session.faults` shows it."""

    KEY = "KeyError"
    INDEX = "IndexError"
    ZERO_DIVISION = "ZeroDivisionError"
    ASSERTION = "AssertionError"
    VALUE = "ValueError"
    TYPE = "TypeError"
    """`ord` of text that isn't one character; everything else is known when the probe is compiled."""
    PACKET_TOO_SHORT = "PacketTooShort"
    NULL_POINTER = "NullPointerError"
    """A kernel pointer in a chain was null, or could not be followed."""
    MEMORY = "MemoryError"
    """A map was full, or the kernel had no memory for another entry."""


class Obligation(Enum):
    """Why a Prove stands where it does; chooses the diagnostic when the proof fails."""

    FITS = "fits"
    """An integer goes into a narrower place without an explicit conversion."""
    NOT_NEGATIVE = "not negative"
    """A signed integer meets an unsigned 64-bit one, or is needed unsigned."""
    NOT_NONE = "not none"
    """An optional value is used as if it were there."""
    POSITIVE = "positive"
    """The step of a range, whose sign must be certain."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class MapRef:
    """A map of the module."""

    name: str
    kind: str
    """The class that declared it: a name in `kernel.maps`."""
    type: int
    """`enum bpf_map_type`."""
    key: Type | None
    value: Type | None
    """For rings, the event (None for the ring of printed records)."""
    max_entries: int
    flags: int
    unit: str
    span: Span | None
    values: tuple[tuple[int, str], ...] = ()
    """Arrays of programs, maps of maps: what is in which slot at first, by name."""
    inner: MapRef | None = None
    """Maps of maps: what the maps in it are like."""
    steps: Steps | None = None
    """Linear histograms."""
    numa_node: int = 0
    """The node of memory that it lies on, if `flags` say so."""
    pinned: bool = False
    """Whether it is pinned by its name (LIBBPF_PIN_BY_NAME)."""
    room: int = 0
    """Perf buffers: the pages of each CPU's; where a RingBuf became one, the bytes of all together."""
    stacks: StackKey | None = None
    """Stacks: what is where in its keys."""

    @property
    def read_only(self) -> bool:
        """Whether programs may only read it."""
        return bool(self.flags & MapFlag.RDONLY_PROG)


@final
@dataclass(frozen=True, slots=True, eq=False)
class VariableRef:
    """A Global or Config of the module, or an option of the kernel's configuration (`.kconfig`)."""

    name: str
    kind: Literal["Global", "Config", "Kconfig", "Arena"]
    type: Type
    initial: bytes
    span: Span | None


@final
@dataclass(frozen=True, slots=True)
class KernelMember:
    """A member of a kernel struct that the module uses; `offset` in bytes, as in the BTF it was compiled with."""

    name: str
    offset: int
    type: MemberType


@final
@dataclass(frozen=True, slots=True)
class StructPointer:
    """A member that points to kernel struct `struct`; of kfuncs also "", for void."""

    struct: str


@final
@dataclass(frozen=True, slots=True)
class BarePointer:
    """A member that points to something else: numbers, text, a function, whatever."""

    type: AddressType


@final
@dataclass(frozen=True, slots=True)
class IntegerPointer:
    """The address of one integer, or of several."""

    type: Integer


@final
@dataclass(frozen=True, slots=True)
class Embedded:
    """A member that is kernel struct `struct` itself. One without a name of its own has a dot in it here."""

    struct: str


@final
@dataclass(frozen=True, slots=True)
class MemberArray:
    """A member that is an array; of char for text. `length` is 0 where the array goes on to the end of the memory."""

    element: MemberType
    length: int


@final
@dataclass(frozen=True, slots=True)
class BitField:
    """A member of `bits` bits in a `unit`, which is declared as such; `bit_offset` as for `kernel.btf.MemberAccess`."""

    unit: Integer | Boolean | Enumeration
    bits: int
    bit_offset: int


@final
@dataclass(frozen=True, slots=True)
class KfuncRef:
    """A kfunc that the module calls, with its types in the kernel. `result` is None for void."""

    name: str
    parameters: tuple[KfuncType, ...]
    result: KfuncType | None


@final
@dataclass(frozen=True, slots=True)
class KsymRef:
    """A symbol of the kernel that the module names. `type` is that of a per-CPU variable, None of a mere address."""

    name: str
    type: MemberType | None
    weak: bool
    """Whether programs ask if it is there, so that they are loaded without it."""


@final
@dataclass(frozen=True, slots=True)
class FunctionPointer:
    """What kfuncs call later: a function of a map, a key and a value."""


KfuncType: TypeAlias = Integer | Enumeration | Boolean | StructPointer | IntegerPointer | FunctionPointer
Scalar: TypeAlias = Integer | Enumeration | Boolean
MemberType: TypeAlias = "Scalar | BitField | StructPointer | BarePointer | Embedded | MemberArray"


@final
@dataclass(frozen=True, slots=True)
class KernelStruct:
    """A kernel struct, cut down to the members that the module uses. `size` in bytes; a union has all at its start."""

    name: str
    size: int
    is_union: bool
    members: tuple[KernelMember, ...]

    @property
    def shown(self) -> str:
        """Its name in the kernel's BTF; "" if it has none."""
        return "" if "." in self.name else self.name

    def member(self, name: str) -> KernelMember | None:
        return next((member for member in self.members if member.name == name), None)


@final
@dataclass(frozen=True, slots=True)
class KernelEnum:
    """An enum of the kernel's, cut down to the enumerators that the module asks for."""

    name: str
    size: int
    members: tuple[tuple[str, int], ...]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Memory on the stack of a program or function that the functions which it runs see as well.

    They get its address; in it are the address of the frame around it (`outer`), the program's context if they need
    it, and what they share.
    """

    shared: tuple[Local | Slot, ...]
    outer: Frame | None
    context: bool


FunctionKind: TypeAlias = Literal["loop", "entries", "records", "call"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function that a program runs, or has the kernel run: its result is 1 to leave the loop, 0 to go on."""

    name: str
    kind: FunctionKind
    """Who runs it, and what it is given before the address of `around`: `bpf_loop`, the number of the round;
    `bpf_for_each_map_elem`, a map and an entry's key and value; `bpf_user_ringbuf_drain`, a record; or
    whoever calls it, nothing."""
    around: Frame
    """The frame whose address it is given."""
    frame: Frame | None
    """Its own, for the functions that it runs itself."""
    body: Block
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Callback:
    """What makes a program one that no hook runs, but a timer that `owner` or another callback of it has started."""

    owner: str
    """The program whose part it is: it is loaded with it, and checked as it."""
    map: MapRef
    """Whose entries' timers call it."""
    function: str
    """What the user calls it."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A program: the body of a decorated function with its helpers inlined."""

    name: str
    hook: Hook
    argument: str
    """The decorator's argument: `syscalls:sys_enter_execve`, or ""."""
    default: int
    """Result after a fault."""
    parameter: str
    body: Block
    span: Span
    """The `def` line."""
    frame: Frame | None = None
    """What it shares with its functions."""
    functions: tuple[Function, ...] = ()
    """What was taken out of its body to be functions of their own."""
    scratch: Scratch | None = None
    """Where local memory lies that doesn't fit the stack, once that is decided."""
    callback: Callback | None = None
    signature: Signature | None = None
    """Hooks whose parameters are arguments: what the target takes and gives."""
    marker_arguments: tuple[int, ...] = ()
    """USDT: which of the marker's arguments it reads."""


@final
@dataclass(frozen=True, slots=True)
class OperationMember:
    """A member of a struct of operations: a program, or a value."""

    name: str
    size: int
    text: bool
    offset: int
    """In the kernel's struct; the object has the same order."""
    data: bytes
    program: str = ""


@final
@dataclass(frozen=True, slots=True)
class OperationsRef:
    """A struct of operations, cut down to the members that are given."""

    name: str
    struct: str
    members: tuple[OperationMember, ...]
    linked: bool
    """Whether every kernel that shall load it has links for them (6.4), which libbpf is told by the section."""
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """Everything that goes into one object."""

    title: str
    license: str
    maps: tuple[MapRef, ...]
    variables: tuple[VariableRef, ...]
    programs: tuple[Program, ...]
    kernel_structs: tuple[KernelStruct, ...]
    prints: tuple[PrintSite, ...]
    """Their records go to the map of the name `PRINTS`."""
    suspects: tuple[Diagnostic, ...] = ()
    """Warnings that the source alone gives rise to."""
    conditions: tuple[tuple[Value, Span], ...] = ()
    """Comparisons and conditions as the user wrote them: it is suspect if one has always the same result."""
    kfuncs: tuple[KfuncRef, ...] = ()
    scratch: MapRef | None = None
    """The map of the programs' scratch memory."""
    types_given: bool = False
    """Whether it was compiled with the types of a certain kernel, not with those of the running one."""
    kernel_enums: tuple[KernelEnum, ...] = ()
    big_endian: bool = False
    """Whether it is for big-endian machines."""
    ksyms: tuple[KsymRef, ...] = ()
    operations: tuple[OperationsRef, ...] = ()


PRINTS = "__pyebpf_prints"
