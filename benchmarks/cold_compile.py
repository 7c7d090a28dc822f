"""A first `pyebpf compile samples/execsnoop.py` beside `clang -O2 -g` of its C twin with vmlinux.h: not slower.

    python benchmarks/cold_compile.py

Whole processes, from start to exit, in turns, the median of five each. "First" means: the user's cache is empty (an
empty XDG_CACHE_HOME each time). What the second compilation takes, with the cache filled, is printed beside it.
Needs clang-19, bpftool and the kernel's BTF; run it on an otherwise idle machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from common import ROOT, Result, clang_command, finish, folder_with_kernel_types, pyebpf, sample, table, twin

ROUNDS: Final = 5
NAME: Final = "execsnoop"


def seconds(command: list[str], scratch: Path, cache: str) -> float:
    """How long a process takes, from start to exit, with the user's cache in the folder `cache` of `scratch`."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["XDG_CACHE_HOME"] = str(scratch / cache)
    environment["PYTHONPYCACHEPREFIX"] = str(scratch / "bytecode")
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure() -> Result:
    """Print the three medians, and say whether a first compilation is as fast as clang's."""
    cold, warm, clang = [], [], []
    with folder_with_kernel_types() as include, tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        scratch = Path(name)
        ours = pyebpf("compile", sample(NAME), "-o", scratch / "ours.o")
        theirs = clang_command(twin(NAME), scratch / "theirs.o", include)
        # Once without looking: files come into the page cache, and Python writes its bytecode, as pip does.
        seconds(ours, scratch, "unmeasured")
        seconds(theirs, scratch, "unmeasured")
        for round in range(ROUNDS):
            cold.append(seconds(ours, scratch, f"cache{round}"))
            clang.append(seconds(theirs, scratch, f"cache{round}"))
            warm.append(seconds(ours, scratch, f"cache{round}"))
    first, again, other = (statistics.median(times) * 1000 for times in (cold, warm, clang))
    rows = [
        ("pyebpf compile, first", *_figures(cold)),
        ("pyebpf compile, again", *_figures(warm)),
        ("clang -O2 -g with vmlinux.h", *_figures(clang)),
    ]
    print(table(("whole process", "median ms", "from", "to"), rows))
    figures = f"{first:.0f} ms (again: {again:.0f} ms), clang {other:.0f} ms: {first / other:.2f} times"
    return Result(first <= other, figures)


def _figures(times: list[float]) -> tuple[str, ...]:
    return tuple(f"{value * 1000:.0f}" for value in (statistics.median(times), min(times), max(times)))


if __name__ == "__main__":
    sys.exit(finish(measure()))
