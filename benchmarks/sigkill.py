"""Kill `pyebpf run` with SIGKILL at random moments, 50 times: nothing stays attached, loaded or running.

    python benchmarks/sigkill.py [TIMES]

The samples take turns. Moments are spread over the first three seconds, so that compiling, loading, attaching and
reading are all hit. Programs, maps and links are compared by their ids, so nothing else may use BPF meanwhile. The
firewall is attached to a veth in a network namespace, and egress to a cgroup, both made for this. Needs root.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from common import NAMES, ROOT, Missing, Result, finish, pyebpf, sample, table, tool
from kernel_objects import ids, left_over

TIMES: Final = 50
LATEST: Final = 3.0
"""Seconds after the start."""


@contextmanager
def places() -> Iterator[tuple[str, Path]]:
    """A network namespace with a veth named `inside`, and a cgroup; both go at the end."""
    name = f"pyebpf-bench-{os.getpid()}"
    group = cgroup_mount() / name
    ip = tool("ip")
    subprocess.run([ip, "netns", "add", name], check=True)
    try:
        veth = [ip, "-n", name, "link", "add", "inside", "type", "veth", "peer", "name", "outside"]
        subprocess.run(veth, check=True)
        group.mkdir()
        try:
            yield name, group
        finally:
            group.rmdir()
    finally:
        subprocess.run([ip, "netns", "delete", name], check=True)


def cgroup_mount() -> Path:
    """Where cgroup v2 is mounted. Raises Missing."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise Missing("needs a mounted cgroup2 file system")


def command(name: str, namespace: str, group: Path) -> list[str]:
    """How the sample is run."""
    run = pyebpf("run", sample(name), "--json")
    if name == "egress":
        return [*run, "--attach", f"egress={group}"]
    if name == "xdp_firewall":  # nsenter replaces itself by the command: the process id stays the same
        return [tool("nsenter"), f"--net=/run/netns/{namespace}", *run, "--attach", "firewall=inside"]
    return run


def descendants(process: int) -> set[int]:
    """Ids of the processes below `process`."""
    found: set[int] = set()
    waiting = [process]
    while waiting:
        try:
            texts = [path.read_text() for path in Path(f"/proc/{waiting.pop()}/task").glob("*/children")]
        except OSError:
            continue
        children = {int(number) for text in texts for number in text.split()}
        waiting.extend(children - found)
        found |= children
    return found


def still_running(processes: set[int], seconds: float = 5.0) -> set[int]:
    """Those that are neither gone nor zombies after up to `seconds`."""
    end = time.monotonic() + seconds
    while True:
        alive = {number for number in processes if _alive(number)}
        if not alive or time.monotonic() > end:
            return alive
        time.sleep(0.05)


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def kill_once(arguments: list[str], moment: float) -> tuple[int, list[str]]:
    """Run, kill after `moment` seconds. How many objects were in the kernel by then, and what stayed."""
    before = ids()
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        time.sleep(moment)
        if process.poll() is not None:
            raise RuntimeError(f"{' '.join(arguments)} ended by itself: {_last_words(process)}")
        below = descendants(process.pid)
        loaded = len(ids() - before)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
    left = [f"{kind} {number}" for kind, number in sorted(left_over(before))]
    return loaded, left + [f"process {number}" for number in sorted(still_running(below))]


def _last_words(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return process.stderr.read().decode("utf-8", "replace").strip() or f"exit code {process.returncode}"


def measure(times: int = TIMES) -> Result:
    """Print what was hit, and say whether anything stayed."""
    seen: dict[str, list[int]] = {name: [] for name in NAMES}
    stayed: list[str] = []
    with places() as (namespace, group):
        for round in range(times):
            name = NAMES[round % len(NAMES)]
            moment = random.uniform(0.0, LATEST)
            loaded, left = kill_once(command(name, namespace, group), moment)
            seen[name].append(loaded)
            stayed += [f"{name} after {moment:.3f} s: {what}" for what in left]
    rows = [(name, len(counts), sum(map(bool, counts)), max(counts, default=0)) for name, counts in seen.items()]
    print(table(("sample", "killed", "with something loaded", "objects at most"), rows))
    for line in stayed:
        print(f"left: {line}")
    hit = sum(bool(loaded) for counts in seen.values() for loaded in counts)
    kept = not stayed and hit > 0
    return Result(kept, f"killed {times} times, {hit} of them with something loaded: {len(stayed)} left behind")


if __name__ == "__main__":
    sys.exit(finish(measure(*map(int, sys.argv[1:2]))))
