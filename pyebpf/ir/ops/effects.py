"""Ops that change something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

from pyebpf.ir.module import Fault, MapRef
from pyebpf.ir.ops.base import Block, Local
from pyebpf.records import dataclass
from pyebpf.source import Span

if TYPE_CHECKING:
    from pyebpf.ir.ops import Value


@final
@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Begin to go through the entries of a map. Belongs to one Loop, of the strategy "entries"."""

    map: MapRef
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
    """Count one event that found the ring full; of stacks `amount`, which found no room in the map."""

    map: MapRef
    span: Span
    amount: Value | None = None
    """A u64; None for 1."""


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
