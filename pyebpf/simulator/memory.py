"""Memory as the verifier sees it: separate pieces, each with its size; nothing is between them.

Bytes may be undefined: those of the stack and of new ring records are, until they are written. Copies carry that along;
reading an undefined byte as anything else is an error of the compiler.
"""

from __future__ import annotations

from sys import byteorder
from typing import NamedTuple, TypeAlias

from pyebpf import layout
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir.module import MapRef

UNDEFINED, DEFINED = b"\0", b"\1"


class Memory:
    """A piece of memory. `name` is for messages."""

    __slots__ = ("alive", "data", "defined", "name", "timer", "work", "writable")

    def __init__(self, name: str, data: bytes | bytearray, *, defined: bool = True, writable: bool = True) -> None:
        self.name = name
        self.data = bytearray(data)
        self.defined: bytearray | None = None if defined else bytearray(len(data))
        """A 1 for each byte that was written; None if all were."""
        self.writable = writable
        self.alive = True
        """False for a ring record that was given back."""
        self.timer: Timer | None = None
        """Of an entry of a map: its timer, once it was initialised."""
        self.work: Timer | None = None
        """The same of its work queue."""

    def check(self, offset: int, size: int, verb: str) -> None:
        """InternalError unless `size` bytes at `offset` are there."""
        if not self.alive:
            raise InternalError(f"the program {verb} {self.name} after it was given back")
        if offset < 0 or offset + size > len(self.data):
            raise InternalError(
                f"the program {verb} {size} bytes at {offset} of {self.name}, which has {len(self.data)} bytes"
            )

    def read(self, offset: int, size: int) -> bytes:
        """Bytes that must have been written before."""
        self.check(offset, size, "reads")
        if self.defined is not None and self.defined.find(0, offset, offset + size) >= 0:
            self.undefined(offset, size)
        return bytes(self.data[offset : offset + size])

    def undefined(self, offset: int, size: int) -> None:
        """Raise what reading bytes means that were never written."""
        assert self.defined is not None
        at = self.defined.find(0, offset, offset + size)
        raise InternalError(f"the program uses byte {at} of {self.name}, which was never written")

    def write(self, offset: int, data: bytes) -> None:
        self._writes(offset, len(data))
        self.data[offset : offset + len(data)] = data
        if self.defined is not None:
            self.defined[offset : offset + len(data)] = DEFINED * len(data)

    def copy(self, offset: int, source: Memory, start: int, size: int) -> None:
        """Copy bytes, undefined ones to where bytes may be undefined."""
        if self.defined is None:
            self.write(offset, source.read(start, size))
            return
        source.check(start, size, "reads")
        self._writes(offset, size)
        self.data[offset : offset + size] = source.data[start : start + size]
        known = DEFINED * size if source.defined is None else source.defined[start : start + size]
        self.defined[offset : offset + size] = known

    def _writes(self, offset: int, size: int) -> None:
        self.check(offset, size, "writes")
        if not self.writable:
            raise InternalError(f"the program writes to {self.name}, which is read-only")


class Pointer(NamedTuple):
    """An address inside a piece of memory."""

    memory: Memory
    offset: int

    def plus(self, bytes: int) -> Pointer:
        return Pointer(self.memory, self.offset + bytes)

    def read(self, size: int) -> bytes:
        """Bytes from here on."""
        return self.memory.read(self.offset, size)

    def write(self, data: bytes) -> None:
        self.memory.write(self.offset, data)


class Timer:
    """A timer of an entry. `due`: when it goes off, in ns of the simulated clock; None while it doesn't run."""

    __slots__ = ("callback", "due", "number")

    def __init__(self) -> None:
        self.callback = ""
        self.due: int | None = None
        self.number = 0
        """Of those that go off at the same time, the one of the lowest number is first."""


class Handle(NamedTuple):
    """A map, as an argument of a helper."""

    map: MapRef
    held: object = None
    """The map itself, where it was found in a map of maps and `map` only says what it is like."""


class Named(NamedTuple):
    """A callback, as an argument of a helper."""

    callback: str


Word: TypeAlias = int | Pointer | Handle | Named | None
"""What a register holds: a number, read as its type says; an address, as a number where only helpers follow it; None
is the null pointer."""


def scalar(type: layout.Type) -> layout.Integer | layout.Boolean:
    """The scalar that `type` is stored as."""
    match type:
        case layout.Enumeration():
            return type.base
        case layout.Integer() | layout.Boolean():
            return type
        case _:
            raise InternalError(f"{type} is not a scalar")


def number(type: layout.Type, data: bytes) -> int:
    """The number that `data` is as a `type`."""
    stored = scalar(type)
    if isinstance(stored, layout.Boolean):
        return int(any(data))
    return int.from_bytes(data, "big" if stored.big_endian else byteorder, signed=stored.signed)


def stored(type: layout.Type, value: int) -> bytes:
    """The low bits of `value` as a `type`."""
    kind = scalar(type)
    low = value & ((1 << kind.size * 8) - 1)
    return low.to_bytes(kind.size, "big" if isinstance(kind, layout.Integer) and kind.big_endian else byteorder)


def fits(type: layout.Type, value: int) -> bool:
    """Whether `value` is a number that a `type` can be."""
    kind = scalar(type)
    if isinstance(kind, layout.Boolean):
        return 0 <= value <= 1
    return kind.minimum <= value <= kind.maximum
