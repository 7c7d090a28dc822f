"""Which files are interpreters, how they lay out their structs, and what their objects say."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from types import CodeType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_programs import pythons

from pyebpf.cpython import CODE, LAYOUTS, Layout, layout_of, packed
from pyebpf.library import python_frames
from pyebpf.loader.attach.uprobe_elf import Binary
from pyebpf.pictures.frames import Frame
from pyebpf.symbols.mappings import parse_maps, read_maps
from pyebpf.symbols.pythons import Interpreter, Pythons, interpreter_in
from pyebpf.views.python_calls import function_in, merged, text_in

OFFSETS = """
#define Py_BUILD_CORE 1
#include <Python.h>
#include <stddef.h>
#include <stdio.h>
#include "internal/pycore_runtime.h"
#include "internal/pycore_interp.h"
#include "internal/pycore_frame.h"
#define SAY(name, value) printf(name " %zu\\n", (size_t)(value));
int main(void) {
  SAY("main", offsetof(_PyRuntimeState, interpreters.main))
  SAY("threads", offsetof(PyInterpreterState, threads.head))
  SAY("thread", offsetof(PyThreadState, native_thread_id))
#if PY_VERSION_HEX >= 0x030d0000
  SAY("frame", offsetof(PyThreadState, current_frame))
  SAY("code", offsetof(_PyInterpreterFrame, f_executable))
#else
  SAY("frame", offsetof(PyThreadState, cframe))
  SAY("through", offsetof(_PyCFrame, current_frame))
  SAY("code", offsetof(_PyInterpreterFrame, f_code))
#endif
#if PY_VERSION_HEX >= 0x030c0000
  SAY("kind", offsetof(_PyInterpreterFrame, owner))
  SAY("below", FRAME_OWNED_BY_CSTACK)
#else
  SAY("kind", offsetof(_PyInterpreterFrame, is_entry))
#endif
  SAY("previous", offsetof(_PyInterpreterFrame, previous))
  SAY("line", offsetof(PyCodeObject, co_firstlineno))
  SAY("ascii", sizeof(PyASCIIObject))
  SAY("compact", sizeof(PyCompactUnicodeObject))
  SAY("next", offsetof(PyThreadState, next))
  SAY("co_filename", offsetof(PyCodeObject, co_filename))
  SAY("co_qualname", offsetof(PyCodeObject, co_qualname))
  SAY("length", offsetof(PyASCIIObject, length))
  SAY("state", offsetof(PyASCIIObject, state))
  return 0;
}
"""
WORDS = 8
"""Bytes of a word."""


def headers(python: str) -> Path | None:
    text = "import sysconfig; print(sysconfig.get_path('include'))"
    found = Path(subprocess.run([python, "-S", "-c", text], capture_output=True, text=True, check=True).stdout.strip())
    return found if (found / "internal" / "pycore_frame.h").exists() else None


WITH_HEADERS = {version: found for version, path in sorted(pythons().items()) if (found := headers(path))}


@pytest.mark.parametrize("version", WITH_HEADERS, ids=lambda version: "{}.{}".format(*version))
def test_the_layouts_are_the_headers(version: tuple[int, int], tmp_path: Path) -> None:
    include = WITH_HEADERS[version]
    (tmp_path / "offsets.c").write_text(OFFSETS)
    command = ["gcc", "-w", f"-I{include}", f"-I{include}/internal", "offsets.c", "-o", "offsets"]
    subprocess.run(command, cwd=tmp_path, check=True)
    told = subprocess.run([tmp_path / "offsets"], capture_output=True, text=True, check=True).stdout
    found = {name: int(value) for name, value in map(str.split, told.splitlines())}
    layout = LAYOUTS[version]
    named = {name: getattr(layout, name) for name in found if hasattr(layout, name)}
    assert named == {name: found[name] for name in named} and len(named) >= 9
    assert found["next"] == python_frames.NEXT
    assert found["co_filename"] == CODE + 6 * WORDS
    assert found["co_qualname"] == CODE + 8 * WORDS


@pytest.mark.parametrize("version", sorted(pythons()), ids=lambda version: "{}.{}".format(*version))
def test_interpreters_are_found_in_their_files(version: tuple[int, int]) -> None:
    """The address that a process itself tells is the one that its file and its mapping give."""
    address = "ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, '_PyRuntime'))"
    text = f"import ctypes; print({address}, flush=True); input()"
    told: dict[int, dict[str, int]] = {}
    dropped: list[int] = []
    pythons_told = Pythons(lambda pid, values: told.update({pid: dict(values)}), dropped.append)
    with subprocess.Popen(
        [pythons()[version], "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        runtime = int(process.stdout.readline())
        for mapping in read_maps(process.pid):
            pythons_told.mapped(process.pid, mapping)
        process.communicate("\n")
    layout = LAYOUTS[version]
    values = told[process.pid]
    assert (values["main"], values["version"]) == (runtime + layout.main, packed(version))
    pythons_told.forked(process.pid, 4_000_001)
    assert told[4_000_001] == values
    pythons_told.gone(process.pid)
    pythons_told.gone(process.pid)
    assert dropped == [process.pid]
    pythons_told.forked(process.pid, 4_000_002)
    assert 4_000_002 not in told


def test_other_files_are_no_interpreters() -> None:
    found = shutil.which("sh")
    assert found is not None
    with Binary(found) as binary:
        assert interpreter_in(binary) is None


def test_where_code_is_linked_to() -> None:
    interpreter = Interpreter((3, 11), 0x5000, ((0x1000, 0x800, 0x2000), (0x3000, 0x100, 0x9000)))
    [mapping] = parse_maps(b"7f0000001000-7f0000002000 r-xp 00001000 08:01 7 /usr/bin/python3\n")
    assert interpreter.base(mapping) == 0x7F0000001000 - 0x2000
    [mapping] = parse_maps(b"7f0000001000-7f0000002000 r-xp 00003000 08:01 7 /usr/bin/python3\n")
    assert interpreter.base(mapping) == 0x7F0000001000 - 0x9000
    [mapping] = parse_maps(b"7f0000001000-7f0000002000 r-xp 00008000 08:01 7 /usr/bin/python3\n")
    assert interpreter.base(mapping) is None


HERE = layout_of(packed(sys.version_info[:2]))
here = pytest.mark.skipif(HERE is None, reason="the layout of this Python isn't known")


def memory(value: object, size: int) -> bytes:
    """An object of this process, as a program copies it."""
    return ctypes.string_at(id(value), min(size, sys.getsizeof(value))).ljust(size, b"\0")


@here
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text(value: str) -> None:
    assert HERE is not None
    assert text_in(memory(value, 4096), HERE) == value


@here
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=100, max_size=300))
def test_text_that_is_cut_off(value: str) -> None:
    assert HERE is not None
    found = text_in(memory(value, 160), HERE)
    assert value.startswith(found) and len(found) >= (160 - HERE.compact) // 4


@given(st.binary(max_size=300), st.sampled_from(list(LAYOUTS.values())))
def test_what_is_no_text(data: bytes, layout: Layout) -> None:
    assert len(text_in(data, layout)) <= len(data)


def code_here() -> CodeType:
    def inner() -> None:
        pass

    return inner.__code__


@here
def test_functions() -> None:
    assert HERE is not None
    code = code_here()
    words = ctypes.string_at(id(code) + CODE, 16)
    made = SimpleNamespace(
        first=int.from_bytes(words[:8], sys.byteorder),
        second=int.from_bytes(words[8:], sys.byteorder),
        version=packed(sys.version_info[:2]),
        name=memory(code.co_qualname, python_frames.NAME_BYTES),
        file=memory(code.co_filename, python_frames.FILE_BYTES),
    )
    found = function_in(made)
    assert found is not None and found[1] == HERE
    assert found[0] == Frame("code_here.<locals>.inner", kind="python", file=__file__, line=code.co_firstlineno)
    made.version = packed((3, 99))
    assert function_in(made) is None


EVAL = "_PyEval_EvalFrameDefault"


@pytest.mark.parametrize(
    "calls, groups, expected",
    [
        ("read", "", "read"),
        ("", "A,B C", "A B C"),
        (f"read os_read {EVAL} PyEval_EvalCode main", "A,B", "read os_read A B PyEval_EvalCode main"),
        (f"{EVAL} sort {EVAL} main", "A,B C", "A B sort C main"),
        (f"read {EVAL} broken", "A B,C", "read A broken B C"),
        (f"{EVAL} sort {EVAL} main", "A", f"A sort {EVAL} main"),
        (f"{EVAL}.cold call {EVAL}", "A B", "A call B"),
    ],
)
def test_both_stacks_together(calls: str, groups: str, expected: str) -> None:
    def lower(names: str) -> list[Frame]:
        return [
            Frame(name, kind="user", symbol=name) if not name.isupper() else Frame(name, kind="python")
            for name in names.split()
        ]

    given_groups = [tuple(lower(group.replace(",", " "))) for group in groups.split()]
    assert merged(lower(calls), given_groups) == lower(expected)


def test_what_perf_maps_tell_is_told_once() -> None:
    jit = Frame("A", kind="python", file="a.py")
    native = [Frame(EVAL, kind="user", symbol=EVAL), jit, Frame("main", kind="user", symbol="main")]
    walked = Frame("A", kind="python", file="a.py", line=7)
    assert merged(native, [(walked,)]) == [walked, native[2]]
    assert merged(native, []) == native
