"""The ops. An op that computes something is its own value: operands are references to other ops.

Ops compare by identity. Control flow is structured: `If`, `Loop` and `Scope`
hold blocks; `Break`, `Continue` and `Return` end one. What changes over time
lives in `Local`s (scalars) and `Slot`s (memory on the stack).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Literal, TypeAlias, TypeGuard, final, get_args

from pyebpf.ir.module import Fault, KfuncRef, MapRef, Obligation, VariableRef
from pyebpf.ir.types import (
    AddressType,
    BoolType,
    IntType,
    KernelType,
    PointerType,
    ValueType,
)
from pyebpf.layout import Integer, Type
from pyebpf.records import dataclass
from pyebpf.source import Span

Arithmetic: TypeAlias = Literal["+", "-", "*", "//", "%", "<<", ">>", "&", "|", "^"]
Strategy: TypeAlias = Literal["bounded", "unrolled", "callback", "entries", "iterator"]
Comparison: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Local:
    """A variable that holds one scalar or pointer. Reads before the first write give zero."""

    name: str
    type: ValueType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """Memory on the stack. Its bytes are undefined until written or `Zero`ed.

    `stays`: what the verifier knows to be there it wants on the stack itself.
    """

    name: str
    type: Type
    span: Span
    stays: bool = False


@final
@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """What `Break` and `Continue` leave: a Loop or a Scope."""

    name: str


@final
@dataclass(frozen=True, slots=True)
class Block:
    """Ops in order. Nothing follows a Break, Continue, Return or Raise."""

    ops: tuple[Op, ...] = ()


# Values


@final
@dataclass(frozen=True, slots=True, eq=False)
class Const:
    value: int
    type: IntType | BoolType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Null:
    """The null pointer of a nullable pointer type or a kernel type."""

    type: PointerType | KernelType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class LocalGet:
    local: Local
    type: ValueType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class SlotAddress:
    slot: Slot
    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class VariableAddress:
    """The address of a Global or Config in its data section."""

    variable: VariableRef
    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class ZeroAddress:
    """The address of a `type.target` of at most 8 bytes that is always zero."""

    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class MemberAddress:
    """`base` plus a constant number of bytes: a struct's field, or an array's element of constant index."""

    base: Value
    offset: int
    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class ElementAddress:
    """`base` plus `index` elements of `type.target`. A Check before it has made sure of the index."""

    base: Value
    index: Value
    length: int
    """Number of elements that there are, for the printer and for proofs."""
    type: PointerType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """Read the scalar `address.type.target`, extended to 64 bits; big-endian types in host order.

    With `bits`, only that many bits of it, from `bit_offset` up (from the least significant bit of the host-order
    number).
    """

    address: Value
    type: ValueType
    span: Span
    bits: int = 0
    bit_offset: int = 0


@final
@dataclass(frozen=True, slots=True, eq=False)
class Binary:
    """Arithmetic in 64 bits, wrapping. `//` and `%` floor, as Python's; their divisor was checked not to be zero.

    Shift counts of 64 and more give what Python's infinite bits would leave in 64: 0, or the sign; a
    count is never negative (checked before).
    """

    operator: Arithmetic
    left: Value
    right: Value
    type: IntType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Compare:
    """Exact comparison of numbers, also of a signed with an unsigned 64-bit operand; or of two truth values."""

    operator: Comparison
    left: Value
    right: Value
    type: BoolType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Not:
    value: Value
    type: BoolType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Present:
    """Whether a nullable pointer, kernel pointer or address is not null."""

    pointer: Value
    type: BoolType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Convert:
    """`u32(x)`: the low bits of `value`, read as `target`. Addresses become numbers to compare them."""

    value: Value
    target: Integer
    type: IntType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class BitLength:
    """Position of the highest set bit of an unsigned number, counted from 1; 0 for zero (`int.bit_length`)."""

    value: Value
    type: IntType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Prove:
    """`value`, which analysis must show to lie in `type`: an integer range, or a pointer that isn't null.

    A truth value (NOT_NONE: whether an optional is there) must be shown to be true.
    Makes no code. Where the proof fails the obligation tells the diagnostic.
    """

    value: Value
    type: ValueType
    obligation: Obligation
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class NotNull:
    """`pointer` as a type that isn't nullable; a Check before it has made sure."""

    pointer: Value
    type: PointerType
    span: Span


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
class Entries:
    """Begin to go through the entries of a map. Belongs to one Loop, of the strategy "entries"."""

    map: MapRef
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
    """The address of the key, or of the value, of the entry that a loop has come to."""

    entries: Entries
    part: Literal["key", "value"]
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
    """Bytes that the helper always defines at the pointer given as its first argument."""


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
class ContextStore:
    """Write the low `size` bytes of `value` at a fixed `offset` of the context."""

    offset: int
    size: int
    value: Value
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
    """`base`, an address or a number, and `offset` bytes more, as the address of what `type` says."""

    base: Value
    offset: Value
    type: AddressType | KernelType
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


# Effects


@final
@dataclass(frozen=True, slots=True, eq=False)
class LocalSet:
    local: Local
    value: Value
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Forget:
    """Changes nothing, but the kernel's verifier knows no more what `locals` (numbers, truth values) hold."""

    locals: tuple[Local, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """Write the low bits of `value` as `address.type.target`; big-endian types are swapped. `bits` as for Load."""

    address: Value
    value: Value
    span: Span
    bits: int = 0
    bit_offset: int = 0


@final
@dataclass(frozen=True, slots=True, eq=False)
class StoreBytes:
    """Write constant bytes: literal text with its padding."""

    address: Value
    data: bytes
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class EqualBytes:
    """Whether the memory at `address` starts with exactly the constant bytes `data`."""

    address: Value
    data: bytes
    type: BoolType
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Zero:
    """Set the bytes in `ranges` (`(offset, size)` each, from `address`) to zero."""

    address: Value
    ranges: tuple[tuple[int, int], ...]
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """Copy `size` bytes. The two do not overlap.

    `shares`: where Python would have no copy but the same object twice ("whole"), or a new list of the same objects
    ("elements").
    """

    target: Value
    source: Value
    size: int
    span: Span
    shares: Literal["", "whole", "elements"] = ""


@final
@dataclass(frozen=True, slots=True, eq=False)
class AtomicAdd:
    """Add to the 4- or 8-byte integer at `address`, in one step that no other CPU can interrupt."""

    address: Value
    value: Value
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class RingSubmit:
    record: Value
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class RingDiscard:
    record: Value
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class CountDropped:
    """Count one event that found the ring full."""

    map: MapRef
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class ForgetBytes:
    """Changes nothing, but the kernel's verifier knows no more what `size` bytes on the stack hold."""

    address: Value
    size: int
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Have the kernel run the program's `function` at most `rounds` times, until it answers 1 (`bpf_loop`); or for
    each of `entries` (`bpf_for_each_map_elem`). Or call it, once."""

    function: str
    rounds: int
    span: Span
    entries: Entries | None = None
    call: bool = False


@final
@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """If `condition` is false: give back the ring records in `cleanup`, count the fault, end the program.

    Where a `try` catches the fault, `failing` says what happens instead; it ends with a Break, or in a function with a
    Return.
    """

    condition: Value
    fault: Fault
    cleanup: tuple[Value, ...]
    span: Span
    failing: Block | None = None


# Control flow


@final
@dataclass(frozen=True, slots=True, eq=False)
class If:
    condition: Value
    then: Block
    orelse: Block
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Counting:
    """What a loop counts: `counter` runs from `start`, while it is short of `stop`, by `step` or more each time."""

    counter: Local
    start: Value
    stop: Value
    step: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """`body`, then `step`, again and again until a Break. Continue goes to `step`.

    `bound` is the greatest number of times that `body` starts, None until proven. `guarded` makes
    the code count as well, so that the verifier sees the bound. `strategy`: whether it stays a loop, is written out, or
    becomes a function that the kernel runs again and again, or for each entry of a map; or whether it is a loop that
    an iterator of the kernel's ends, and has no bound.
    """

    label: Label
    body: Block
    step: Block
    counting: Counting | None
    bound: int | None
    guarded: bool
    span: Span
    strategy: Strategy = "bounded"

    @property
    def is_function(self) -> bool:
        """Whether the kernel runs its rounds as a function."""
        return self.strategy in ("callback", "entries")

    @property
    def is_endless(self) -> bool:
        """Whether an iterator ends it, after a few rounds of which the verifier knows all others."""
        return self.strategy == "iterator"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A block that Break leaves: an inlined function, or what a `try` protects.

    `function`: the name of the function, if it is a copy of one. `rounds`: how many there were, of a loop that was
    written out; `counter`: what counts them.
    """

    label: Label
    body: Block
    span: Span
    function: str = ""
    rounds: int = 0
    counter: Local | None = None


@final
@dataclass(frozen=True, slots=True, eq=False)
class Break:
    label: Label
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Continue:
    label: Label
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Return:
    """End the program with this result (an integer in the hook's range), or the function with 0 or 1."""

    value: Value
    span: Span


@final
@dataclass(frozen=True, slots=True, eq=False)
class Raise:
    """Give back the ring records in `cleanup`, count the fault, end the program: a Check that always fails."""

    fault: Fault
    cleanup: tuple[Value, ...]
    span: Span


Value: TypeAlias = (
    Const
    | Null
    | LocalGet
    | SlotAddress
    | VariableAddress
    | ZeroAddress
    | MemberAddress
    | ElementAddress
    | Load
    | Binary
    | Compare
    | Not
    | Present
    | Convert
    | BitLength
    | Prove
    | NotNull
    | MapLookup
    | MapUpdate
    | MapDelete
    | MapAddress
    | NextEntry
    | EntryPart
    | CallbackAddress
    | CallbackPart
    | RingReserve
    | Call
    | KfuncCall
    | ContextPointer
    | ContextLoad
    | KernelField
    | KernelAddress
    | KsymAddress
    | KernelFact
    | PacketData
    | PacketLength
    | PacketAdvance
    | PacketFits
    | EqualBytes
)
Effect: TypeAlias = (
    LocalSet
    | Store
    | StoreBytes
    | Zero
    | Copy
    | AtomicAdd
    | ContextStore
    | RingSubmit
    | RingDiscard
    | CountDropped
    | Entries
    | Forget
    | ForgetBytes
    | Run
    | Check
)
Control: TypeAlias = If | Loop | Scope | Break | Continue | Return | Raise
Op: TypeAlias = Value | Effect | Control


@final
@dataclass(frozen=True, slots=True)
class Alias:
    """Not an op: a rewrite's answer that `value` takes the place of the op in question."""

    value: Value


VALUES: tuple[type, ...] = get_args(Value)
ENDS: tuple[type, ...] = (Break, Continue, Return, Raise)
"""What nothing follows in its block."""


_VALUES = frozenset(VALUES)
_NESTING = frozenset({If, Loop, Scope, Check})


def _fields(pattern: str) -> dict[type, tuple[str, ...]]:
    """By kind of op: the names of its fields whose types are named in `pattern`."""
    kinds = (*VALUES, *get_args(Effect), *get_args(Control))
    return {kind: tuple(each.name for each in fields(kind) if re.search(pattern, str(each.type))) for kind in kinds}


_OPERANDS = _fields(r"\bValue\b")
RENEWABLE = _fields(r"\b(Value|Block|Counting)\b")
"""Fields that hold values or blocks, or something that holds some."""


def operands(op: Op) -> tuple[Value, ...]:
    """The values that `op` uses, in the order of its fields; what nested blocks use is not among them."""
    found: list[Value] = []
    for name in _OPERANDS[type(op)]:
        item = getattr(op, name)
        if isinstance(item, tuple):
            found.extend(item)
        elif item is not None:
            found.append(item)
    if isinstance(op, Loop) and op.counting is not None:
        found += (op.counting.start, op.counting.stop)
    return tuple(found)


def is_value(item: object) -> TypeGuard[Value]:
    """Whether `item` is an op that computes something."""
    return type(item) in _VALUES


def blocks(op: Op) -> tuple[Block, ...]:
    """The blocks inside `op`."""
    if type(op) not in _NESTING:
        return ()
    match op:
        case If():
            return (op.then, op.orelse)
        case Loop():
            return (op.body, op.step)
        case Scope():
            return (op.body,)
        case Check():
            return (op.failing,) if op.failing is not None else ()
        case _:
            return ()


def walk(block: Block) -> Iterator[Op]:
    """Every op in `block`, nested ones included, in order."""
    return iter(_all(block, []))


def _all(block: Block, found: list[Op]) -> list[Op]:
    # Generators in generators would take as many steps for each op as it is deep.
    for op in block.ops:
        found.append(op)
        if type(op) in _NESTING:
            for inner in blocks(op):
                _all(inner, found)
    return found
