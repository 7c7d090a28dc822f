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

from common import Result, clang_command, finish, folder_with_kernel_types, pyebpf, sample, table, twin

ROUNDS: Final = 5
NAME: Final = "execsnoop"


def seconds(command: list[str], cache: Path | None = None) -> float:
    """How long a process takes, from start to exit."""
    environment = dict(os.environ)
    if cache is not None:
        environment["XDG_CACHE_HOME"] = str(cache)
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure() -> Result:
    """Print the three medians, and say whether a first compilation is as fast as clang's."""
    cold, warm, clang = [], [], []
    with folder_with_kernel_types() as include, tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        scratch = Path(name)
        ours = pyebpf("compile", sample(NAME), "-o", scratch / "ours.o")
        theirs = clang_command(twin(NAME), scratch / "theirs.o", include)
        # Once without looking: files come into the page cache, and Python writes its own .pyc files, as at installation.
        seconds(ours, scratch / "first")
        seconds(theirs)
        for round in range(ROUNDS):
            cache = scratch / f"cache{round}"
            cache.mkdir(mode=0o700)
            cold.append(seconds(ours, cache))
            clang.append(seconds(theirs))
            warm.append(seconds(ours, cache))
    medians = {name: statistics.median(times) * 1000 for name, times in (("c", cold), ("w", warm), ("clang", clang))}
    rows = [
        ("pyebpf compile, first", *_figures(cold)),
        ("pyebpf compile, again", *_figures(warm)),
        ("clang -O2 -g with vmlinux.h", *_figures(clang)),
    ]
    print(table(("whole process", "median ms", "from", "to"), rows))
    ratio = medians["c"] / medians["clang"]
    text = f"{medians['c']:.0f} ms (again: {medians['w']:.0f} ms), clang {medians['clang']:.0f} ms: {ratio:.2f} times"
    return Result(ratio <= 1, text)


def _figures(times: list[float]) -> tuple[str, ...]:
    return tuple(f"{value * 1000:.0f}" for value in (statistics.median(times), min(times), max(times)))


if __name__ == "__main__":
    sys.exit(finish(measure()))
