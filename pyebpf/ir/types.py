"""Types of values that live in registers. What lies in memory is described by `pyebpf.layout`."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias, final

from pyebpf.layout import Array, Boolean, Enumeration, Field, Integer, Struct, Type
from pyebpf.records import dataclass

I64_MIN: Final = -(1 << 63)
I64_MAX: Final = (1 << 63) - 1
U64_MAX: Final = (1 << 64) - 1


@final
@dataclass(frozen=True, slots=True)
class IntType:
    """An integer in a 64-bit register, known by its type alone to lie in `low`…`high`.

    Either `low >= 0` (and `high` may reach 2**64 - 1) or `high <= 2**63 - 1`: every
    value reads unambiguously from its 64 bits. `shown_as` keeps what it was declared as where Python shows
    that in its own way: an IntEnum, or an IPv4 address.
    """

    low: int
    high: int
    shown_as: Enumeration | Integer | None = None

    @property
    def signed(self) -> bool:
        """Whether the 64 bits are to be read as a signed number."""
        return self.low < 0

    def __str__(self) -> str:
        for name, known in (("i64", I64), ("u64", U64)):
            if (self.low, self.high) == (known.low, known.high):
                return name
        return f"int[{self.low}…{self.high}]" if self.low != self.high else f"int[{self.low}]"


@final
@dataclass(frozen=True, slots=True)
class BoolType:
    """A truth value, 0 or 1 in its register."""

    def __str__(self) -> str:
        return "bool"


@final
@dataclass(frozen=True, slots=True)
class NoneType:
    """The type of `None` and of calls without a result."""

    def __str__(self) -> str:
        return "None"


class Region(Enum):
    """What memory a pointer points into, as the verifier tells them apart."""

    STACK = "stack"
    MAP = "map"
    RING = "ring"
    PACKET = "packet"
    CONTEXT = "context"
    DATA = "data"
    """`.data`, `.bss` or `.rodata`."""
    ARENA = "arena"
    """What programs and user space share: loads, stores and atomic additions only, no helper takes it."""
    KERNEL = "kernel"
    """The kernel's own structs, where the verifier knows their types: loads only."""
    SLICE = "slice"
    """What a dynptr gave a part of."""


@final
@dataclass(frozen=True, slots=True)
class PointerType:
    """The address of a `target` in memory that the verifier lets the program touch."""

    target: Type
    region: Region
    nullable: bool = False
    writable: bool = True

    def __str__(self) -> str:
        return f"&{self.target}{'?' if self.nullable else ''}"


@final
@dataclass(frozen=True, slots=True)
class KernelType:
    """The address of a kernel struct; may be null. `struct` is its BTF name."""

    struct: str
    direct: bool = False
    """Whether the verifier knows its type (PTR_TO_BTF_ID) and lets the program load from it; else only probe reads may
    follow it. Such addresses have one origin each: one load may not follow now what the verifier trusts and now what it
    doesn't."""
    mixed: bool = False
    """Whether it isn't `direct`, but on some ways what the verifier knows, perhaps as null: then nothing may be added
    to it before it has been checked."""

    def __str__(self) -> str:
        return f"struct {self.struct} *"


@final
@dataclass(frozen=True, slots=True)
class AddressType:
    """An address in user or kernel memory, as `ctx.filename` is, and that of a kernel struct isn't."""

    space: Literal["user", "kernel", "any"]
    """What memory it is in; "any" where the kernel's types don't tell."""
    target: Type | KernelType | AddressType | None = None
    """What a member of a kernel struct says that it points to: numbers, letters, or further addresses."""

    def __str__(self) -> str:
        return "address" if self.space == "any" else f"{self.space} address"


def meeting(one: KernelType, other: KernelType) -> KernelType:
    """The type of a place that is given both: of an address that the verifier knows no more than that it may be one."""
    return KernelType(one.struct, mixed=one.direct or other.direct or one.mixed or other.mixed)


ValueType: TypeAlias = IntType | BoolType | NoneType | PointerType | KernelType | AddressType

I64: Final = IntType(I64_MIN, I64_MAX)
U64: Final = IntType(0, U64_MAX)
BOOL: Final = BoolType()
NONE: Final = NoneType()


DYNPTR: Final = Struct("bpf_dynptr", (Field("__opaque", Array(Integer("u64", 8), 2), 0),), 16, 8)
"""What is in it only the kernel knows. It is on the stack, and is neither copied nor read."""


def loaded(type: Type) -> IntType | BoolType:
    """The register type of a scalar of memory type `type`."""
    match type:
        case Integer():
            return IntType(type.minimum, type.maximum, None if type.view == "int" else type)
        case Boolean():
            return BOOL
        case Enumeration():
            return IntType(type.base.minimum, type.base.maximum, type)
        case _:
            raise TypeError(f"{type} is not a scalar")


def is_scalar(type: Type) -> bool:
    """Whether values of memory type `type` fit a register (else they are used through references)."""
    return isinstance(type, Integer | Boolean | Enumeration)
