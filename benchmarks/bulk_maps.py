"""A million entries of a hash map (u32 to u64) in Python, beside C and beside a loop over system calls by ctypes.

    python benchmarks/bulk_maps.py [ROUNDS]

    to_numpy    a structured array, beside a program in C that reads the same map by batches (twins/batch_lookup.c)
    to_dict     a dict of Python's ints
    BCC         `items()` of BCC's own table (python3-bpfcc): a loop over the calls of libbcc through ctypes
    one by one  the least that such a loop can do: BPF_MAP_GET_NEXT_KEY and BPF_MAP_LOOKUP_ELEM for each entry by
                syscall(2), without the classes and calls of a library; it stands for BCC where that isn't there

They take turns, but the loops, which take many seconds, come once. Needs root and a C compiler.
"""

from __future__ import annotations

import ctypes
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from common import TWINS, Result, main, table, tool

ENTRIES: Final = 1_000_000
ROUNDS: Final = 7
AS_C: Final = 1.3
DICT: Final = 2.0
"""Seconds."""
ONE_BY_ONE: Final = 30
PROGRAM: Final = """
from pyebpf import Hash, raw_tracepoint, u32, u64

entries = Hash[u32, u64](max_entries=1 << 20)


@raw_tracepoint("sys_enter")
def probe(ctx):
    entries[0] += 1
"""
NUMBERS: Final = {"x86_64": 321, "aarch64": 280, "s390x": 351}


class Element(ctypes.Structure):
    """`union bpf_attr` for commands on an entry."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("fd", "key", "value", "flags")]


def one_by_one(fd: int, most: int) -> dict[int, int]:
    """The first entries, by two system calls each, into objects of ctypes that are made for each, as keys and leaves of
    BCC's tables are."""
    libc, number = ctypes.CDLL(None, use_errno=True), NUMBERS[os.uname().machine]
    found: dict[int, int] = {}
    key: ctypes.c_uint32 | None = None
    while len(found) < most:
        following, value = ctypes.c_uint32(), ctypes.c_uint64()
        next_key = Element(fd, 0 if key is None else ctypes.addressof(key), ctypes.addressof(following), 0)
        if libc.syscall(number, 4, ctypes.byref(next_key), ctypes.sizeof(next_key)):
            break
        lookup = Element(fd, ctypes.addressof(following), ctypes.addressof(value), 0)
        if libc.syscall(number, 1, ctypes.byref(lookup), ctypes.sizeof(lookup)) == 0:
            found[following.value] = value.value
        key = following
    return found


BCC: Final = """
import ctypes, sys, time
from types import SimpleNamespace

from bcc.table import HashTable

table = HashTable(SimpleNamespace(module=None), 0, int(sys.argv[1]), ctypes.c_uint32, ctypes.c_uint64, "entries")
start = time.perf_counter()
found = {key.value: value.value for key, value in table.items()}
print(len(found), sum(found.values()), time.perf_counter() - start)
"""
"""For the Python that Debian's packages are for: a table of BCC's for a map that is there already."""
SYSTEM_PYTHON: Final = "/usr/bin/python3"


def by_bcc(fd: int, sum_of_values: int) -> float | None:
    """Seconds; None where BCC isn't installed."""
    if subprocess.run([SYSTEM_PYTHON, "-c", "import bcc"], capture_output=True).returncode:
        return None
    command = [SYSTEM_PYTHON, "-c", BCC, str(fd)]
    done = subprocess.run(command, pass_fds=[fd], capture_output=True, text=True, check=True).stdout.split()
    assert (int(done[0]), int(done[1])) == (ENTRIES, sum_of_values)
    return float(done[2])


def timed(do: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = do()
    return time.perf_counter() - start, found


def in_c(program: Path, fd: int) -> float:
    """Seconds."""
    command = [str(program), str(fd), str(1 << 20), "1"]
    done = subprocess.run(command, pass_fds=[fd], capture_output=True, text=True, check=True).stdout.split()
    assert int(done[0]) == ENTRIES
    return float(done[1])


def figures_of(rounds: int, scratch: Path) -> dict[str, float]:
    """Medians: seconds of each, and ratios of rounds."""
    import numpy

    import pyebpf

    twin, source = scratch / "batch_lookup", scratch / "bulk.py"
    subprocess.run([tool("cc", "gcc", "clang-19", "clang"), "-O2", "-o", twin, TWINS / "batch_lookup.c"], check=True)
    source.write_text(PROGRAM)
    found: dict[str, list[float]] = {"C": [], "to_numpy": [], "to_dict": [], "as C": []}
    with pyebpf.load(source, attach=False) as session:
        entries = session.maps["entries"]
        rows = numpy.zeros(ENTRIES, [("key", "u4"), ("value", "u8")])
        rows["key"] = numpy.arange(ENTRIES)
        rows["value"] = rows["key"] * numpy.uint64(3)
        entries.update(rows)
        fd = entries.fileno()
        for _ in range(rounds):
            c = in_c(twin, fd)
            columns, array = timed(entries.to_numpy)
            objects, mapping = timed(entries.to_dict)
            total = int(rows["value"].sum())
            assert len(array) == len(mapping) == ENTRIES and int(array["value"].sum()) == total
            for name, figure in (("C", c), ("to_numpy", columns), ("to_dict", objects), ("as C", columns / c)):
                found[name].append(figure)
        slow, some = timed(lambda: one_by_one(fd, ENTRIES))
        assert some == mapping
        found["one by one"] = [slow]
        bcc = by_bcc(fd, total)
        if bcc is not None:
            found["BCC"] = [bcc]
    return {name: statistics.median(figures) for name, figures in found.items()}


def measure(rounds: int = ROUNDS) -> Result:
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        found = figures_of(rounds, Path(name))
    names = [name for name in ("C", "to_numpy", "to_dict", "one by one", "BCC") if name in found]
    print(table(("a million entries", "ms"), [(name, f"{found[name] * 1000:.0f}") for name in names]))
    loop = "BCC" if "BCC" in found else "one by one"
    faster, least = found[loop] / found["to_numpy"], found["one by one"] / found["to_numpy"]
    kept = found["as C"] <= AS_C and found["to_dict"] <= DICT and faster >= ONE_BY_ONE
    return Result(
        kept,
        f"to_numpy takes {found['as C']:.2f} times what C takes (at most {AS_C}), to_dict {found['to_dict']:.2f} s "
        f"(at most {DICT:.0f}), "
        f"to_numpy is {faster:.0f} times faster than {loop} (at least {ONE_BY_ONE}), and {least:.0f} times faster than "
        "a loop over bare system calls",
    )


if __name__ == "__main__":
    main(measure)
