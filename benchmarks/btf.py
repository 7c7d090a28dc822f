"""The kernel's own types: the first lookup of `task_struct` in a new process, beside bpftool's dump of all of them.

    python benchmarks/btf.py

In turns, the median of nine processes each: with no index (an empty XDG_CACHE_HOME); with one that a process before
left there; and with a type that makes the whole index, since it stands among the last. "lookup" is the time inside of
the process, from `Btf.running()` to the decoded struct; "memory" what the largest resident set grew by meanwhile.
bpftool writes vmlinux.h, which is what C programs need for the same. Needs bpftool and the kernel's BTF.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from common import KERNEL_BTF, ROOT, Missing, Result, finish, table, tool

ROUNDS: Final = 9
WITHOUT: Final = 80.0
WITH: Final = 3.0
"""Milliseconds."""
MEMORY: Final = 40.0
"""MB."""
LOOKUP: Final = """
import resource, sys, time
from pyebpf.kernel.btf import Btf, Kind
before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
btf = Btf.running()
number = btf.find("task_struct", Kind.STRUCT) if sys.argv[1] == "early" else btf.count - 1
found = btf.type(number)
seconds = time.perf_counter() - start
assert sys.argv[1] == "late" or len(found.members) > 100
print(seconds * 1e3, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def lookup(which: str, cache: Path) -> tuple[float, float, float]:
    """Milliseconds of the lookup, MB that it took, and milliseconds of the whole process."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", LOOKUP, which], check=True, capture_output=True, text=True, env=environment
    )
    whole = (time.perf_counter() - start) * 1e3
    inside, memory = map(float, done.stdout.split())
    return inside, memory, whole


def dump(command: list[str]) -> tuple[float, float]:
    """Milliseconds and MB of a process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"bpftool ends with {process.returncode}")
    return (time.perf_counter() - start) * 1e3, usage.ru_maxrss / 1024


def measure() -> Result:
    """Print the medians, and say whether they are within the limits."""
    if not KERNEL_BTF.exists():
        raise Missing(f"needs {KERNEL_BTF}")
    command = [tool("bpftool"), "btf", "dump", "file", str(KERNEL_BTF), "format", "c"]
    found: dict[str, list[tuple[float, float, float]]] = {"without": [], "whole": [], "with": []}
    dumps = []
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        lookup("early", Path(name, "unmeasured"))  # Python writes its bytecode, as pip does
        for round in range(ROUNDS):
            cache = Path(name, str(round))
            found["without"].append(lookup("early", cache))
            found["whole"].append(lookup("late", cache))
            found["with"].append(lookup("early", cache))
            dumps.append(dump(command))
    medians = {row: [statistics.median(each) for each in zip(*values)] for row, values in found.items()}
    _print(medians, [statistics.median(each) for each in zip(*dumps)])
    without, indexed = medians["without"][0], medians["with"][0]
    memory = max(values[1] for values in medians.values())
    figures = f"task_struct in {without:.1f} ms without the index, {indexed:.1f} ms with it, {memory:.0f} MB at most"
    return Result(without < WITHOUT and indexed < WITH and memory < MEMORY, figures)


def _print(medians: Mapping[str, list[float]], theirs: list[float]) -> None:
    names = {
        "without": "task_struct, no index",
        "with": "task_struct, with the index",
        "whole": "the last type of all, no index: makes it",
    }
    rows = [(names[row], *(f"{value:.1f}" for value in medians[row])) for row in names]
    rows.append(("bpftool btf dump … format c", "", f"{theirs[1]:.1f}", f"{theirs[0]:.1f}"))
    print(table(("", "lookup ms", "memory MB", "whole process ms"), rows))


if __name__ == "__main__":
    sys.exit(finish(measure()))
