"""Whatever files called python say, and whatever lies in the memory of processes that have them: telling of them raises
nothing, ends soon, and takes little memory; and objects that say wrong things of the maps for it are refused."""

from __future__ import annotations

import copy
import json
import os
import platform
import struct
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyebpf
from pyebpf import Stacks, profile, python_stack
from pyebpf.diagnostics.base import ObjectError
from pyebpf.loader.attach.uprobe_elf import MACHINES
from pyebpf.metadata_json import decode, encode
from pyebpf.pictures.flame import flame_graph
from pyebpf.pictures.folded import folded
from pyebpf.pictures.frames import StackCount
from pyebpf.symbols.mappings import Mapping as Mapped
from pyebpf.symbols.pythons import Pythons
from pyebpf.views.python_calls import function_in

SECTION = struct.Struct("=IIQQQQIIQQ")
SYMBOL = struct.Struct("=IBBHQQ")
LAST = 2**64 - 1
EARLIER: Mapping[str, int] = {"main": 0}


def library(runtime: int = 0x2000, version: int = 0x030C01F0, tables: int = 1, size: int | None = None) -> bytes:
    """A library with the two symbols that tell of an interpreter; its table may be there several times, and be said
    to have another size."""
    names = b"\0_PyRuntime\0Py_Version\0"
    symbols = SYMBOL.pack(0, 0, 0, 0, 0, 0) + SYMBOL.pack(1, 0x11, 0, 1, runtime, 8)
    symbols += SYMBOL.pack(12, 0x11, 0, 1, 0x1000, 8)
    body = struct.pack("=Q", version) + names + symbols
    start = 64 + 56
    table = start + 8 + len(names)
    sections = [SECTION.pack(0, 0, 0, 0, 0, 0, 0, 0, 0, 0), SECTION.pack(0, 3, 0, 0, start + 8, len(names), 0, 0, 1, 0)]
    length = len(symbols) if size is None else size
    sections += [SECTION.pack(0, 11, 0, 0, table, length, 1, 0, 8, 24)] * tables
    headers = start + len(body)
    ident = b"\x7fELF\2\1\1".ljust(16, b"\0")
    machine = MACHINES.get(platform.machine(), 0)
    fields = (3, machine, 1, 0, 64, headers, 0, 64, 56, 1, 64, len(sections), 1)
    program = struct.pack("=IIQQQQQQ", 1, 5, start, 0x1000, 0x1000, 8, 8, 4096)
    return ident + struct.pack("=HHIQQQIHHHHHH", *fields) + program + body + b"".join(sections)


def mapping_of(path: Path, start: int = 0x7F0000000000) -> Mapped:
    status = path.stat()
    return Mapped(start, start + 4096, 0, status.st_dev, status.st_ino, os.fsencode(path))


class Told:
    """Keeps what is told of processes."""

    def __init__(self) -> None:
        self.known: dict[int, Mapping[str, int]] = {}
        self.pythons = Pythons(self.known.__setitem__, lambda pid: self.known.pop(pid, None) and None)


def told_of(path: Path, data: bytes) -> dict[int, Mapping[str, int]]:
    path.write_bytes(data)
    told = Told()
    told.pythons.mapped(os.getpid(), mapping_of(path))
    return told.known


def test_a_library_like_that_is_told(tmp_path: Path) -> None:
    (values,) = told_of(tmp_path / "libpython", library()).values()
    assert values["version"] == 0x030C and values["main"] == 0x7F0000000000 + 120 - 0x1000 + 0x2000 + 48


@pytest.mark.parametrize("runtime", [LAST, 2**64 - 0x7F0000000000, 2**63])
def test_addresses_that_there_are_not(tmp_path: Path, runtime: int) -> None:
    known = told_of(tmp_path / "libpython", library(runtime))
    assert all(0 <= number <= LAST for values in known.values() for number in values.values())


@pytest.mark.parametrize("version", [0, LAST, 0x020712F0, 0x030A0DF0, 0x030E00F0, 0x1_030C_01F0, 0x030D00F0])
def test_versions_that_nobody_knows(tmp_path: Path, version: int) -> None:
    """Or, of 3.13, that says nothing of its layout."""
    assert not told_of(tmp_path / "libpython", library(version=version))


def peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_tables_that_take_much_memory(tmp_path: Path) -> None:
    """One that has half a gigabyte of holes; and one of a megabyte that there is ten thousand times."""
    path, size = tmp_path / "python3", 24 << 20
    path.write_bytes(library(size=size))
    os.truncate(path, path.stat().st_size + size)
    told = Told()
    assert peak(lambda: told.pythons.mapped(os.getpid(), mapping_of(path))) < 4 << 20
    path.unlink()
    path.write_bytes(library(tables=10_000, size=24 * 40_000))
    os.truncate(path, path.stat().st_size + (1 << 20))
    started = time.monotonic()
    assert peak(lambda: told.pythons.mapped(os.getpid(), mapping_of(path))) < 16 << 20
    assert time.monotonic() - started < 5 and not told.known


def test_spoilt_files(tmp_path: Path) -> None:
    data, random = library(), Random(11)
    for number in range(500):
        changed = bytearray(data)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(changed) - 8) & ~3
            wide = random.choice([0, 1, 24, 2**31, 2**63, LAST, random.getrandbits(64)])
            changed[at : at + 8] = struct.pack("=Q", wide)
        told_of(tmp_path / f"python{number}", bytes(changed[: random.randint(1, 2 * len(changed))]))


def test_a_file_that_is_gone_is_looked_for_again(tmp_path: Path) -> None:
    """As in a container, whose first process may have ended too soon."""
    path, told = tmp_path / "libpython", Told()
    path.write_bytes(library())
    mapping = mapping_of(path)
    path.rename(tmp_path / "away")
    told.pythons.mapped(os.getpid(), mapping)
    assert not told.known
    (tmp_path / "away").rename(path)
    told.pythons.mapped(os.getpid(), mapping)
    assert told.known


def test_a_number_that_another_process_has_now(tmp_path: Path) -> None:
    """Where the record of the first one's end was lost."""
    path, told = tmp_path / "libpython", Told()
    path.write_bytes(library())
    told.pythons.mapped(os.getpid(), mapping_of(path))
    told.pythons.forked(1, os.getpid())
    assert not told.known


def test_those_that_an_earlier_session_has_told_of(tmp_path: Path) -> None:
    """They stay known until all have been looked at, if they are there still."""
    path, known = tmp_path / "libpython", dict.fromkeys((os.getpid(), 1, 2**22 + 1), EARLIER)
    path.write_bytes(library())
    pythons = Pythons(known.__setitem__, lambda pid: known.pop(pid, None) and None, list(known))
    pythons.mapped(os.getpid(), mapping_of(path))
    assert len(known) == 3
    pythons.scanned()
    assert list(known) == [os.getpid()] and known[os.getpid()]["main"]


def test_families_of_two_sessions_differ(tmp_path: Path) -> None:
    """Maps that are pinned have functions of both."""
    found = [told_of(tmp_path / "libpython", library())[os.getpid()]["family"] for _ in range(8)]
    assert len(set(found)) == 8


def code_of(name: bytes, file: bytes = b"", version: int = 0x030C, first: int = 0) -> SimpleNamespace:
    return SimpleNamespace(first=first, second=0, version=version, name=name.ljust(168, b"\0"), file=file)


@given(st.binary(max_size=168), st.binary(max_size=256), st.sampled_from([0x030B, 0x030C, 0x030D, 0, LAST]))
def test_any_memory_as_a_function(name: bytes, file: bytes, version: int) -> None:
    found = function_in(code_of(name, file, version, LAST))
    assert found is None or found[0].name.encode()


def text(characters: str, length: int | None = None, state: int = 0x64) -> bytes:
    """A str object of CPython 3.12, ASCII."""
    data = characters.encode()
    return struct.pack("=QQQQI4x", 1, 0, len(data) if length is None else length, 0, state) + data


def test_long_names_are_as_long_as_what_was_copied() -> None:
    for length in (5, 2**31, 2**63, LAST):
        found = function_in(code_of(text("a" * 128, length)))
        assert found is not None and found[0].name == "a" * min(length, 128)


@pytest.mark.parametrize("name", ["</svg><script>", "a;b\nc 17\n", "\x1b]0;title\x07\x1b[2J", "\0\ufffe\u202e", " "])
def test_names_that_say_something_else(name: str) -> None:
    state = 0x64 if name.isascii() else 0x28
    data = name.encode("utf-16-le")
    raw = text(name) if name.isascii() else struct.pack("=QQQQI4x16x", 1, 0, len(name), 0, state) + data
    found = function_in(code_of(raw, raw.ljust(256, b"\0")))
    assert found is not None and found[0].name == name
    stacks = [StackCount((), (found[0],), 3)]
    lines = folded(stacks)
    assert lines.count("\n") == 1 and ";" not in lines and lines.endswith(" 3\n") and lines[:-1].isprintable()
    picture = flame_graph(stacks)
    assert "\x1b" not in picture and "</svg><script>" not in picture and "\u202e" not in picture


stacks = Stacks(max_entries=8)


@profile
def sampled(ctx: object) -> None:
    stacks[python_stack()] += 1


@pytest.fixture(scope="module")
def plain() -> Any:
    return json.loads(encode(pyebpf.compile([sampled]).metadata))


WALKS, CODES, PYTHONS = "__pyebpf_python_stacks", "__pyebpf_codes", "__pyebpf_pythons"


@pytest.mark.parametrize("name", [WALKS, CODES, PYTHONS])
@pytest.mark.parametrize("how", ["gone", "kind", "key", "value", "field", "width"])
def test_what_objects_say_of_these_maps_is_checked(plain: Any, name: str, how: str) -> None:
    spoilt = copy.deepcopy(plain)
    info = dict(spoilt["maps"])[name]
    match how:
        case "gone":
            spoilt["maps"] = [each for each in spoilt["maps"] if each[0] != name]
        case "kind":
            info["kind"] = "Array"
        case "key":
            info["key"] = {"is": "Integer", "name": "u16", "size": 2}
        case "value":
            info["value"] = info["key"]
        case "field":
            info["value"]["fields"][0]["name"] = "other"
        case "width":
            info["value"]["fields"][-1]["type"] = {"is": "Integer", "name": "u8", "size": 1}
    decode(json.dumps(plain).encode())
    with pytest.raises(ObjectError):
        decode(json.dumps(spoilt).encode())


@pytest.mark.parametrize("name", ["", "nothing", CODES, PYTHONS, "stacks"])
def test_stacks_in_a_map_of_other_things(plain: Any, name: str) -> None:
    spoilt = copy.deepcopy(plain)
    dict(spoilt["maps"])["stacks"]["stacks"]["pythons"] = name
    with pytest.raises(ObjectError):
        decode(json.dumps(spoilt).encode())
