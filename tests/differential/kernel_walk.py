"""Random ways through the kernel's structs: a chain of attributes, and where what it ends at lies, by this file's own
reading of the kernel's types."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal, final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, Kind

Sort = Literal["number", "big", "truth", "bits", "pointer", "text", "string", "array"]
NETWORK: Final = ("__be16", "__be32", "__be64")
NEVER_NEGATIVE: Final = ("pid_t", "__kernel_pid_t")
LETTERS: Final = ("char", "unsigned char")
UNLIKE: Final = (
    "migration_disabled",
    "bpf_ctx",
    "rcu_read_lock_nesting",
    "trc_reader_nesting",
    "cpu",
    "on_cpu",
    "f_ref",
    "f_count",
    "usage",
    "pagefault_disabled",
)
"""Members that tell how a program is run, which hooks do differently."""
LONGEST: Final = 64
"""Bytes of text that are compared."""
DEEPEST: Final = 6
"""Pointers to go through."""


class DeadEnd(Exception):
    """There is nothing that programs can read on this way."""


@final
@dataclass(frozen=True)
class Place:
    """Where a chain has come to: `text`, which is read by following pointers at `steps`, and then at `offset`."""

    text: str
    steps: tuple[int, ...]
    offset: int
    type_id: int
    unsure: bool = False
    """Whether it went through a pointer in a union, which may as well be something else."""
    pointer: str = ""
    """The struct that `text` is a pointer to, if it is one."""


@final
@dataclass(frozen=True)
class Leaf:
    """What a chain ends at."""

    place: Place
    sort: Sort
    size: int
    signed: bool = False
    bit: int = 0
    bits: int = 0

    def value(self, data: bytes) -> int | str:
        """What Python would be given of `data`, which lies there."""
        match self.sort:
            case "text" | "string":
                return data.split(b"\0")[0].decode("utf-8", "replace")
            case "big":
                return int.from_bytes(data[: self.size], "big")
            case "bits":
                number = int.from_bytes(data[:8], "little") >> self.bit & ((1 << self.bits) - 1)
                return number - (1 << self.bits) if self.signed and number >> (self.bits - 1) else number
            case "truth":
                return int(data[0] != 0)
            case "array":
                return sum(data[at] for at in range(0, self.size, self.bits // 8))  # the lowest byte of each
            case _:
                return int.from_bytes(data[: self.size], "little", signed=self.signed)


@final
class Walker:
    """Goes through the types of one kernel."""

    def __init__(self, btf: Btf, random: Random) -> None:
        self.btf = btf
        self.random = random
        self.deepest = 0

    def struct(self, name: str) -> int:
        found = self.btf.find(name, Kind.STRUCT) or self.btf.find(name, Kind.UNION)
        assert found is not None, name
        return found

    def leaf(self, start: Place) -> Leaf:
        """A way from the struct at `start` to something that can be read. Raises DeadEnd."""
        place, self.deepest = start, len(start.steps) + DEEPEST
        for _ in range(24):
            resolved = self.btf.resolve(place.type_id)
            match self.btf.type(resolved):
                case types.Struct() as found:
                    place = self.member(place, found)
                    if isinstance(place, Leaf):
                        return place
                case types.Array() as found:
                    element = self.btf.type(self.btf.resolve(found.type_id))
                    if isinstance(element, types.Int) and element.name == "char" and found.length:
                        if self.typedef(found.type_id):
                            raise DeadEnd
                        return Leaf(place, "text", min(found.length, LONGEST))
                    size = self.btf.size_of(found.type_id)
                    whole = isinstance(element, types.Int) and not element.boolean and size in (1, 2, 4, 8)
                    whole = whole and self.typedef(found.type_id) not in NETWORK
                    if whole and 0 < size * found.length < LONGEST and self.random.random() < 0.5:
                        return Leaf(place, "array", size * found.length, bits=size * 8)
                    place = self.element(place, found)
                case types.Pointer() as found:
                    followed = self.follow(place, found)
                    if isinstance(followed, Leaf):
                        return followed
                    place = followed
                case types.Int() | types.Enum() as found:
                    return self.number(place, found)
                case _:
                    raise DeadEnd
        raise DeadEnd

    def members(
        self, found: types.Struct, at: int = 0, unsure: bool = False
    ) -> Iterator[tuple[types.Member, int, bool]]:
        """Those with names, those of nameless structs included; their bits from the start, and whether others lie over
        them."""
        unsure = unsure or (found.is_union and len(found.members) > 1)
        for each in found.members:
            if each.name:
                yield each, at + each.bit_offset, unsure
                continue
            inner = self.btf.type(self.btf.resolve(each.type_id))
            if isinstance(inner, types.Struct):
                yield from self.members(inner, at + each.bit_offset, unsure)

    def member(self, place: Place, found: types.Struct) -> Place | Leaf:
        known = [
            one for one in self.members(found) if one[0].name.isidentifier() and not keyword.iskeyword(one[0].name)
        ]
        known = [one for one in known if one[0].name not in UNLIKE]
        if not known:
            raise DeadEnd
        pointers = [one for one in known if self.is_pointer(one[0])]
        choice, bit, unsure = self.random.choice(pointers if pointers and self.random.random() < 0.35 else known)
        text, unsure = f"{place.text}.{choice.name}", place.unsure or unsure
        if not choice.bit_size:
            return Place(text, place.steps, place.offset + bit // 8, choice.type_id, unsure)
        first = place.offset * 8 + bit
        base = self.btf.type(self.btf.resolve(choice.type_id))
        if bit // 64 != (bit + choice.bit_size - 1) // 64 or not isinstance(base, types.Int | types.Enum):
            raise DeadEnd
        here = Place(text, place.steps, first // 8, choice.type_id, unsure)
        truth = isinstance(base, types.Int) and base.boolean
        signed = base.signed and self.typedef(choice.type_id) not in NEVER_NEGATIVE and not truth
        size = (first % 8 + choice.bit_size + 7) // 8
        if size > 8:
            raise DeadEnd
        return Leaf(here, "bits", size, signed, first % 8, choice.bit_size)

    def is_pointer(self, member: types.Member) -> bool:
        return self.btf.kind(self.btf.resolve(member.type_id)) is Kind.PTR

    def element(self, place: Place, found: types.Array) -> Place:
        if not found.length:
            raise DeadEnd
        index = self.random.randrange(min(found.length, 64))
        shown = f"{index}" if self.random.random() < 0.7 else f"zero.value + {index}"
        offset = place.offset + index * self.btf.size_of(found.type_id)
        return Place(f"{place.text}[{shown}]", place.steps, offset, found.type_id, place.unsure)

    def follow(self, place: Place, found: types.Pointer) -> Place | Leaf:
        if not found.type_id or len(place.steps) >= self.deepest or place.unsure:
            return Leaf(place, "pointer", 8)
        target = self.btf.type(self.btf.resolve(found.type_id))
        if isinstance(target, types.Struct) and target.name and target.members and self.random.random() < 0.8:
            return Place(place.text, (*place.steps, place.offset), 0, found.type_id, False, target.name)
        if isinstance(target, types.Int) and target.name in LETTERS and not self.typedef(found.type_id):
            return Leaf(replace(place, steps=(*place.steps, place.offset), offset=0), "string", LONGEST)
        return Leaf(place, "pointer", 8)

    def number(self, place: Place, found: types.Int | types.Enum) -> Leaf:
        typedef = self.typedef(place.type_id)
        if found.size not in (1, 2, 4, 8):
            raise DeadEnd
        if isinstance(found, types.Int) and found.name == "char" and not typedef:
            raise DeadEnd  # a letter alone is text
        if typedef in NETWORK:
            return Leaf(place, "big", found.size)
        if isinstance(found, types.Int) and found.boolean:
            return Leaf(place, "truth", 1)
        return Leaf(place, "number", found.size, found.signed and typedef not in NEVER_NEGATIVE)

    def typedef(self, type_id: int) -> str:
        """The typedef that a type is named by, if it is by one."""
        for _ in range(16):
            found = self.btf.type(type_id)
            if isinstance(found, types.Typedef):
                return found.name
            if not isinstance(found, types.Modifier):
                break
            type_id = found.type_id
        return ""
