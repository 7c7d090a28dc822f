"""Programs about text, run by CPython and by the kernel, give the same numbers and the same texts."""

from __future__ import annotations

import os
import struct
import tempfile
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from gen_text import FIELDS, NUMBERS, ROOM, TEXTS, VALUES, WORDS, TextGenerator
from running import Kernel

from pyebpf import CompileError, char
from pyebpf.loader import sys
from pyebpf.loader.load import load_object
from pyebpf.object.read import read_object

pytestmark = pytest.mark.kernel

PROGRAMS = int(os.environ.get("PYEBPF_EXAMPLES", "0")) or 40
REFUSED = {"E0204", "E0205", "E0223", "E0402", "E0406", "E0410"}
"""Too many instructions, too much stack, what always fails, what is beyond the longest text or the largest number."""
ROW = struct.Struct("<8s16s24s5s40s3xqQHb?4x")
SIZE = 8 * VALUES + ROOM * TEXTS


def texts(random: Random, size: int, *, whole: bool) -> bytes:
    """Text for a field, with anything behind its end; `whole`: its characters aren't cut."""
    text = "".join(random.choice(WORDS[1:] + ("a", "b", "/")) for _ in range(random.randrange(0, size)))
    if random.randrange(4) == 0:
        text = text[: random.randrange(size)]
    data = text.encode()[:size]
    if whole:
        data = data.decode("utf-8", "ignore").encode()
    elif random.randrange(3) == 0:
        data = bytes(
            random.choice((0x41, 0x62, 0x80, 0xBF, 0xC3, 0xA9, 0xE2, 0x82, 0xF0, 0x9F, 0xED, 0xFF)) for _ in data
        )
    if len(data) < size:
        data += b"\0" + random.randbytes(size)
    return data[:size]


def row(random: Random, *, whole: bool) -> tuple[Any, ...]:
    numbers = []
    for low, high in NUMBERS.values():
        edges = [value for value in (low, high, 0, 1, 9, 10, 99, 100, -1, -10) if low <= value <= high]
        numbers.append(random.choice((random.choice(edges), random.randint(low, high), random.randint(0, 12))))
    fields = (texts(random, size, whole=whole) for size in FIELDS.values())
    return (*fields, *numbers, random.randrange(2) == 1)


def decoded(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def run_python(program: str, values: tuple[Any, ...]) -> tuple[list[int], list[str]]:
    names = (*FIELDS, *NUMBERS, "k")
    found = [decoded(value) if isinstance(value, bytes) else value for value in values]
    entry = SimpleNamespace(**dict(zip(names, found, strict=True)))
    out = SimpleNamespace(v=[0] * VALUES, t=[""] * TEXTS)
    scope = {"rows": [entry], "results": [out], "char": char, "XDP": SimpleNamespace(DROP=1)}
    exec(program[program.index("def probe") :], scope)
    scope["probe"](None)  # type: ignore[operator]
    return [int(value) for value in out.v], out.t


def run_kernel(kernel: Kernel, program: str, rows: list[tuple[Any, ...]]) -> list[tuple[list[int], list[str]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "probe.py")
        path.write_text(program)
        elf = kernel.compile_file(path)
    outcomes = []
    with load_object(read_object(elf)) as loaded:
        for values in rows:
            sys.map_update(loaded.maps["rows"].fd, bytes(4), ROW.pack(*values))
            sys.map_update(loaded.maps["results"].fd, bytes(4), bytes(SIZE))
            assert sys.prog_test_run(loaded.programs["probe"].fd, bytes(64))[0] == 1
            data = sys.map_lookup(loaded.maps["results"].fd, bytes(4), SIZE) or b""
            numbers = list(struct.unpack_from(f"<{VALUES}q", data))
            found = [decoded(data[8 * VALUES + ROOM * n :][:ROOM]) for n in range(TEXTS)]
            outcomes.append((numbers, found))
    return outcomes


def check(kernel: Kernel, seed: int) -> bool:
    """Whether the program of this seed is accepted; if so it must agree."""
    random = Random(seed)
    strict = random.randrange(2) == 0
    program = TextGenerator(random, strict=strict).program()
    rows = [row(random, whole=not strict) for _ in range(12)]
    try:
        outcomes = run_kernel(kernel, program, rows)
    except CompileError as error:
        if {diagnostic.code for diagnostic in error.diagnostics} <= REFUSED:
            return False
        raise
    for values, outcome in zip(rows, outcomes, strict=True):
        assert outcome == run_python(program, values), f"seed {seed}\n{values}\n{program}"
    return True


def test_text_in_the_kernel_is_text_in_python(kernel: Kernel) -> None:
    first = Random().randrange(1 << 40) if "PYEBPF_EXAMPLES" in os.environ else 0
    accepted = sum(check(kernel, first + number) for number in range(PROGRAMS))
    assert accepted > PROGRAMS // 2


LARGE = """\
from pyebpf import XDP, Array, char, i64, struct, xdp

@struct
class Row:
    path: char[SIZE]
    name: char[24]
    v: i64[6]

rows = Array[Row](max_entries=1)

@xdp
def probe(packet):
    row = rows[0]
    WHAT
    return XDP.DROP
"""
QUESTIONS = (
    'row.path.find("needle")',
    'int("needle" in row.path)',
    "len(row.path)",
    'int(row.path.endswith("needle"))',
)
MOST = 500_000
"""Of the million instructions that the verifier goes through."""


@pytest.mark.parametrize("size", [9, 256, 4095, 4096])
def test_long_text(kernel: Kernel, tmp_path: Path, size: int) -> None:
    path = tmp_path / "probe.py"
    for question in QUESTIONS:
        path.write_text(LARGE.replace("SIZE", str(size)).replace("WHAT", f"row.v[0] = {question}"))
        elf = kernel.compile_file(path)
        with load_object(read_object(elf)) as loaded:
            fd = loaded.programs["probe"].fd
            info = dict(line.split(":\t") for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines())
            assert int(info["verified_insns"]) < MOST
            filling = "é" * (size // 2 - 3)
            for text in ("", "needle", "nneedle", "needl", filling + "needle", filling + "needl", "x" * size):
                data = text.encode()[:size].ljust(size, b"\0")
                row = data + bytes(24)
                row += bytes(-len(row) % 8) + bytes(48)
                sys.map_update(loaded.maps["rows"].fd, bytes(4), row)
                assert sys.prog_test_run(fd, bytes(64))[0] == 1
                found = sys.map_lookup(loaded.maps["rows"].fd, bytes(4), len(row)) or b""
                expected = eval(question, {"row": SimpleNamespace(path=decoded(data))})
                assert struct.unpack_from("<q", found, len(row) - 48)[0] == expected, question
