"""Where processes spend their time, sampled at 99 Hz, beside what they say themselves; and what sampling takes.

    python benchmarks/profiling.py [SECONDS] [SVG]

The load (`twins/known_load.c`) is two processes that run all the time, and one that starts a program for every 20 ms,
which is gone before anybody asks for its symbols. Each says how much processor time it spent in each function. The
shares of the samples whose stacks have the function must agree with that, as far as chance allows. Every address in the
load's own program must have a name, of programs that are gone as well. Those in stripped libraries may have none, and
what looks like an address in code without frame pointers, or while a program takes the place of another, is none.

What it takes of the processors: the process's own time while it samples, its threads and what the kernel does for them
included, and the time of the program in the kernel. Then the names are looked up and the flame graph is made, once.
Beside it bpftrace and perf do the same with the same load, where they are installed. Needs root and a C compiler.
"""

from __future__ import annotations

import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from common import TWINS, Result, finish, table, tool

SECONDS: Final = 30.0
OWN: Final = 0.01
"""Of the time of one processor."""
FUNCTIONS: Final = ("parse", "compress", "flush", "kernel_side")
CALLERS: Final = {"parse": "serve", "compress": "serve", "flush": "upkeep", "kernel_side": "upkeep"}
DEVIATIONS: Final = 4.0
"""Standard deviations that a share may be away from what it should be: by chance one in 16,000 is further."""
SYSTEMATIC: Final = 0.01
"""What a share may be away from it besides: the load's own clock, and its way from function to function."""
DROPPED: Final = 0.005
"""Of all samples: those of stacks that collide with others, which are counted."""
PROGRAM: Final = """
from pyebpf import Stacks, comm, kernel_stack, profile, user_stack

stacks = Stacks(max_entries=16_384)


@profile(hz=99)
def sample(ctx):
    stacks[comm(), kernel_stack(), user_stack()] += 1
"""
NAME: Final = "known_load"


@contextmanager
def load(program: Path, seconds: float) -> Iterator[list[float]]:
    """The load runs; behind the block what it says: seconds by function."""
    commands = [[program, str(seconds)], [program, str(seconds)], [program, str(seconds), "short"]]
    running = [subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) for command in commands]
    spent = [0.0] * len(FUNCTIONS)
    try:
        yield spent
        for each in running:
            output, _ = each.communicate(timeout=60 + seconds)
            for line in output.splitlines():
                for place, number in enumerate(line.split()):
                    spent[place] += float(number)
    finally:
        for each in running:
            if each.poll() is None:
                each.kill()
                each.wait()


def busy() -> float:
    """Seconds of processor time of this process, without its children."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ours(program: Path, source: Path, seconds: float, svg: Path) -> tuple[dict[str, float], Result]:
    """What it took, in seconds of processor time, and whether the shares agree."""
    import pyebpf

    source.write_text(PROGRAM)
    with pyebpf.load(source, attach=False) as session, load(program, seconds) as spent:
        stacks, runs = session.maps["stacks"], session.stats["sample"]
        before = busy()
        session.attach("sample")
        time.sleep(seconds)
        sampling = busy() - before
        after = session.stats["sample"]
        for link in session.links:
            link.close()
        begin = busy()
        counts = stacks.counts()
        naming = busy() - begin
        svg.write_text(stacks.flame_graph(title=f"{NAME}, {seconds:.0f} s at 99 Hz"))
        drawing = busy() - begin - naming
        dropped = stacks.dropped
    took = {
        "sampling": sampling,
        "in the kernel": (after.run_ns - runs.run_ns) / 1e9,
        "names": naming,
        "picture": drawing,
    }
    return took, compared(counts, spent, dropped)


def compared(counts: list[object], spent: list[float], dropped: int) -> Result:
    """The shares of the samples beside those of the time."""
    own = [(each.frames, each.count) for each in counts if each.key == (NAME,)]  # type: ignore[attr-defined]
    samples: dict[str, int] = dict.fromkeys(FUNCTIONS, 0)
    called: dict[str, int] = dict.fromkeys(FUNCTIONS, 0)
    unnamed = missing = 0
    for frames, count in own:
        names = [frame.name for frame in frames]
        for name in FUNCTIONS:
            if name in names:
                samples[name] += count
                called[name] += count if CALLERS[name] in names[names.index(name) :] else 0
        nameless = [frame for frame in frames if frame.kind == "unknown"]
        unnamed += count if nameless else 0
        missing += count if any(frame.module.endswith(NAME) for frame in nameless) else 0
    total, time_spent = sum(samples.values()), sum(spent)
    rows, agree = [], True
    for name, seconds in zip(FUNCTIONS, spent, strict=True):
        share, right = samples[name] / total, seconds / time_spent
        allowed = DEVIATIONS * math.sqrt(right * (1 - right) / total) + SYSTEMATIC
        agree &= abs(share - right) <= allowed and called[name] >= 0.99 * samples[name]
        rows.append(
            (name, f"{right:.1%}", f"{share:.1%}", f"± {allowed:.1%}", f"{called[name] / max(samples[name], 1):.0%}")
        )
    print(
        table(("function", "time", "samples", "allowed", f"called by {'/'.join(sorted(set(CALLERS.values())))}"), rows)
    )
    everything = sum(count for _, count in own)
    print(
        f"{everything:,} samples of the load, {missing:,} with a nameless address in its own program, {unnamed:,} with "
        f"any nameless address; {dropped} dropped\n"
    )
    kept = agree and not missing and dropped <= DROPPED * everything
    return Result(kept, f"{total:,} samples agree" if agree else "shares do not agree")


def peers(program: Path, seconds: float, folder: Path) -> Iterator[tuple[str, float]]:
    """Seconds of processor time of whole processes, from their start to their report."""
    script = f"profile:hz:99 {{ @[comm, kstack, ustack] = count(); }} interval:s:{seconds:.0f} {{ exit(); }}"
    data = folder / "perf.data"
    commands = {
        "bpftrace": [["bpftrace", "-e", script]],
        "perf": [
            ["perf", "record", "-q", "-F", "99", "-e", "cpu-clock", "-g", "-a", "-o", str(data), "sleep", f"{seconds}"],
            ["perf", "script", "-i", str(data)],
        ],
    }
    for name, steps in commands.items():
        if shutil.which(name) is None:
            continue
        with load(program, seconds):
            used = 0.0
            for step in steps:
                with open(os.devnull, "wb") as nowhere:
                    process = subprocess.Popen(step, stdout=nowhere, stderr=nowhere, cwd=folder)
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                used += usage.ru_utime + usage.ru_stime
        yield name, used


def measure(seconds: float = SECONDS, svg: Path | None = None) -> Result:
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        folder = Path(name)
        program = folder / NAME
        flags = ["-O1", "-fno-omit-frame-pointer"]
        subprocess.run([tool("cc", "gcc", "clang-19", "clang"), *flags, "-o", program, TWINS / f"{NAME}.c"], check=True)
        took, agreement = ours(program, folder / "profiled.py", seconds, svg or folder / "flames.svg")
        others = list(peers(program, seconds, folder))
    rows = [(f"pyebpf, {what}", f"{used * 1000:.0f}", f"{used / seconds:.2%}") for what, used in took.items()]
    rows += [(f"{name}, in all", f"{used * 1000:.0f}", f"{used / seconds:.2%}") for name, used in others]
    print(table(("processor time", "ms", f"of one CPU in {seconds:.0f} s"), rows))
    own = (took["sampling"] + took["in the kernel"]) / seconds
    return Result(
        agreement.kept and own < OWN,
        f"{agreement.figures}; sampling takes {own:.2%} of a CPU (less than {OWN:.0%}), names and picture "
        f"{took['names'] + took['picture']:.2f} s",
    )


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(finish(measure(float(given[0]) if given else SECONDS, Path(given[1]) if len(given) > 1 else None)))
