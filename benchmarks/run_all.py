"""Everything that the project promises, measured here and now, as one table.

    python benchmarks/run_all.py

Needs root, clang-19, bpftool, iproute2 and an otherwise idle machine; takes some ten minutes. Exit code 1 if a
promise isn't kept.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Final

import btf
import bulk_maps
import cold_compile
import execs
import handover
import instructions
import kernel_chains
import kills
import load_attach
import overload
import profiling
import python_profiling
import ring_read
import sigkill
import steady_events
import symbols
from common import ROOT, Missing, Result, table


def tests(*arguments: str) -> Callable[[], Result]:
    """A promise that the tests show: they pass, and none is skipped."""

    def measure() -> Result:
        command = [sys.executable, "-m", "pytest", "-q", "--tb=line", "-p", "no:cacheprovider", *arguments]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout.strip())
        last = done.stdout.strip().splitlines()[-1].strip("= ")
        return Result(done.returncode == 0 and "skipped" not in last, last)

    return measure


PROMISES: Final[tuple[tuple[str, Callable[[], Result]], ...]] = (
    ("1 execsnoop sees 1,000 programs start", execs.measure),
    ("2 samples load with bpftool, unchanged", tests("tests/run/test_bpftool.py")),
    ("3 the firewall passes and drops as written", tests("tests/run/test_xdp_firewall.py")),
    ("4 instructions, at most 1.1 times clang's", instructions.measure),
    ("5 first compilation not slower than clang", cold_compile.measure),
    ("6 wrong programs get a diagnostic", tests("tests/errors")),
    ("7 nothing stays after SIGKILL", sigkill.measure),
    ("8 a kernel type is found in milliseconds", btf.measure),
    ("9 ten chains through kernel structs cost a tenth at most", kernel_chains.measure),
    ("10 ten upgrades lose no event", handover.measure),
    ("11 programs load and attach as fast as by bpftool", load_attach.measure),
    ("12 a million entries of a map in Python as fast as in C", bulk_maps.measure),
    ("13 rings are read as fast as programs fill them", ring_read.measure),
    ("14 steady events cost little", steady_events.measure),
    ("15 what is produced is read or counted as dropped", overload.measure),
    ("16 names of addresses come soon, also of what is gone", symbols.measure),
    ("17 samples of stacks agree with a load that knows its shares", profiling.measure),
    ("18 so do samples of Python's functions", python_profiling.measure),
    ("19 nothing stays of processes killed at any call", kills.measure),
)


def main() -> int:
    rows = []
    for title, measure in PROMISES:
        print(f"\n## {title}\n", flush=True)
        try:
            result = measure()
        except (Missing, OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
            result = Result(False, f"could not be measured: {error}")
        rows.append((title, "kept" if result.kept else "NOT KEPT", result.figures))
    print(f"\n{table(('promise', '', 'figures'), rows)}")
    return 0 if all(row[1] == "kept" for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
