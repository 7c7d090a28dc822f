"""Spoilt BTF, and objects with spoilt BTF: most bytes as they were, so that what is wrong lies deep."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

from pyebpf.kernel.btf_sections import EACH, EXTRA, FIXED, HEADER_SIZE

HUGE = (0, 1, 2, 3, 4, 7, 8, 0x7FFF, 0xFFFF, 0x10000, 0xFFFFFF, 0x1000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


class Blob:
    """BTF to be changed: its words, and where its types stand."""

    def __init__(self, random: Random, data: bytes) -> None:
        self.random = random
        self.data = bytearray(data)
        self.order = ">" if data[:2] == b"\xeb\x9f" else "<"
        self.header = list(struct.unpack_from(self.order + "HBBIIIII", data))
        self.places = self._types()

    def _types(self) -> list[tuple[int, int]]:
        """Place and length of each type."""
        found = []
        at = self.header[3] + self.header[4]
        end = at + self.header[5]
        while at < end:
            info = struct.unpack_from(self.order + "I", self.data, at + 4)[0]
            kind = info >> 24 & 31
            length = FIXED + EXTRA.get(kind, 0) + EACH.get(kind, 0) * (info & 0xFFFF)
            found.append((at, length))
            at += length
        return found

    def word(self, at: int) -> int:
        value: int = struct.unpack_from(self.order + "I", self.data, at)[0]
        return value

    def put(self, at: int, value: int) -> None:
        struct.pack_into(self.order + "I", self.data, at, value & 0xFFFFFFFF)

    def number(self) -> int:
        """A number that may mean a type, a string, a count, or nothing."""
        match self.random.randrange(4):
            case 0:
                return self.random.choice(HUGE)
            case 1:
                return self.random.randint(0, len(self.places) + 2)
            case 2:
                return self.random.randint(0, self.header[7] + 2)
            case _:
                return self.random.getrandbits(32)


def flip_bits(blob: Blob) -> None:
    for _ in range(blob.random.choice((1, 1, 2, 8, 64))):
        blob.data[blob.random.randrange(len(blob.data))] ^= 1 << blob.random.randrange(8)


def spoil_header(blob: Blob) -> None:
    number = blob.random.randrange(3, 8)
    value = blob.random.choice((blob.number(), blob.header[number] + blob.random.randint(-16, 16)))
    blob.put(8 + 4 * (number - 4) if number > 3 else 4, value)


def spoil_word(blob: Blob) -> None:
    """Any word behind the header of a type: members, parameters, enumerators, ids."""
    at, length = blob.random.choice(blob.places)
    blob.put(at + 4 * blob.random.randrange(length // 4), blob.number())


def spoil_kind(blob: Blob) -> None:
    at, _ = blob.random.choice(blob.places)
    blob.put(at + 4, blob.word(at + 4) & ~(31 << 24) | blob.random.randrange(32) << 24)


def spoil_count(blob: Blob) -> None:
    at, _ = blob.random.choice(blob.places)
    blob.put(at + 4, blob.word(at + 4) & ~0xFFFF | blob.number() & 0xFFFF)


def spoil_flag(blob: Blob) -> None:
    at, _ = blob.random.choice(blob.places)
    blob.put(at + 4, blob.word(at + 4) ^ 1 << 31)


def make_circle(blob: Blob) -> None:
    """Types that are of themselves, or of one another."""
    count = len(blob.places)
    numbers = [blob.random.randrange(count) for _ in range(blob.random.choice((1, 2, 3, 8)))]
    for number, following in zip(numbers, [*numbers[1:], numbers[0]], strict=True):
        at, length = blob.places[number]
        kind = blob.word(at + 4) >> 24 & 31
        place = {3: at + 12, 4: at + 16, 5: at + 16, 13: at + 16}.get(kind, at + 8)
        if place + 4 <= at + length:
            blob.put(place, following + 1)


def nest(blob: Blob) -> None:
    """Nameless members everywhere, of types that have some themselves: many ways to the same place."""
    structs = [number for number, (at, _) in enumerate(blob.places) if blob.word(at + 4) >> 24 & 31 in (4, 5)]
    for number in structs:
        at, length = blob.places[number]
        for member in range(at + 12, at + length, 12):
            if blob.random.random() < 0.7:
                blob.put(member, 0)
                blob.put(member + 4, blob.random.choice(structs) + 1)


def spoil_strings(blob: Blob) -> None:
    start = blob.header[3] + blob.header[6]
    end = min(start + blob.header[7], len(blob.data))
    for _ in range(blob.random.choice((1, 4, 50))):
        if start < end:
            blob.data[blob.random.randrange(start, end)] = blob.random.choice((0, 0, 0x5F, 0xFF, 0x41))


def swap_types(blob: Blob) -> None:
    (one, length), (other, size) = blob.random.choice(blob.places), blob.random.choice(blob.places)
    same = min(length, size)
    blob.data[one : one + same], blob.data[other : other + same] = (
        blob.data[other : other + same],
        blob.data[one : one + same],
    )


def cut(blob: Blob) -> None:
    del blob.data[blob.random.randrange(len(blob.data)) :]


def lengthen(blob: Blob) -> None:
    blob.data += bytes(blob.random.choice((1, 4, 1000)))


def insert(blob: Blob) -> None:
    at = blob.random.randrange(HEADER_SIZE, len(blob.data))
    blob.data[at:at] = blob.random.randbytes(4 * blob.random.randint(1, 8))


MUTATORS: tuple[tuple[Callable[[Blob], None], bool], ...] = (
    *((each, True) for each in (flip_bits, spoil_header, spoil_kind, spoil_count, spoil_flag, make_circle, nest)),
    *((each, True) for each in (spoil_word, spoil_word, spoil_word, spoil_strings, swap_types)),
    *((each, False) for each in (cut, lengthen, insert)),
)
"""Each with whether the length stays."""


def mutate(random: Random, data: bytes, *, same_length: bool = False) -> tuple[bytes, str]:
    """`data` with some of its bytes changed, and how."""
    blob = Blob(random, data)
    names = []
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        mutator, keeps = random.choice(MUTATORS)
        if same_length and not keeps:
            continue
        names.append(mutator.__name__)
        mutator(blob)
        if not keeps:
            break  # places are other ones now
    return bytes(blob.data), " ".join(names)
