"""Files that probes are for: whatever is in them, the answer is a place, or an error that says what is wrong."""

from __future__ import annotations

import os
import struct
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from native import MARK, build

import pyebpf
from pyebpf.loader.attach.uprobe_elf import Binary, BinaryError
from pyebpf.loader.attach.uprobe_files import File, find_file
from pyebpf.loader.attach.uprobe_symbols import function_offset, matching_offsets
from pyebpf.loader.attach.usdt_notes import Marker, markers_of, spec_of

LIBRARY = (
    MARK
    + """
__asm__(".symver get_old,get@OLD\\n.symver get_new,get@@NEW");
int get_old(void) { return 1; }
int get_new(void) { int n = 3; MARK("one", "0", "-4@%0 8@%1", "m"(n), "r"(5L)); return 2; }
int other(void) { return 3; }
"""
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    (folder / "map").write_text("OLD { global: get; }; NEW { global: get; other; } OLD;\n")
    return build(folder, "lib.so", LIBRARY, "-shared", "-fPIC", f"-Wl,--version-script={folder}/map")


def look(path: Path) -> None:
    """Ask for all that a file may have. Only LoadErrors, and a BinaryError of the markers, may come of it."""
    file = File(str(path), str(path))
    for target in ("other", "get", "get@OLD", "nothing", "other+3", "0x1100"):
        with suppress(pyebpf.LoadError):
            function_offset(file, target, "look")
    with suppress(pyebpf.LoadError):
        matching_offsets(file, "*", "look")
    with suppress(BinaryError), Binary(str(path)) as binary:
        for marker in markers_of(binary):
            spec_of(marker, binary)
            binary.code_offset(marker.address)


def spoilt(data: bytes, random: Random) -> bytes:
    """Some numbers changed: mostly in headers, where they count most."""
    changed = bytearray(data)
    headers = struct.unpack_from("=Q", data, 40)[0]
    for _ in range(random.randint(1, 4)):
        start, end = random.choice([(0, 64), (64, 700), (headers, len(data)), (0, len(data))])
        at = min(random.randrange(start, end), len(changed) - 1)
        match random.randrange(4):
            case 0:
                changed[at] = random.randrange(256)
            case 1:
                changed[at : at + 8] = random.choice([b"\xff" * 8, bytes(8), b"\x7f" * 8])
            case 2:
                changed[at : at + 4] = random.randrange(1 << 32).to_bytes(4, "little")
            case 3:
                del changed[max(at, 1) :]
    return bytes(changed)


def test_spoilt_files(library: Path, tmp_path: Path) -> None:
    data, path = library.read_bytes(), tmp_path / "spoilt"
    look(library)
    random = Random(7)
    slowest = 0.0
    for number in range(400):
        path.write_bytes(spoilt(data, random))
        start = time.process_time()
        look(path)
        slowest = max(slowest, time.process_time() - start)
        assert slowest < 2, number


def test_a_symbol_of_libc_is_found_quickly() -> None:
    file = find_file("libc", None, "look")
    start = time.process_time()
    offset = function_offset(file, "malloc", "look")
    assert time.process_time() - start < 0.1
    assert offset > 0
    assert matching_offsets(file, "mallo[c]", "look") == {offset: "malloc"} or offset in matching_offsets(
        file, "*malloc", "look"
    )


def test_a_file_that_is_written_to_meanwhile(library: Path, tmp_path: Path) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(library.read_bytes())
    with Binary(str(path)) as binary:
        os.truncate(path, 100)
        with pytest.raises(BinaryError, match="lie outside of the file"):
            _ = binary.tables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8@%rax", [(1, 0, 80, 0, 0)]),
        ("-1@%r10b 2@%si", [(1, 0, 56, 1, 56), (1, 0, 104, 0, 48)]),
        ("4@-16(%rbp) 8@(%rsp)", [(2, -16, 32, 0, 32), (2, 0, 152, 0, 0)]),
        ("8@$-7 -4@$0x10", [(0, -7, 0, 0, 0), (0, 16, 0, 1, 32)]),
        ("8@8(%rax,%rbx,4) 8@(%rax,%rcx)", [(3 | 40 << 8 | 2 << 20, 8, 80, 0, 0), (3 | 88 << 8, 0, 80, 0, 0)]),
        ("8@(,%rax,8) 8f@%xmm0 8@%st 8@nothing(%rip)", [None] * 4),
        ("3@%rax", []),
        ("", []),
    ],
)
def test_the_assemblers_words(library: Path, text: str, expected: list[tuple[int, ...] | None]) -> None:
    with Binary(str(library)) as binary:
        spec = spec_of(Marker("t:x", 0, 0, text), binary)
    assert spec.count == len(expected)
    for number, wanted in enumerate(expected):
        offset, where, register, signed, shift = struct.unpack_from("=qIhBb", spec.record, 16 * number)
        assert (number in spec.unknown) == (wanted is None)
        assert wanted is None or (where, offset, register, signed, shift) == wanted


def test_names_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").write_bytes(b"")
    (tmp_path / "tool").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert find_file("tool", None, "look").path == str(tmp_path / "tool")
    assert find_file("./tool", None, "look").path == f"{tmp_path}/tool"
    for name, message in (
        ("toool", "did you mean tool?"),
        ("./toll", "did you mean"),
        ("libcc.so.6", "did you mean libc"),
    ):
        with pytest.raises(pyebpf.LoadError, match=message):
            find_file(name, None, "look")
    names = {find_file(name, None, "look").path for name in ("libc", "libc.so.6")}
    assert len(names) == 1 and names.pop().endswith("/libc.so.6")
    with pytest.raises(pyebpf.LoadError, match="there is no process 4194305"):
        find_file("libc", 4194305, "look")
