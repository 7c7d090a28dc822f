"""A session handed from version to version of a program, under load: no event and no count is lost.

    python benchmarks/handover.py [UPGRADES]

A process sends datagrams as fast as it can, in a cgroup and a network namespace of its own. A program counts them as
they leave, in a pinned map, each version under a number of its own. Every upgrade is a new process, which compiles,
takes over what is pinned, and ends. What was counted is compared with what was sent. The same then with system calls
and a raw tracepoint, where the kernel can't replace a program: there the new one is attached before the old one goes,
so that none is missed, and what both saw counts twice. Needs root, and the cgroup2 file system.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

from common import Missing, Result, finish, table, tool
from sigkill import cgroup_mount

import pyebpf

UPGRADES: Final = 10
WANTED: Final = 100_000
"""Events a second."""
PAUSE: Final = 0.2
"""Seconds between upgrades."""
INSIDE: Final = "PYEBPF_BENCH_INSIDE"
EGRESS: Final = """
from pyebpf import *
counts = Hash[u32, u64](max_entries=64)

@cgroup.skb.egress
def count(packet):
    counts[{version}] += 1
    return 1
"""
TRACEPOINT: Final = """
from pyebpf import *
counts = Hash[u32, u64](max_entries=64)
FEEDER = Config[u32](0)

@raw_tracepoint("sys_enter")
def count(ctx):
    if pid() == FEEDER.value and ctx.args[1] == {number}:
        counts[{version}] += 1
"""
GETPGID: Final = {"x86_64": 121, "aarch64": 155}.get(os.uname().machine, 132)


def _send(group: Path, start: Event, stop: Event, sent: Any) -> None:
    (group / "cgroup.procs").write_text("0")
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        sender.connect(receiver.getsockname())
        _feed(lambda: sender.send(b"x"), start, stop, sent)


def _call(group: Path, start: Event, stop: Event, sent: Any) -> None:
    _feed(lambda: os.getpgid(0), start, stop, sent)


def _feed(once: Callable[[], object], start: Event, stop: Event, sent: Any) -> None:
    """As often as it can, until it is told to stop."""
    start.wait()
    count, began = 0, time.monotonic()
    while not stop.is_set():
        for _ in range(1000):
            once()
        count += 1000
    sent[0], sent[1] = count, time.monotonic() - began


def upgrade(source: Path, folder: Path, keywords: dict[str, object]) -> None:
    """A new process takes over, and ends."""
    text = f"import pyebpf; pyebpf.load({str(source)!r}, pin={str(folder)!r}, **{keywords!r}).close()"
    subprocess.run([sys.executable, "-c", text], check=True)


def run(kind: str, text: str, feed: Callable[..., None], upgrades: int, folders: Path, group: Path) -> tuple[Any, ...]:
    """What was sent, what each version counted, and how long it took."""
    context = get_context("spawn")
    start, stop, sent = context.Event(), context.Event(), context.Array("d", 2)
    feeder = context.Process(target=feed, args=(group, start, stop, sent), daemon=True)
    feeder.start()
    try:
        return _upgraded(kind, text, upgrades, folders, group, feeder, start, stop, sent)
    finally:
        stop.set()
        feeder.join(10)
        feeder.kill()


def _upgraded(
    kind: str,
    text: str,
    upgrades: int,
    folders: Path,
    group: Path,
    feeder: Any,
    start: Event,
    stop: Event,
    sent: Any,
) -> tuple[Any, ...]:
    source, folder = folders.parent / f"{kind}.py", folders / kind
    keywords: dict[str, object] = {"config": {"FEEDER": feeder.pid}} if "FEEDER" in text else {}
    source.write_text(text.format(version=0, number=GETPGID))
    upgrade(source, folder, keywords if "FEEDER" in text else {"where": {"count": str(group)}})
    start.set()
    for version in range(1, upgrades + 1):
        time.sleep(PAUSE)
        source.write_text(text.format(version=version, number=GETPGID))
        upgrade(source, folder, keywords)
    time.sleep(PAUSE)
    stop.set()
    feeder.join(10)
    with pyebpf.adopt(folder) as session:
        counts = session.maps["counts"].to_dict()
        session.unpin(folder)
    return int(sent[0]), sent[1], counts


def measure(upgrades: int = UPGRADES) -> Result:
    """Print what was sent and counted."""
    if INSIDE not in os.environ:
        return _measure_inside(upgrades)
    rows, kept = [], True
    with ExitStack() as last:
        folders = Path(last.enter_context(tempfile.TemporaryDirectory(prefix="pyebpf-bench-"))) / "bpf"
        folders.mkdir()
        subprocess.run([tool("mount"), "-t", "bpf", "bpf", str(folders)], check=True)
        last.callback(lambda: subprocess.run([tool("umount"), str(folders)], check=True))
        subprocess.run([tool("ip"), "link", "set", "lo", "up"], check=True)
        group = cgroup_mount() / f"pyebpf-bench-{os.getpid()}"
        group.mkdir()
        last.callback(group.rmdir)
        for kind, text, feed in (("cgroup.skb.egress", EGRESS, _send), ("raw_tracepoint", TRACEPOINT, _call)):
            sent, seconds, counts = run(kind.replace(".", "_"), text, feed, upgrades, folders, group)
            difference, rate = sum(counts.values()) - sent, sent / seconds
            exact = difference == 0 if kind.startswith("cgroup") else difference >= 0
            kept = kept and exact and rate >= WANTED and set(counts) == set(range(upgrades + 1))
            rows.append((kind, upgrades, f"{sent:,}", f"{rate:,.0f}", f"{difference:+,}"))
    print(table(("hook", "upgrades", "events", "a second", "counted more or less"), rows))
    return Result(kept, "; ".join(f"{kind}: {difference} of {sent}" for kind, _, sent, _, difference in rows))


def _measure_inside(upgrades: int) -> Result:
    """Once more, in namespaces of its own."""
    command = [tool("unshare"), "--mount", "--net", "--propagation", "private", sys.executable, __file__, str(upgrades)]
    done = subprocess.run(command, env=os.environ | {INSIDE: "1"}, stdout=subprocess.PIPE, text=True, check=False)
    print("\n".join(done.stdout.splitlines()[:-1]))
    if done.returncode not in (0, 1) or not done.stdout:
        raise Missing("needs root, and namespaces of its own")
    return Result(done.returncode == 0, done.stdout.splitlines()[-1].partition(": ")[2])


if __name__ == "__main__":
    sys.exit(finish(measure(*map(int, sys.argv[1:2]))))
