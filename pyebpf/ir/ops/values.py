"""Ops that compute something from numbers, pointers and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from pyebpf.ir.module import Obligation, VariableRef
from pyebpf.ir.ops.base import Arithmetic, Comparison, Local, Slot
from pyebpf.ir.types import BoolType, IntType, KernelType, PointerType, ValueType
from pyebpf.layout import Integer
from pyebpf.records import dataclass
from pyebpf.source import Span

if TYPE_CHECKING:
    from pyebpf.ir.ops import Value


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
    """The address of a `type.target` that is always zero, of at most 16 KiB."""

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
class EqualBytes:
    """Whether the memory at `address` starts with exactly the constant bytes `data`."""

    address: Value
    data: bytes
    type: BoolType
    span: Span
