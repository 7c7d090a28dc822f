"""Whatever files and maps say, looking at them ends soon, takes little memory, and raises nothing."""

from __future__ import annotations

import lzma
import os
import struct
import subprocess
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting_programs import build

from pyebpf.symbols.demangle import shown
from pyebpf.symbols.functions import Functions, Table
from pyebpf.symbols.images import Image, Images, TooLarge
from pyebpf.symbols.mappings import MOST, Mapping, Space, parse_maps

SYMBOL = struct.Struct("=IBBHQQ")
MAPS = b"""\
555500000000-555500001000 r-xp 00001000 08:01 42                         /usr/bin/some program
7f0000000000-7f0000002000 rwxp 00000000 00:00 0\x20
7f0000002000-7f0000003000 r--p 00000000 08:01 43                         /usr/lib/data
7f0000003000-7f0000004000 r-xs 00002000 00:05 44                         /memfd:two\\012lines (deleted)
7f0000004000-7f0000005000 --xp 00000000 00:00 0                          [anon:name]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
"""


def image_of(data: bytes, folder: Path) -> Image | None:
    path = folder / "image"
    path.write_bytes(data)
    images = Images()
    key = images.read(os.open(path, os.O_RDONLY), b"image")
    return images.get(key) if key is not None else None


def look(image: Image | None) -> None:
    if image is not None:
        image.find_debug(b"/tmp/image", [])
        for offset in (0, 0x1000, 0x1139, 2**64 - 1):
            address = image.address_of(offset)
            found = image.functions.at(address if address is not None else offset)
            assert found is None or (found[0].isprintable() and found[1] >= 0)


def spoilt(data: bytes, random: Random) -> bytes:
    """Some numbers changed, mostly in headers, where they count most; or cut off."""
    changed = bytearray(data)
    headers = struct.unpack_from("=Q", data, 40)[0]
    for _ in range(random.randint(1, 4)):
        start, end = random.choice([(0, 64), (64, 800), (headers, len(data)), (0, len(data))])
        at = min(random.randrange(start, end), len(changed) - 8)
        match random.randrange(3):
            case 0:
                changed[at] = random.randrange(256)
            case 1:
                changed[at & ~7 : (at & ~7) + 8] = struct.pack("=Q", random.choice([0, 1, 2**31, 2**63, 2**64 - 1]))
            case _:
                changed[at & ~3 : (at & ~3) + 4] = struct.pack("=I", random.randrange(1 << random.randint(1, 32)))
    return bytes(changed[: random.randrange(len(changed))] if random.random() < 0.1 else changed)


def test_spoilt_programs(tmp_path: Path) -> None:
    data = build(tmp_path / "program").read_bytes()
    random, started = Random(6), time.monotonic()
    whole = 0
    for _ in range(1500):
        image = image_of(spoilt(data, random), tmp_path)
        look(image)
        whole += image is not None
    assert whole > 200  # many are as good as before
    assert time.monotonic() - started < 60


def claims(path: Path, kind: int, size: int) -> None:
    """The table of symbols (2) or of their names (3) said to have so many bytes, in a file that has as many: holes."""
    data = bytearray(path.read_bytes())
    headers, count = struct.unpack_from("=Q", data, 40)[0], struct.unpack_from("=H", data, 60)[0]
    for at in range(headers, headers + 64 * count, 64):
        if struct.unpack_from("=I", data, at + 4)[0] == kind:
            struct.pack_into("=QQ", data, at + 24, len(data), size)
    path.write_bytes(data)
    os.truncate(path, len(data) + size)


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("kind", "size"), [(2, 1 << 29), (3, 1 << 29), (2, 1 << 40), (3, 1 << 62)])
def test_enormous_tables(tmp_path: Path, kind: int, size: int) -> None:
    program = build(tmp_path / "program")
    if size < 1 << 40:
        claims(program, kind, size)
    else:
        data = bytearray(program.read_bytes())
        claims(program, kind, 0)
        data = bytearray(program.read_bytes())
        program.write_bytes(data.replace(struct.pack("=QQ", len(data), 0), struct.pack("=QQ", len(data), size)))
    assert peak(lambda: look(image_of_path(program))) < 100 << 20
    if kind == 2:
        with open(program, "rb") as file, pytest.raises(TooLarge):  # not before somebody asks for it
            Images().read(os.dup(file.fileno()), b"image", 16 << 20)


def image_of_path(path: Path) -> Image | None:
    images = Images()
    key = images.read(os.open(path, os.O_RDONLY), b"image")
    return images.get(key) if key is not None else None


def test_long_names_of_many_sections(tmp_path: Path) -> None:
    """Sixty thousand sections, all with the same name of a megabyte."""
    count, name = 60_000, b"x" * (1 << 20)
    header = bytearray(build(tmp_path / "program").read_bytes()[:64])
    struct.pack_into("=QQ", header, 32, 0, 64 + len(name))
    struct.pack_into("=HHHHH", header, 54, 56, 0, 64, count, 0)
    section = struct.pack("=IIQQQQIIQQ", 0, 3, 0, 0, 64, len(name), 0, 0, 1, 0)
    started = time.monotonic()
    assert peak(lambda: look(image_of(bytes(header) + name + section * count, tmp_path))) < 200 << 20
    assert time.monotonic() - started < 20


def test_symbols_that_unpack_to_very_much(tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    compressor = lzma.LZMACompressor(preset=0)
    packed.write_bytes(compressor.compress(bytes(256 << 20)) + compressor.flush())
    program = build(tmp_path / "program", "-s")
    subprocess.run(["objcopy", f"--add-section=.gnu_debugdata={packed}", program], check=True)
    assert peak(lambda: look(image_of_path(program))) < 200 << 20


def test_files_that_are_no_programs(tmp_path: Path) -> None:
    for data in (b"", b"\x7fELF", bytes(100), b"#!/bin/sh\n", b"\x7fELF" + bytes(60)):
        assert image_of(data, tmp_path) is None


def test_a_file_that_gets_shorter(tmp_path: Path) -> None:
    program = build(tmp_path / "program")
    fd = os.open(program, os.O_RDONLY)
    os.truncate(program, 3000)
    assert Images().read(fd, b"program") is None


def test_many_functions_in_one_place() -> None:
    symbols = b"".join(SYMBOL.pack(1, 0x12, 0, 1, 0x1000, 16) for _ in range(300_000))
    functions = Functions((Table(symbols, b"\0name\0"),))
    started = time.monotonic()
    for _ in range(1000):
        assert functions.at(0x1004) == ("name", 4)
        assert functions.at(0x1010) is None
    assert time.monotonic() - started < 2


def test_names_are_cut_and_made_printable() -> None:
    def named(name: bytes) -> str:
        found = Functions((Table(SYMBOL.pack(1, 0x12, 0, 1, 0x1000, 16), b"\0" + name),)).at(0x1000)
        assert found is not None
        return found[0]

    assert named(b"x" * 100_000) == "x" * 4096  # where a mangled one would end
    assert shown("x" * 4096) == "x" * 666 + "…" + "x" * 333
    assert named(b"a\x1b[31m\xff\0") == "a\\x1b[31m\\xff"
    assert named("grün\0".encode()) == "grün"
    assert named(b"memcpy@@GLIBC_2.14\0") == "memcpy"
    assert named(b"<script>&\0") == "<script>&"  # who draws it escapes it


@given(st.lists(st.builds(SYMBOL.pack, *[st.integers(0, (1 << bits) - 1) for bits in (4, 8, 8, 16, 64, 64)])))
def test_any_symbols(symbols: list[bytes]) -> None:
    functions = Functions((Table(b"".join(symbols), b"\0a\0b\xff\0cc"), Table(b"".join(symbols)[:-3], b"")))
    for symbol in symbols:
        _, _, _, _, value, size = SYMBOL.unpack(symbol)
        for address in (value, max(value - 1, 0), value + size):
            found = functions.at(address)
            assert found is None or found[1] <= address


def test_maps_are_parsed_strictly() -> None:
    found = parse_maps(MAPS)
    assert [(each.start, each.end, each.offset, each.inode, each.path) for each in found] == [
        (0x555500000000, 0x555500001000, 0x1000, 42, b"/usr/bin/some program"),
        (0x7F0000000000, 0x7F0000002000, 0, 0, b""),
        (0x7F0000003000, 0x7F0000004000, 0x2000, 44, b"/memfd:two\nlines (deleted)"),
        (0x7F0000004000, 0x7F0000005000, 0, 0, b"[anon:name]"),
        (0xFFFFFFFFFF600000, 0xFFFFFFFFFF601000, 0, 0, b"[vsyscall]"),
    ]
    assert [each.is_file for each in found] == [True, False, True, False, False]
    assert found[0].device == os.makedev(8, 1)
    assert found[2].shown == b"/memfd:two\nlines"
    assert parse_maps(MAPS.replace(b"-", b" ")) == []


@given(st.lists(st.sampled_from(MAPS.splitlines()) | st.binary(max_size=80)))
def test_any_maps(lines: list[bytes]) -> None:
    space = Space(parse_maps(b"\n".join(lines)))
    assert len(space) <= MOST


REGIONS = st.builds(
    lambda start, length, offset: Mapping(start, start + length, offset, 0, 0, b""),
    *(st.integers(0, 60), st.integers(1, 30), st.integers(0, 1000)),
)


@given(st.lists(REGIONS))
def test_the_newest_mapping_is_where_several_were(mappings: list[Mapping]) -> None:
    space, copy = Space(), None
    for number, mapping in enumerate(mappings):
        if number == len(mappings) // 2:
            copy = space.copy()
        space.add(mapping)
    for part, known in ((space, mappings), (copy, mappings[: len(mappings) // 2])):
        for address in range(100) if part is not None else ():
            found = part.find(address) if part is not None else None
            wanted = [each for each in known if each.start <= address < each.end][-1:]
            place = [address - each.start + each.offset for each in wanted]
            assert ([address - found.start + found.offset] if found is not None else []) == place


def test_more_mappings_than_are_kept() -> None:
    space = Space([Mapping(2 * at, 2 * at + 1, 0, 0, 0, b"") for at in range(MOST + 100)])
    assert len(space) == MOST
