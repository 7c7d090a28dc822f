"""A probe with ten chains through kernel structs beside the same probe without them: at most 10 % slower to compile.

    python benchmarks/kernel_chains.py

Whole processes of `pyebpf compile`, from start to exit, in turns, the median of fifteen each, each with another
constant in the probe, so that no object comes from the cache; the index of the kernel's types does, as it does for
users. Needs the kernel's BTF; run it on an otherwise idle machine.
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

from common import KERNEL_BTF, ROOT, Missing, Result, finish, pyebpf, table

ROUNDS: Final = 15
LIMIT: Final = 1.10
CHAINS: Final = (
    "task.tgid",
    "task.real_parent.tgid",
    "task.group_leader.pid",
    "task.cred.uid.val",
    "task.nsproxy.pid_ns_for_children.level",
    "task.mm.total_vm",
    "task.mm.exe_file.f_inode.i_ino",
    "task.thread_pid.numbers[0].nr",
    "task.files.fdt.max_fds",
    "task.fs.pwd.dentry.d_inode.i_ino",
)
PROBE: Final = """
from pyebpf import RingBuf, char, comm, current_task, ktime_ns, pid, struct, tracepoint, u64, user_str

@struct
class Event:
    time: u64
    who: u64
    comm: char[16]
    name: char[64]
    found: u64[10]

events = RingBuf[Event](size=1 << 16)

@tracepoint("syscalls:sys_enter_openat")
def probe(ctx):
    task = current_task()
    if task is None:
        return
    with events.reserve() as event:
        event.time = ktime_ns() + ROUND
        event.who = pid()
        event.comm = comm()
        event.name = user_str(ctx.filename)
"""


def source(chains: tuple[str, ...], round: int) -> str:
    """The probe; without chains it stores numbers that it has anyway."""
    values = [f"u64({chain})" for chain in chains] or ["ktime_ns()"] * len(CHAINS)
    lines = [f"        event.found[{number}] = {value}\n" for number, value in enumerate(values)]
    return PROBE.replace("ROUND", str(round + 1)) + "".join(lines)


def seconds(folder: Path, chains: tuple[str, ...], round: int) -> float:
    """How long a process takes, from start to exit."""
    path = folder / f"{'chains' if chains else 'plain'}{round}.py"
    path.write_text(source(chains, round))
    start = time.perf_counter()
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    subprocess.run(pyebpf("compile", path, "-o", folder / "out.o"), check=True, cwd=ROOT, env=environment)
    return time.perf_counter() - start


def measure() -> Result:
    """Print the medians, and say whether the chains cost little."""
    if not KERNEL_BTF.exists():
        raise Missing(f"needs {KERNEL_BTF}")
    plain, chained = [], []
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        folder = Path(name)
        seconds(folder, CHAINS, ROUNDS)  # the index is made, and Python's bytecode
        seconds(folder, (), ROUNDS)
        for round in range(ROUNDS):
            plain.append(seconds(folder, (), round))
            chained.append(seconds(folder, CHAINS, round))
    without, with_ = (statistics.median(times) * 1000 for times in (plain, chained))
    print(table(("whole process", "median ms"), [("without", f"{without:.1f}"), ("ten chains", f"{with_:.1f}")]))
    ratio = with_ / without
    return Result(ratio <= LIMIT, f"{with_:.0f} ms with ten chains, {without:.0f} ms without: {ratio:.2f} times")


if __name__ == "__main__":
    sys.exit(finish(measure()))
