"""What a context with fields is: the columns of the tables in this folder."""

from __future__ import annotations

from typing import Final, TypeAlias, final

from pyebpf.kernel.hooks.kinds import Hook
from pyebpf.kernel.programs import ProgramType
from pyebpf.layout import BE16, BE32, U32, Address, Array, Integer
from pyebpf.records import dataclass

Who: TypeAlias = "tuple[int, ...] | None"
"""The programs that may: by their type or by where they attach, as the struct says; None for all."""
NOBODY: Final[tuple[int, ...]] = ()


@final
@dataclass(frozen=True, slots=True)
class ContextField:
    """A field, by the kernel's name."""

    name: str
    offset: int
    type: Integer | Address | Array
    """What a probe reads. Numbers in network order read as host numbers."""
    reads: Who = None
    writes: Who = NOBODY
    since: tuple[int, int] = (0, 0)
    """First kernel, of those that are younger than 5.10."""
    half: bool = False
    """Whether a be16 has four bytes to itself, as the lower half of a number in host order: the rest is zero."""
    bits: int = 0
    """For numbers that share four bytes with others: how many bits, and from which one up."""
    bit_offset: int = 0

    @property
    def size(self) -> int:
        """Bytes in the context."""
        return 4 if self.half else self.type.size

    def unit(self, big_endian: bool) -> tuple[Integer | Address | Array, int, int]:
        """The type that lies there, and which bits of it the field is (none: all)."""
        if self.half:
            return BE32, 16, 0 if big_endian else 16
        return (U32 if self.bits else self.type), self.bits, self.bit_offset


def half(name: str, offset: int, reads: Who = None, writes: Who = NOBODY) -> ContextField:
    """A port or a protocol: a be16 in a u32."""
    return ContextField(name, offset, BE16, reads, writes, half=True)


@final
@dataclass(frozen=True, slots=True)
class SocketField:
    """Where a context has its socket: a pointer of eight bytes."""

    offset: int
    may_be_null: bool
    ask: bool = False
    """Whether it may be one that is still being made, or one that waits for its end: `sk_fullsock` tells."""


@final
@dataclass(frozen=True, slots=True)
class ContextStruct:
    """A context, as a program sees it (the kernel translates each access to what it has in its place)."""

    name: str
    """In include/uapi/linux/bpf.h."""
    programs: tuple[ProgramType, ...]
    """The types of programs that have it."""
    size: int
    fields: tuple[ContextField, ...]
    by_program: bool = False
    """Whether `reads` and `writes` are types of programs; else they are attach types."""

    socket: SocketField | None = None
    machine: str = ""
    """The machine whose context it is, as `uname -m` says it; "" where all have the same."""

    def asks(self, hook: Hook) -> int | None:
        """What of `hook` decides who may."""
        return hook.program_type if self.by_program else hook.attach_type

    def field(self, name: str) -> ContextField | None:
        return next((field for field in self.fields if field.name == name), None)

    def readable(self, hook: Hook) -> tuple[ContextField, ...]:
        """The fields that programs on `hook` may read."""
        who = self.asks(hook)
        return tuple(field for field in self.fields if field.reads is None or who in field.reads)

    def writable(self, hook: Hook) -> tuple[ContextField, ...]:
        """The fields that programs on `hook` may write."""
        who = self.asks(hook)
        return tuple(field for field in self.fields if field.writes is None or who in field.writes)
