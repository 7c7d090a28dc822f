"""Functions that a process compiled while it ran: its map is read, if it is really its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting_programs import build, running

from pyebpf.symbols import Symbols
from pyebpf.symbols.jit import JitMap, python_name

COMPILES = """
#include <stdio.h>
#include <unistd.h>
#include <sys/mman.h>
int main(void) {
  printf("%p\\n", mmap(0, 1 << 16, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0);
  return 0;
}
"""
PYTHON = """
import sys
def inner():
    print(0, flush=True)
    sys.stdin.read()
inner()
"""
NOBODY = 65534
LINES = [b"ff 10 a", b"0 0 zero", b"ffffffffffffffff ffffffffffffffff x"]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return build(tmp_path / "compiles", source=COMPILES)


@contextmanager
def map_of(pid: int, text: str, change: Callable[[Path], None] = lambda path: None) -> Iterator[Path]:
    path = Path(f"/tmp/perf-{pid}.map")
    path.write_text(text)
    path.chmod(0o644)
    try:
        change(path)
        yield path
    finally:
        path.unlink(missing_ok=True)


def names(symbols: Symbols, pid: int, *addresses: int) -> list[str]:
    return [symbols.user(pid, [address])[0].name for address in addresses]


def test_names_are_those_of_its_map(program: Path) -> None:
    with Symbols() as symbols, running(program) as (pid, [start]):
        lines = f"{start:x} 10 first\nnot a line\n{start + 16:x} 20 second one\n0x{start + 256:x} 0x10 third\n"
        with map_of(pid, lines) as path:
            frames = [symbols.user(pid, [start + at])[0] for at in (0, 15, 20, 48, 260)]
            assert [(each.name, each.offset, each.kind) for each in frames[:3]] == [
                *(("first", 0, "jit"), ("first", 15, "jit"), ("second one", 4, "jit")),
            ]
            assert (frames[3].name, frames[3].kind, frames[4].name) == ("[unknown]", "unknown", "third")
            assert frames[0].module == ""
            with path.open("a") as file:
                file.write(f"{start + 512:x} 10 later\n{start + 600:x} 10 without an en")
            time.sleep(0.15)
            assert names(symbols, pid, start + 512, start + 600) == ["later", "[unknown]"]
            with path.open("a") as file:
                file.write("d\n")
            time.sleep(0.15)
            assert names(symbols, pid, start + 600) == ["without an end"]


def _by_link(path: Path) -> None:
    moved = path.with_name(f"other-{os.getpid()}")
    path.rename(moved)
    path.symlink_to(moved)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda path: os.chown(path, NOBODY, NOBODY), id="another user's"),
        pytest.param(lambda path: path.chmod(0o664), id="group may write"),
        pytest.param(lambda path: path.chmod(0o646), id="all may write"),
        pytest.param(_by_link, id="symbolic link"),
        pytest.param(lambda path: os.utime(path, (1e9, 1e9)), id="older than the process"),
        pytest.param(lambda path: (path.unlink(), os.mkfifo(path)), id="pipe"),
        pytest.param(lambda path: os.link(path, path.with_name(f"other-{os.getpid()}")), id="two names"),
    ],
)
def test_maps_that_others_could_have_written_are_left_alone(program: Path, change: Callable[[Path], None]) -> None:
    other = Path(f"/tmp/other-{os.getpid()}")
    try:
        with (
            Symbols() as symbols,
            running(program) as (pid, [start]),
            map_of(pid, f"{start:x} 10 first\n", change),
        ):
            assert names(symbols, pid, start) == ["[unknown]"]
    finally:
        other.unlink(missing_ok=True)


def test_processes_of_users_have_maps_of_their_own(open_folder: Path) -> None:
    program = build(open_folder / "compiles", source=COMPILES)
    for owner in (0, NOBODY):
        with (
            Symbols() as symbols,
            running(program, user=NOBODY, group=NOBODY, extra_groups=[]) as (pid, [start]),
            map_of(pid, f"{start:x} 10 first\n", lambda path, owner=owner: os.chown(path, owner, owner)),
        ):
            assert names(symbols, pid, start) == ["first"]


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_functions_of_python_have_names_and_files(version: str, tmp_path: Path) -> None:
    found = [path for path in Path.home().glob(f".pyenv/versions/{version}*/bin/python{version}") if path.is_file()]
    if not found:
        pytest.skip(f"there is no Python {version}")
    script = tmp_path / "some script.py"
    script.write_text(PYTHON)
    with Symbols() as symbols, running(found[0], "-X", "perf", script) as (pid, _):
        path = Path(f"/tmp/perf-{pid}.map")
        try:
            lines = [line.split(" ", 2) for line in path.read_text().splitlines()]
            [place] = [int(start, 16) for start, _, name in lines if name == f"py::inner:{script}"]
            [frame] = symbols.user(pid, [place + 2])
            assert (frame.name, frame.file, frame.kind, frame.offset) == ("inner", str(script), "python", 2)
        finally:
            path.unlink(missing_ok=True)


@pytest.mark.kernel
def test_maps_are_read_when_processes_end(program: Path) -> None:
    with Symbols() as symbols:
        symbols.follow()
        with running(program) as (pid, [start]):
            path = Path(f"/tmp/perf-{pid}.map")
            path.write_text(f"{start:x} 10 first\n")
            time.sleep(0.3)
        time.sleep(0.3)
        path.unlink()
        assert names(symbols, pid, start) == ["first"]


def test_names_of_python() -> None:
    assert python_name("py::run:/some/a:b.py") == ("run", "/some/a:b.py")
    assert python_name("py::A.<locals>.<lambda>:<string>") == ("A.<locals>.<lambda>", "<string>")
    assert python_name("py::nothing") is None
    assert python_name("native") is None


def test_what_comes_later_counts() -> None:
    table = JitMap()
    table.parse(b"1000 100 old\n1010 10 new\n1000 8 newest\n")
    assert [table.at(address) for address in (0x1000, 0x1008, 0x1010, 0x1020, 0x1100, 0xFFF)] == [
        *(("newest", 0), ("old", 8), ("new", 0), ("old", 0x20), None, None),
    ]


@given(st.lists(st.binary(max_size=30) | st.sampled_from(LINES)))
def test_any_bytes_are_gone_through(lines: list[bytes]) -> None:
    table = JitMap()
    table.parse(b"\n".join(lines) + b"\n")
    for address in (0, 0xFF, 2**64 - 1):
        found = table.at(address)
        assert found is None or (found[0].isprintable() and found[1] >= 0)


def test_python_is_no_user_of_the_map_by_chance() -> None:
    """This very interpreter runs without the option: nothing is made up for its frames."""
    with Symbols() as symbols:
        [frame] = symbols.user(os.getpid(), [id(subprocess)])
    assert (frame.name, frame.kind) == ("[unknown]", "unknown"), sys.version
