"""Spoils ELF files of BPF objects, each part of them in its own way."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

NUMBERS = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    16,
    24,
    63,
    64,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    1 << 40,
    (1 << 64) - 1,
)
_HEADER = 64


class Parts:
    """Where the parts of a whole file lie. For files that nobody has spoilt yet."""

    def __init__(self, data: bytes) -> None:
        self.order = "<" if data[5] == 1 else ">"
        self.table = struct.unpack_from(self.order + "Q", data, 40)[0]
        self.count, names = struct.unpack_from(self.order + "HH", data, 60)
        layout = struct.Struct(self.order + "IIQQQQIIQQ")
        headers = [layout.unpack_from(data, self.table + 64 * n) for n in range(self.count)]
        start = headers[names][4]
        self.sections = []
        for number, header in enumerate(headers):
            at = start + header[0]
            name = data[at : data.index(b"\0", at)].decode()
            self.sections.append((number, name, header[1], header[4], header[5] if header[1] != 8 else 0))

    def of(self, choose: Callable[[str, int], bool]) -> list[tuple[int, str, int, int, int]]:
        return [section for section in self.sections if section[4] and choose(section[1], section[2])]


def spoil(random: Random, elf: bytes, others: list[bytes]) -> tuple[bytes, str]:
    """The file, spoilt in one to three ways, and which."""
    data = bytearray(elf)
    ways = []
    parts = Parts(elf)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        way = random.choice(WAYS)
        ways.append(way.__name__.strip("_"))
        way(random, data, parts, others)
    return bytes(data), " ".join(ways)


def _number(random: Random, size: int) -> bytes:
    value = random.choice(NUMBERS) if random.random() < 0.7 else random.getrandbits(8 * size)
    return (value & ((1 << 8 * size) - 1)).to_bytes(size, random.choice(("little", "little", "big")))


def _put(data: bytearray, at: int, piece: bytes) -> None:
    if at >= 0 and at + len(piece) <= len(data):
        data[at : at + len(piece)] = piece


def _header(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    at, size = random.choice(((4, 1), (5, 1), (16, 2), (18, 2), (40, 8), (52, 2), (58, 2), (60, 2), (62, 2), (20, 4)))
    _put(data, at, _number(random, size))


def _section_header(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    at = parts.table + 64 * random.randrange(parts.count)
    field, size = random.choice(((0, 4), (4, 4), (8, 8), (24, 8), (32, 8), (32, 8), (40, 4), (44, 4), (44, 4), (56, 8)))
    if random.random() < 0.3:  # a little more or less
        value = int.from_bytes(data[at + field : at + field + size], "little") + random.choice((-8, -1, 1, 8, 16, 24))
        _put(data, at + field, (value % (1 << 8 * size)).to_bytes(size, "little"))
    else:
        _put(data, at + field, _number(random, size))


def _swapped_headers(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    one, two = (parts.table + 64 * random.randrange(parts.count) for _ in range(2))
    first, second = bytes(data[one : one + 64]), bytes(data[two : two + 64])
    if random.random() < 0.5:
        _put(data, one, second)
    _put(data, two, first)


def _overlap(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    """A section lies where another one is."""
    one, two = (parts.table + 64 * random.randrange(parts.count) for _ in range(2))
    _put(data, one + 24, bytes(data[two + 24 : two + 40]))


def _rows(
    random: Random, data: bytearray, parts: Parts, kind: int, size: int, fields: tuple[tuple[int, int], ...]
) -> None:
    tables = parts.of(lambda name, type: type == kind)
    if not tables:
        return
    table = random.choice(tables)
    at = table[3] + size * random.randrange(max(table[4] // size, 1))
    way = random.random()
    if way < 0.2:  # a copy of another one
        other = table[3] + size * random.randrange(max(table[4] // size, 1))
        _put(data, at, bytes(data[other : other + size]))
        return
    field, length = random.choice(fields)
    if way < 0.5:
        value = int.from_bytes(data[at + field : at + field + length], "little") + random.choice((-8, -1, 1, 2, 8, 16))
        _put(data, at + field, (value % (1 << 8 * length)).to_bytes(length, "little"))
    else:
        _put(data, at + field, _number(random, length))


def _symbols(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    _rows(random, data, parts, 2, 24, ((0, 4), (4, 1), (5, 1), (6, 2), (6, 2), (8, 8), (16, 8)))


def _relocations(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    _rows(random, data, parts, 9, 16, ((0, 8), (8, 4), (12, 4)))


def _instructions(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    found = parts.of(lambda name, type: type == 1 and not name.startswith((".BTF", ".debug", "license")))
    if found:
        section = random.choice(found)
        at = section[3] + random.randrange(section[4])
        _put(data, at & ~7, random.choice((b"\x18", b"\x85\x10", b"\x85\0", b"\x18\x10", random.randbytes(4))))


def _contents(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    found = parts.of(lambda name, type: name in (".BTF", ".BTF.ext", ".pyebpf", "maps", ".maps", "license"))
    if found:
        section = random.choice(found)
        for _ in range(random.choice((1, 2, 6))):
            at = section[3] + (random.randrange(section[4]) & ~3)
            _put(data, at, _number(random, 4))


def _headers_of_types(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    found = parts.of(lambda name, type: name in (".BTF", ".BTF.ext"))
    if found:
        _put(data, random.choice(found)[3] + 4 * random.randrange(8), _number(random, 4))


def _strings(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    found = parts.of(lambda name, type: type == 3)
    if found:
        section = random.choice(found)
        at = section[3] + random.randrange(section[4])
        _put(
            data, at, random.choice((b"\0", b"a", b"\xff", b".maps\0", b"maps\0", b".data", b"?xdp", b"/", b".text\0"))
        )


def _metadata(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    found = parts.of(lambda name, type: name == ".pyebpf")
    if found:
        section = random.choice(found)
        at = section[3] + random.randrange(section[4])
        _put(data, at, random.choice((b"[", b"{", b"null", b"-1", b'"', b"99999999999999999999", b"}", b"1e999")))


def _end(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    del data[random.randrange(len(data)) :]


def _hole(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    """Bytes are missing, or there are more of them: all that follows lies elsewhere."""
    at = random.randrange(_HEADER, max(len(data), _HEADER + 1))
    if random.random() < 0.5:
        del data[at : at + random.choice((1, 4, 8, 64))]
    else:
        data[at:at] = bytes(random.choice((1, 4, 8, 64)))


def _splice(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    other = random.choice(others)
    length = random.choice((8, 64, 512))
    start = random.randrange(len(other))
    _put(data, random.randrange(max(len(data), 1)), other[start : start + length])


def _anywhere(random: Random, data: bytearray, parts: Parts, others: list[bytes]) -> None:
    for _ in range(random.choice((1, 4, 32))):
        if data:
            data[random.randrange(len(data))] = random.getrandbits(8)


WAYS = (
    *(_header, _section_header, _section_header, _swapped_headers, _overlap, _symbols, _symbols, _relocations),
    *(_relocations, _instructions, _contents, _contents, _headers_of_types, _strings, _metadata, _end, _hole, _splice),
    _anywhere,
)
