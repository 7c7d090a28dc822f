"""Loading and attaching 1, 10 and 100 programs, beside `bpftool prog loadall OBJECT FOLDER autoattach`.

    python benchmarks/load_attach.py [ROUNDS]

Both are given the same object, made by clang (twins/many.bpf.c). bpftool is a process of C; pyebpf is measured twice:

    in a process   `pyebpf.load(path)` in a Python that has imported pyebpf, for the first time in its life
    whole          a new Python that imports pyebpf, loads, attaches, pins the links as bpftool does, and ends

They take turns; each round gives a ratio, and the median of these counts. The limit is for the first: what a program
that uses pyebpf waits for. The second is that and the start of Python with its imports, which no number of programs
changes. Everything happens in a mount namespace of its own, where nothing stays pinned. Needs root, clang, libbpf's
headers, the kernel's BTF, and bpftool 7.2 or later (see newer_bpftool.py).
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from common import ROOT, Missing, Result, clang_command, finish, table, tool
from kernel_objects import ids, left_over
from newer_bpftool import attaching_bpftool

COUNTS: Final = (1, 10, 100)
ROUNDS: Final = 9
LIMIT: Final = 1.5
INSIDE: Final = "PYEBPF_BENCH_INSIDE"
WHOLE: Final = """
import sys, pyebpf
session = pyebpf.load(sys.argv[1])
for number, link in enumerate(session.links):
    link.pin(f"{sys.argv[2]}/{number}")
assert number + 1 == int(sys.argv[3])
"""
IN_A_PROCESS: Final = """
import sys, time, pyebpf
pyebpf.load  # imports what loads
start = time.perf_counter()
session = pyebpf.load(sys.argv[1])
first = time.perf_counter()
again = pyebpf.load(sys.argv[1])
print(first - start, time.perf_counter() - first)
assert len(session.links) == int(sys.argv[3])
"""


@final
@dataclass(frozen=True, slots=True)
class Round:
    """Seconds."""

    bpftool: float
    first: float
    again: float
    """Once more in the same process."""
    whole: float


def environment(scratch: Path) -> Mapping[str, str]:
    """Python writes its bytecode, as an installation has it."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}


def build(count: int, scratch: Path) -> Path:
    """The object with so many programs."""
    path = scratch / f"many{count}.o"
    headers = Path(f"/usr/include/{os.uname().machine}-linux-gnu")
    command = clang_command(ROOT / "benchmarks" / "twins" / "many.bpf.c", path, headers)
    target = {"x86_64": "x86", "aarch64": "arm64", "s390x": "s390"}[os.uname().machine]
    subprocess.run([*command, f"-DPROGRAMS={count}", f"-D__TARGET_ARCH_{target}"], check=True)
    return path


def seconds(command: list[str], pins: Path, links: int, scratch: Path) -> float:
    """How long a process takes that leaves its links pinned, which are then removed."""
    pins.mkdir()
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment(scratch), capture_output=True, text=True, check=False)
    took = time.perf_counter() - start
    made = list(pins.iterdir())
    for path in made:
        path.unlink()
    pins.rmdir()
    if done.returncode or len(made) != links:
        raise RuntimeError(f"{command[0]} attached {len(made)} of {links} programs: {done.stderr.strip()[:500]}")
    return took


def once(bpftool: Path, path: Path, count: int, pins: Path, scratch: Path) -> Round:
    """Each of them, with the kernel free of what the one before left to it."""
    given = [str(path), str(pins), str(count)]
    before = ids()
    theirs = seconds([str(bpftool), "prog", "loadall", str(path), str(pins), "autoattach"], pins, count, scratch)
    left_over(before)
    whole = seconds([sys.executable, "-c", WHOLE, *given], pins, count, scratch)
    left_over(before)
    python = [sys.executable, "-c", IN_A_PROCESS, *given]
    done = subprocess.run(python, cwd=ROOT, env=environment(scratch), stdout=subprocess.PIPE, text=True, check=True)
    left_over(before)
    first, again = map(float, done.stdout.split())
    return Round(theirs, first, again, whole)


def measure(rounds: int = ROUNDS) -> Result:
    """Print times and ratios."""
    if INSIDE not in os.environ:
        return _measure_inside(rounds)
    rows, limited = [], []
    bpftool = attaching_bpftool()
    with ExitStack() as last:
        scratch = Path(last.enter_context(tempfile.TemporaryDirectory(prefix="pyebpf-bench-")))
        (scratch / "bpf").mkdir()
        for kind, place in (("bpf", str(scratch / "bpf")), ("tracefs", "/sys/kernel/tracing")):
            subprocess.run([tool("mount"), "-t", kind, kind, place], check=True)
            last.callback(lambda place=place: subprocess.run([tool("umount"), place], check=True))
        for count in COUNTS:
            path = build(count, scratch)
            once(bpftool, path, count, scratch / "bpf" / "pins", scratch)  # files come into the page cache
            found = [once(bpftool, path, count, scratch / "bpf" / "pins", scratch) for _ in range(rounds)]
            rows.append((count, *figures(found)))
            limited.append(statistics.median(one.first / one.bpftool for one in found))
    headings = ("programs", "bpftool ms", "load ms", "ratio", "again ms", "ratio", "whole ms", "ratio")
    print(table(headings, rows))
    words = ", ".join(f"{count} programs {ratio:.2f}" for count, ratio in zip(COUNTS, limited))
    whole = ", ".join(row[-1] for row in rows)
    return Result(max(limited) <= LIMIT, f"{words} times bpftool's time; whole processes {whole}")


def figures(found: list[Round]) -> tuple[str, ...]:
    """A row of the table."""
    cells = [f"{statistics.median(one.bpftool for one in found) * 1000:.1f}"]
    for name in ("first", "again", "whole"):
        cells.append(f"{statistics.median(getattr(one, name) for one in found) * 1000:.1f}")
        cells.append(f"{statistics.median(getattr(one, name) / one.bpftool for one in found):.2f}")
    return tuple(cells)


def _measure_inside(rounds: int) -> Result:
    """Once more, in a mount namespace of its own."""
    attaching_bpftool()  # says what is missing
    command = [tool("unshare"), "--mount", "--propagation", "private", sys.executable, __file__, str(rounds)]
    done = subprocess.run(command, env=os.environ | {INSIDE: "1"}, stdout=subprocess.PIPE, text=True, check=False)
    print("\n".join(done.stdout.splitlines()[:-1]))
    if done.returncode not in (0, 1) or not done.stdout:
        raise Missing("needs root, and a mount namespace of its own")
    return Result(done.returncode == 0, done.stdout.splitlines()[-1].partition(": ")[2])


if __name__ == "__main__":
    sys.exit(finish(measure(*map(int, sys.argv[1:2]))))
