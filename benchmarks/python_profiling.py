"""Where Python programs spend their time, sampled at 99 Hz, beside what they say themselves; and what it takes.

    python benchmarks/python_profiling.py [SECONDS]

The load is a Python program with three processes, of the interpreter that runs this. Each says how much processor time
it spent in each of its functions; the shares of the samples whose stacks have the function must agree with that, as far
as chance allows, and every sample of the load must have the whole stack. Beside it py-spy, where it is installed, does
the same with the same load: it stops a process for each of its samples, and reads its memory. Each is said to take its
own processor time, and that of the program in the kernel.

Then what a sample takes, by how many calls there are in the stack. Needs root, and CPython 3.11 to 3.13.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from common import Missing, Result, main, table, tool
from profiling import DEVIATIONS, SYSTEMATIC, busy

SECONDS: Final = 20.0
OWN: Final = 0.02
"""Of the time of one processor."""
SHARES: Final = {"parse": 5, "compress": 3, "flush": 2}
LOAD: Final = """
import json, os, random, sys, time

def work(until):
    total = 0
    while time.process_time() < until:
        for number in range(2000):
            total += number * number
    return total

def parse(until): return work(until)
def compress(until): return [work(until) for _ in "1"][0]
def flush(until): return max(map(work, [until]))

def serve(shares, seconds):
    spent, end = dict.fromkeys(shares, 0.0), time.monotonic() + seconds
    while time.monotonic() < end:
        for name, share in shares.items():
            begin = time.process_time()
            globals()[name](begin + share / 500 * random.uniform(0.2, 1.8))
            spent[name] += time.process_time() - begin
    return spent

def main(shares, seconds):
    for _ in range(2):
        if os.fork() == 0:
            break
    os.write(1, json.dumps(serve(shares, seconds)).encode() + b"\\n")
    try:
        while True: os.wait()
    except ChildProcessError:
        pass

main(json.loads(sys.argv[1]), float(sys.argv[2]))
"""
PROFILE: Final = """
from pyebpf import Stacks, kernel_stack, pid, profile, python_stack

stacks = Stacks(max_entries=16_384)


@profile(hz=99)
def sample(ctx):
    stacks[pid(), kernel_stack(), python_stack()] += 1
"""
COST: Final = """
from pyebpf import Config, Stacks, pid, python_stack, raw_tracepoint, u32, u64

only = Config[u32](0)
getppid = Config[u64](0)
stacks = Stacks(max_entries=1024)


@raw_tracepoint("sys_enter")
def sample(ctx):
    if pid() == only.value and ctx.args[1] == getppid.value:
        stacks[python_stack()] += 1
"""
DEPTHS: Final = (5, 25, 100)
CALLS: Final = 20_000
NUMBERS: Final = {"x86_64": 110, "aarch64": 173}


@contextmanager
def load(program: Path, seconds: float) -> Iterator[tuple[int, dict[str, float]]]:
    """The load runs: the number of its first process; behind the block what they say: seconds by function."""
    command = [sys.executable, "-S", program, json.dumps(SHARES), str(seconds)]
    spent = dict.fromkeys(SHARES, 0.0)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.pid, spent
            output, _ = process.communicate(timeout=60 + seconds)
        except BaseException:
            process.kill()
            raise
    for line in output.splitlines():
        for name, value in json.loads(line).items():
            spent[name] += value


def ours(program: Path, source: Path, seconds: float) -> tuple[dict[str, float], Result]:
    """What it took, in seconds of processor time, and whether the shares agree."""
    import pyebpf

    source.write_text(PROFILE)
    with pyebpf.load(source, attach=False) as session, load(program, seconds) as (pid, spent):
        stacks, runs = session.maps["stacks"], session.stats["sample"]
        time.sleep(0.3)  # they are all there
        members = {pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())}
        before = busy()
        session.attach("sample")
        time.sleep(seconds - 1)
        for link in session.links:
            link.close()
        sampling, after = busy() - before, session.stats["sample"]
        begin = busy()
        counts = [each for each in stacks.counts() if each.key[0] in members]
        took = {
            "sampling": sampling,
            "in the kernel": (after.run_ns - runs.run_ns) / 1e9,
            "names": busy() - begin,
        }
        dropped = stacks.dropped
    found = [([frame.name for frame in each.frames if frame.kind == "python"], each.count) for each in counts]
    return took, compared("pyebpf", found, spent, dropped)


def compared(who: str, found: list[tuple[list[str], int]], spent: dict[str, float], dropped: int) -> Result:
    """The shares of the samples beside those of the time. Stacks: the innermost first."""
    samples = {name: sum(count for names, count in found if name in names) for name in SHARES}
    total, whole = sum(samples.values()), sum(count for names, count in found if "main" in names)
    everything = sum(count for _, count in found)
    time_spent = sum(spent[name] for name in SHARES)
    rows, agree = [], True
    for name in SHARES:
        share, right = samples[name] / max(total, 1), spent[name] / time_spent
        allowed = DEVIATIONS * math.sqrt(right * (1 - right) / max(total, 1)) + SYSTEMATIC
        agree &= abs(share - right) <= allowed
        rows.append((name, f"{right:.1%}", f"{share:.1%}", f"± {allowed:.1%}"))
    print(table((f"{who}: function", "time", "samples", "allowed"), rows))
    print(f"{everything:,} samples of the load, {whole / max(everything, 1):.1%} down to main(); {dropped} dropped\n")
    kept = agree and whole >= 0.98 * everything and not dropped
    return Result(kept, f"{total:,} samples agree" if agree else "shares do not agree")


def py_spy(program: Path, seconds: float) -> float | None:
    """The processor time that it takes, from its start to its report; None if it isn't here."""
    try:
        command = [tool("py-spy"), "record", "--subprocesses", "-r", "99", "-f", "raw"]
    except Missing:
        return None
    out = program.with_suffix(".txt")
    with load(program, seconds) as (pid, spent):
        time.sleep(0.3)
        process = subprocess.Popen(
            [*command, "-d", f"{seconds - 1:.0f}", "-o", out, "-p", str(pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    stacks = [line.rsplit(" ", 1) for line in out.read_text().splitlines()]
    found = [([frame.partition(" (")[0] for frame in calls.split(";")][::-1], int(count)) for calls, count in stacks]
    compared("py-spy", found, spent, 0)
    return usage.ru_utime + usage.ru_stime


def costs(source: Path) -> dict[int, float]:
    """Nanoseconds of a run of the program, by the calls in the stack. The child makes the system calls."""
    import pyebpf

    source.write_text(COST)
    text = f"""
import os, sys
def deep(calls):
    if calls > 1:
        return deep(calls - 1)
    sys.stdin.readline()
    for _ in range({CALLS}): os.getppid()
deep(int(sys.argv[1]) - 1)
"""
    found: dict[int, float] = {}
    for depth in DEPTHS:
        command = [sys.executable, "-S", "-c", text, str(depth)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
            config = {"only": process.pid, "getppid": NUMBERS[os.uname().machine]}
            with pyebpf.load(source, config=config) as session:
                before: Any = session.stats["sample"]
                process.communicate("\n")
                [stack] = session.maps["stacks"].counts()
                assert len(stack.frames) == depth and stack.count == CALLS, stack
                runs = session.stats["sample"]
                found[depth] = (runs.run_ns - before.run_ns) / CALLS
    return found


def measure(seconds: float = SECONDS) -> Result:

    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        folder = Path(name)
        program = folder / "load.py"
        program.write_text(LOAD)
        took, agreement = ours(program, folder / "profiled.py", seconds)
        other = py_spy(program, seconds)
        by_depth = costs(folder / "costs.py")
    took_all = {f"pyebpf, {what}": used for what, used in took.items()}
    if other is not None:
        took_all["py-spy, in all"] = other
    rows = [(what, f"{used * 1000:.0f}", f"{used / seconds:.2%}") for what, used in took_all.items()]
    print(table(("processor time", "ms", f"of one CPU in {seconds:.0f} s"), rows))
    print(table(("calls in the stack", "ns"), [(depth, f"{ns:.0f}") for depth, ns in by_depth.items()]))
    own = (took["sampling"] + took["in the kernel"]) / seconds
    return Result(agreement.kept and own < OWN, f"{agreement.figures}; sampling takes {own:.2%} of a CPU (2 %)")


if __name__ == "__main__":
    main(measure, float)
