"""User and kernel memory by address, as far as the test supplies it, and kernel structs made from nested dicts.

    current_task={"tgid": 7, "comm": "bash", "real_parent": {"tgid": 1}}

A dict is a struct, or the struct that a member points to; the same dict twice is the same struct. Members that the
probes don't use may be given too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address
from sys import byteorder
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, final

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.diagnostics.base import InternalError
from pyebpf.encode import encode
from pyebpf.ir.module import (
    BarePointer,
    BitField,
    Embedded,
    KernelStruct,
    MemberArray,
    MemberType,
    StructPointer,
)
from pyebpf.ir.types import AddressType, KernelType
from pyebpf.layout import round_up
from pyebpf.simulator.errors import SimulationError
from pyebpf.simulator.memory import Memory

Space: TypeAlias = Literal["user", "kernel"]
STARTS: Final[dict[Space, int]] = {"user": 0x7F00_0000_0000, "kernel": 0xFFFF_8880_0000_0000}
"""Where what the test gives no address for is put."""
PAGE: Final = 4096
NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
"""A kernel struct of which the test says nothing."""


@final
class KernelObject(Memory):
    """A kernel struct; its bytes are defined where the test supplies a member."""

    __slots__ = ("struct",)

    def __init__(self, struct: KernelStruct) -> None:
        super().__init__(f"struct {struct.name}", bytes(struct.size), defined=False)
        self.struct = struct

    def reach(self, end: int) -> None:
        """Have memory up to `end`, for an array that goes on behind the struct."""
        more = end - len(self.data)
        if more > PAGE:
            raise SimulationError(f"an array at the end of struct {self.struct.name} is larger than {PAGE} bytes")
        if more > 0 and self.defined is not None:
            self.data += bytes(more)
            self.defined += bytes(more)

    def undefined(self, offset: int, size: int) -> None:
        names = [member.name for member in self.struct.members if member.offset == offset]
        name = names[0] if names else f"the member at byte {offset}"
        raise SimulationError(
            f"the program reads {name} of struct {self.struct.name}, which the test doesn't supply: "
            f"current_task={{{name!r}: …}}, or in the dict of another struct"
        )


@final
class Addresses:
    """What lies where, in both spaces."""

    def __init__(self, structs: tuple[KernelStruct, ...]) -> None:
        self.structs = {struct.name: struct for struct in structs}
        self._pieces: dict[Space, list[tuple[int, Memory]]] = {"user": [], "kernel": []}
        """By rising addresses."""
        self._next: dict[Space, int] = dict(STARTS)
        self._objects: dict[tuple[int, str], tuple[int, object]] = {}
        """Addresses of dicts by `id` and struct; the dict is kept, so that its id stays its own."""
        self._filled: set[tuple[int, str]] = set()
        self._kept: set[int] = set()
        """What of them is in memory in this run."""

    def begin(self) -> None:
        """Forget what lay in memory; a dict that is given again, perhaps with other members, keeps its address."""
        for pieces in self._pieces.values():
            pieces[:] = [(at, memory) for at, memory in pieces if at in self._kept]
        self._filled = {key for key in self._filled if self._objects[key][0] in self._kept}

    def keep(self, address: int) -> None:
        """A kernel struct stays as it is: an entry of a map holds it."""
        self._kept.add(address)

    def place(self, space: Space, content: str | bytes | bytearray | Memory, at: int | None = None) -> int:
        """Put something into memory: text ends with a NUL, bytes are as they are. The address."""
        memory = content if isinstance(content, Memory) else Memory(f"{space} memory", _bytes(content), writable=False)
        if at is None:
            at = self._next[space]
            self._next[space] = round_up(at + len(memory.data) + PAGE, PAGE)
        pieces = self._pieces[space]
        index = bisect_right([start for start, _ in pieces], at)
        before, after = pieces[index - 1 : index], pieces[index : index + 1]
        if any(start + len(old.data) > at for start, old in before) or any(
            at + len(memory.data) > start for start, _ in after
        ):
            raise SimulationError(f"two pieces of {space} memory lie over each other at {at:#x}")
        pieces.insert(index, (at, memory))
        return at

    def read(self, space: Space, address: int, size: int) -> bytes | None:
        """Bytes of one piece of memory; None where there are none, as for a bad address."""
        found = self._find(space, address)
        if found is None or found[1] + size > len(found[0].data):
            return None
        return found[0].read(found[1], size)

    def read_text(self, space: Space, address: int, size: int) -> bytes | None:
        """Text with its NUL, cut off to `size` bytes (the last is then a NUL); None for a bad address."""
        found = self._find(space, address)
        if found is None or not size:
            return None
        memory, offset = found
        end = memory.data.find(0, offset, offset + size)
        if end >= 0:
            return memory.read(offset, end + 1 - offset)
        if offset + size > len(memory.data):
            return None  # it has no end
        return memory.read(offset, size - 1) + b"\0"

    def member(self, address: int, struct: str) -> int:
        """The pointer to a `struct` at `address` in a kernel struct that the verifier lets programs read. Helpers know
        whose it is, so the test need not supply it."""
        try:
            found = self.read("kernel", address, 8)
        except SimulationError:
            found = None
        if found is not None:
            return int.from_bytes(found, byteorder)
        return self.kernel_object(struct, NOTHING, f"a struct {struct}")

    def _find(self, space: Space, address: int) -> tuple[Memory, int] | None:
        pieces = self._pieces[space]
        index = bisect_right([start for start, _ in pieces], address) - 1
        if index < 0 or address >= pieces[index][0] + len(pieces[index][1].data):
            return None
        return pieces[index][1], address - pieces[index][0]

    def kernel_object(self, struct: str, value: object, what: str) -> int:
        """The address of a kernel struct: one that is given as a dict, as its address, or as None."""
        if value is None:
            return 0
        if isinstance(value, int):
            return value
        if not isinstance(value, Mapping):
            raise SimulationError(f"{what} is a struct {struct}: a dict of its members, not {value!r}")
        key = (id(value), struct)
        if key not in self._filled:
            self._filled.add(key)
            memory = KernelObject(self.structs.get(struct) or KernelStruct(struct, 0, False, ()))
            known = self._objects.get(key)
            address = self.place("kernel", memory, known[0] if known else None)
            self._objects[key] = (address, value)
            self._fill(memory, 0, memory.struct, value, what)
        return self._objects[key][0]

    def _fill(self, memory: KernelObject, base: int, struct: KernelStruct, value: Mapping[Any, Any], what: str) -> None:
        for member in struct.members:
            if member.name in value:
                self._put(memory, base + member.offset, member.type, value[member.name], f"{what}.{member.name}")

    def _put(self, memory: KernelObject, at: int, type: MemberType, value: Any, what: str) -> None:
        match type:
            case layout.Integer() | layout.Boolean():
                memory.write(at, _encoded(type, value, what))
            case layout.Enumeration():
                memory.write(at, _encoded(type.base, int(value), what))
            case BitField():
                self._bits(memory, at, type, int(value), what)
            case StructPointer():
                memory.write(at, _encoded(layout.U64, self._pointer(type.struct, value, what), what))
            case BarePointer():
                memory.write(at, _encoded(layout.U64, self._bare(type.type, value, what), what))
            case Embedded():
                inner = self.structs.get(type.struct)
                if inner is None:
                    raise InternalError(f"struct {type.struct} isn't described")
                if not isinstance(value, Mapping):
                    raise SimulationError(f"{what} is a struct {inner.name}: a dict of its members, not {value!r}")
                self._fill(memory, at, inner, value, what)
            case MemberArray():
                self._array(memory, at, type, value, what)

    def _bits(self, memory: KernelObject, at: int, type: BitField, value: int, what: str) -> None:
        unit = type.unit.size * 8
        shift = type.bit_offset if byteorder == "little" else unit - type.bits - type.bit_offset
        mask = (1 << type.bits) - 1
        if not -(1 << type.bits - 1) <= value <= mask:
            raise SimulationError(f"{what} has {type.bits} bits, too few for {value}")
        old = int.from_bytes(memory.data[at : at + type.unit.size], byteorder)
        new = old & ~(mask << shift) | (value & mask) << shift
        memory.write(at, new.to_bytes(type.unit.size, byteorder))

    def _array(self, memory: KernelObject, at: int, type: MemberArray, value: Any, what: str) -> None:
        """The elements that are given; text and addresses of several bytes also as such."""
        size = self.size(type.element)
        if isinstance(value, str | bytes | IPv6Address | MacAddress):
            raw = value.packed if isinstance(value, IPv6Address | MacAddress) else _text(value)
            value = raw.ljust(type.length, b"\0") if size == 1 else raw
        if not isinstance(value, Sequence) or (type.length and len(value) > type.length):
            count = f"of at most {type.length} elements" if type.length else "of its elements"
            raise SimulationError(f"{what} is an array: a list {count}, not {value!r}")
        if not type.length:
            memory.reach(at + len(value) * size)
        for number, each in enumerate(value):
            self._put(memory, at + number * size, type.element, each, f"{what}[{number}]")

    def size(self, type: MemberType) -> int:
        """Bytes of a member."""
        match type:
            case StructPointer() | BarePointer():
                return 8
            case Embedded():
                return self.structs[type.struct].size
            case MemberArray():
                return self.size(type.element) * type.length
            case BitField():
                return type.unit.size
            case _:
                return type.size

    def offset(self, struct: str, path: tuple[str | int, ...]) -> int:
        """Where a member is in its struct."""
        offset = 0
        type: MemberType = Embedded(struct)
        for step in path:
            if isinstance(step, int) and isinstance(type, MemberArray):
                offset, type = offset + step * self.size(type.element), type.element
                continue
            member = self.structs[type.struct].member(step) if isinstance(type, Embedded) else None  # type: ignore[arg-type]
            if member is None:
                raise InternalError(f"struct {struct} has no member {path}")
            offset, type = offset + member.offset, member.type
        return offset

    def _pointer(self, struct: str, value: Any, what: str) -> int:
        if isinstance(value, str | bytes):
            return self.place("kernel", value)
        return self.kernel_object(struct, value, what)

    def _bare(self, type: AddressType, value: Any, what: str) -> int:
        """An address: as a number, or of text, or of a list of what it points to."""
        match type.target, value:
            case _, None:
                return 0
            case _, str() | bytes():
                return self.place("user" if type.space == "user" else "kernel", value)
            case _, int():
                return int(value)
            case layout.Integer() | layout.Boolean() | layout.Enumeration() as target, Sequence():
                number = target.base if isinstance(target, layout.Enumeration) else target
                return self.place("kernel", b"".join(_encoded(number, each, what) for each in value))
            case KernelType(struct=struct), Sequence():
                places = [self._pointer(struct, each, f"{what}[{number}]") for number, each in enumerate(value)]
                return self.place("kernel", b"".join(_encoded(layout.U64, each, what) for each in places))
            case _:
                raise SimulationError(f"{what} is an address: a number, or what is there, not {value!r}")


def _text(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _bytes(content: str | bytes | bytearray) -> bytes:
    return content.encode("utf-8", "surrogateescape") + b"\0" if isinstance(content, str) else bytes(content)


def _encoded(type: layout.Type, value: object, what: str) -> bytes:
    try:
        return encode(type, value, what)
    except (TypeError, ValueError, OverflowError) as error:
        raise SimulationError(str(error)) from None
