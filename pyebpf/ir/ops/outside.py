"""Ops that get something from outside of the program: maps, helpers, contexts, the kernel's structs, packets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias, final

from pyebpf.ir.module import KfuncRef, MapRef
from pyebpf.ir.types import AddressType, BoolType, IntType, KernelType, PointerType, ValueType
from pyebpf.records import dataclass
from pyebpf.source import Span

if TYPE_CHECKING:
    from pyebpf.ir.ops import Value
    from pyebpf.ir.ops.effects import Entries


@final
@dataclass(frozen=True, slots=True, eq=False)
class MapLookup:
    """The address of the entry for the key at `key`, or null. In a map of maps the entry is a map.

    `through` is the address of the map, where it is one found in a map of maps, and `map` only says what it is like.
    """

    map: MapRef
    key: Value
    type: PointerType
    span: Span
    through: Value | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class MapUpdate:
    """Write the entry. `flags`: BPF_ANY 0, BPF_NOEXIST 1, BPF_EXIST 2, BPF_F_LOCK 4. The result is 0 or -errno."""

    map: MapRef
    key: Value
    value: Value
    flags: int
    type: IntType
    span: Span
    through: Value | None = None
    """As a MapLookup's."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class MapDelete:
    """Remove the entry. The result is 0 or -errno."""

    map: MapRef
    key: Value
    type: IntType
    span: Span
    through: Value | None = None
    """As a MapLookup's."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class MapAddress:
    """The map itself, as an argument of a Call."""

    map: MapRef
    type: AddressType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class NextEntry:
    """Whether there is another entry; go on to it. The test that the loop's body begins with."""

    entries: Entries
    type: BoolType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class EntryPart:
    """The address of the key, or of the value, of the entry that a loop has come to; of a user ring's record its
    dynptr."""

    entries: Entries
    part: Literal["key", "value", "record"]
    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class CallbackAddress:
    """A callback, by its name among the module's programs, as an argument of a Call."""

    callback: str
    type: AddressType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class CallbackPart:
    """The address of the key, or of the value, of the entry that a callback is called for."""

    map: MapRef
    part: Literal["key", "value"]
    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class RingReserve:
    """Room for one event of `type.target` in the ring, or null when it is full. Bytes are undefined until written."""

    map: MapRef
    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A kernel helper, by its name in `kernel.helpers`, with at most five arguments."""

    helper: str
    arguments: tuple[Value, ...]
    type: ValueType
    span: Span
    writes: int = 0
    """Bytes that the helper always defines at one of the pointers that it is given."""
    target: int = 0
    """Which argument that is, counted from 0."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class KfuncCall:
    """A function of the kernel that is called by name, with at most five arguments."""

    kfunc: KfuncRef
    arguments: tuple[Value, ...]
    type: ValueType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class ContextPointer:
    """The program's context, its only argument."""

    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class ContextLoad:
    """Read `size` bytes at a fixed `offset` of the context, extended to 64 bits."""

    offset: int
    size: int
    type: IntType | AddressType | KernelType | PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class KernelField:
    """The address of a member of the kernel struct at `base`: a CO-RE relocation, patched at load time.

    `base` is a KernelType or AddressType value, or the ContextPointer of a tracepoint. `path` goes from `struct` to
    the member: names, through structs that it embeds, and numbers of array elements.
    """

    base: Value
    struct: str
    path: tuple[str | int, ...]
    type: AddressType | KernelType | PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class KernelAddress:
    """`base`, an address or a number, and `offset` bytes more, as the address of what `type` says: of a field of a
    socket, if that is a pointer."""

    base: Value
    offset: Value
    type: AddressType | KernelType | PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class KsymAddress:
    """The address of what the kernel calls `name`: a number, or an address that only helpers take."""

    name: str
    type: IntType | AddressType
    span: Span


KernelQuestion: TypeAlias = Literal[
    "member exists",
    "member offset",
    "member size",
    "left shift",
    "right shift",
    "type exists",
    "type size",
    "enumerator exists",
    "enumerator value",
]


@final
@dataclass(frozen=True, slots=True, eq=False)
class KernelFact:
    """A number about the kernel that the program runs on: a CO-RE relocation, patched at load time.

    `path` goes from the struct `name` to a member, as in KernelField; it is the name in the enum `name`. `here` is the
    answer of the BTF that the program is compiled with. The shifts bring a bit field, in its unit as loaded to the
    start of 64 bits, up against their top and down to their bottom.
    """

    question: KernelQuestion
    name: str
    path: tuple[str | int, ...]
    here: int
    type: IntType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class PacketData:
    """The packet's first byte. Loaded anew from the context each time."""

    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class PacketLength:
    """Bytes that can be read in place: data_end - data."""

    type: IntType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class PacketAdvance:
    """A packet pointer `amount` bytes further on (0 <= amount <= 0xffff, which the verifier needs to know)."""

    pointer: Value
    amount: Value
    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class PacketFits:
    """Whether `size` bytes from `pointer` lie inside the packet: the comparison that the verifier looks for."""

    pointer: Value
    size: int
    type: BoolType
    span: Span
