"""The C programs of `foreign/`, each for one thing that objects have, built by clang when somebody asks.

Comments at the beginning of a program say what is special about it:

    // clang: -mcpu=v4              more options
    // flags: -g0                   in place of -g
    // returns: one 4, two 6        what `test_run` gives
    // refused: GPL                 the kernel refuses it, in these words
    // warns: no types              what the loader warns of
    // absent: name                 a program that isn't loaded
    // policy                       a kernel may refuse these programs by policy, before it verifies them
    // libbpf: refuses, differs     why libbpf 1.1 isn't compared
    // linux: 6.2                   the first kernel
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

FOLDER = Path(__file__).with_name("foreign")
_DIRECTIVE = re.compile(r"^// (clang|flags|returns|refused|warns|absent|policy|libbpf|linux)(?:: (.*))?$", re.MULTILINE)
_OPTIONS = ("-O2", "-target", "bpf", "-Wall", "-Wno-unused", "-Wno-visibility", "-fno-crash-diagnostics")


@dataclass(frozen=True)
class Case:
    """A program, and what its first lines say."""

    name: str
    source: str
    said: dict[str, str]

    @property
    def returns(self) -> dict[str, int]:
        pairs = (word.split() for word in self.said.get("returns", "").split(",") if word)
        return {name: int(value) for name, value in pairs}


@cache
def cases() -> dict[str, Case]:
    found = {}
    for path in sorted(FOLDER.glob("*.bpf.c")):
        name, source = path.name.removesuffix(".bpf.c"), path.read_text()
        found[name] = Case(name, source, dict(_DIRECTIVE.findall(source)))
    return found


def tool(name: str) -> str:
    """clang, or one of its tools, by the name that has the version or without it."""
    found = shutil.which(f"{name}-19") or shutil.which(name)
    assert found, f"these tests need {name}"
    return found


@cache
def gcc() -> str | None:
    """GCC for BPF, where it is installed."""
    return shutil.which("bpf-gcc") or shutil.which("bpf-unknown-none-gcc")


def all_objects() -> Iterator[tuple[str, bytes]]:
    """What clang and the tools behind it make: each program; all that can be stripped; several that are one."""
    for name in cases():
        if name not in APART:
            yield name, build(name)
    yield "stripped", stripped("calls_global")
    yield "linked", linked(*LINKED)


LINKED = ("linked_one", "linked_two")
APART = (*LINKED, "maps_pinned", "struct_ops")
"""Programs with tests of their own."""


def stripped(name: str) -> bytes:
    """Without DWARF; BTF stays."""
    return _through(lambda path: [tool("llvm-strip"), "-g", path], build(name))


def linked(*names: str) -> bytes:
    """One object of several, by libbpf's linker."""
    bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    with TemporaryDirectory() as folder:
        paths = [Path(folder, f"{name}.o") for name in names]
        for path, name in zip(paths, names, strict=True):
            path.write_bytes(build(name))
        output = Path(folder, "linked.o")
        subprocess.run([bpftool, "gen", "object", output, *paths], check=True)
        return output.read_bytes()


def _through(command: Callable[[Path], Sequence[str | Path]], elf: bytes) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder, "object.o")
        path.write_bytes(elf)
        subprocess.run(command(path), check=True)
        return path.read_bytes()


@cache
def build_by_gcc(name: str) -> bytes | None:
    """The object that GCC makes of `name`; None if it can't."""
    compiler = gcc()
    assert compiler is not None
    with TemporaryDirectory() as folder:
        output = Path(folder, "made.o")
        options = ("-O2", "-gbtf", "-mco-re", "-w", "-I", str(FOLDER), "-I", "/usr/include")
        here = ("-I", "/usr/include/x86_64-linux-gnu", "-c", str(FOLDER / f"{name}.bpf.c"), "-o", str(output))
        done = subprocess.run([compiler, *options, *here], check=False, capture_output=True)
        return output.read_bytes() if done.returncode == 0 else None


@cache
def build(name: str, *more: str) -> bytes:
    """The object of the program `name`."""
    case = cases()[name]
    with TemporaryDirectory() as folder:
        output = Path(folder, "made.o")
        debug = case.said.get("flags", "-g").split()
        options = (*_OPTIONS, *debug, *case.said.get("clang", "").split(), *more)
        here = ("-I", str(FOLDER), "-I", "/usr/include/x86_64-linux-gnu")
        source = str(FOLDER / f"{name}.bpf.c")
        subprocess.run([tool("clang"), *options, *here, "-c", source, "-o", str(output)], check=True)
        return output.read_bytes()
