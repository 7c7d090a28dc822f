"""User and kernel memory by address, as far as the test supplies it, and kernel structs made from nested dicts.

    current_task={"tgid": 7, "comm": "bash", "real_parent": {"tgid": 1}}

A dict is a struct, or the struct that a member points to; the same dict twice is the same struct. Members that the
probes don't use may be given too.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from sys import byteorder
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, final

from pyebpf import layout
from pyebpf.diagnostics.base import InternalError
from pyebpf.encode import encode
from pyebpf.ir.module import Embedded, IntegerArray, KernelMember, KernelStruct, StructPointer
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
        """What of them is in memory in this run."""

    def begin(self) -> None:
        """Forget what lay in memory; a dict that is given again, perhaps with other members, keeps its address."""
        for pieces in self._pieces.values():
            pieces.clear()
        self._filled.clear()

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
                self._member(memory, base + member.offset, member, value[member.name], f"{what}.{member.name}")

    def _member(self, memory: KernelObject, at: int, member: KernelMember, value: Any, what: str) -> None:
        match member.type:
            case layout.Integer():
                memory.write(at, _encoded(member.type, value, what))
            case StructPointer():
                address = self._pointer(member.type.struct, value, what)
                memory.write(at, _encoded(layout.U64, address, what))
            case Embedded():
                inner = self.structs.get(member.type.struct)
                if inner is None:
                    raise InternalError(f"struct {member.type.struct} isn't described")
                if not isinstance(value, Mapping):
                    raise SimulationError(f"{what} is a struct {inner.name}: a dict of its members, not {value!r}")
                self._fill(memory, at, inner, value, what)
            case IntegerArray():
                text = isinstance(value, str | bytes) and member.type.element.size == 1
                type = layout.Text(member.type.length) if text else layout.Array(*_array(member.type))
                memory.write(at, _encoded(type, value, what))

    def _pointer(self, struct: str, value: Any, what: str) -> int:
        if isinstance(value, str | bytes):
            return self.place("kernel", value)
        return self.kernel_object(struct, value, what)


def _array(type: IntegerArray) -> tuple[layout.Integer, int]:
    return type.element, type.length


def _bytes(content: str | bytes | bytearray) -> bytes:
    return content.encode("utf-8", "surrogateescape") + b"\0" if isinstance(content, str) else bytes(content)


def _encoded(type: layout.Type, value: object, what: str) -> bytes:
    try:
        return encode(type, value, what)
    except (TypeError, ValueError, OverflowError) as error:
        raise SimulationError(str(error)) from None
