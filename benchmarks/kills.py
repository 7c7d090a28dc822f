"""Processes killed at any point of load, attach, update, pin, upgrade and unpin: nothing stays that wasn't pinned.

    python benchmarks/kills.py [RANDOM]

Each mechanism's programs have three lives: they are loaded, attached, updated and pinned; a new version takes the
pinned session over; a last one takes it away. Each life is ended by SIGKILL before each of its calls in turn that
changes something in the kernel, and at RANDOM moments in all (500). After each kill, what bears a victim's name is
looked for: programs, which whatever is attached keeps, links, maps, BTF; filters, queueing disciplines and XDP of the
interface; folders that are half filled. What is pinned must be a whole session: taken over as it is, by another
version, with all that is in its map, and with `fresh`. tests/run/victims.py has the programs, killing.py the rest.

Everything is in a network namespace, a mount namespace and a cgroup of its own. Needs root, iproute2 and cgroup v2.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from common import ROOT, Missing, Result, finish, table
from sigkill import cgroup_mount

sys.path.append(str(ROOT / "tests" / "run"))

from killing import Found, Kernel, Round, clear, moments
from run_kernel import in_child, mount_privately, unshare_network
from run_network import add_veth, set_up
from victims import VICTIMS, Compiled, Places, compiled, lives

RANDOM: Final = 500


@contextmanager
def places() -> Iterator[tuple[Places, Path]]:
    """Where programs attach, and a folder for their sources. This process stays in its namespaces."""
    unshare_network()
    add_veth("inside", "outside")
    for name in ("inside", "outside", "lo"):
        set_up(name)
    group = cgroup_mount() / f"pyebpf-bench-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        mount = Path(name, "bpf")
        mount.mkdir()
        mount_privately("bpf", str(mount))
        (mount / "kept").mkdir()
        group.mkdir()
        try:
            yield Places(group, mount / "kept"), Path(name)
        finally:
            group.rmdir()
            os.system(f"umount -l '{mount}'")


def rounds(one: Compiled, where: Places) -> Iterator[Round]:
    for work, before in lives(one.victim):
        yield Round(one, where, Kernel(where), work, before)


def kills(round: Round, times: int, seed: int) -> tuple[int, int, list[str]]:
    """How often it was killed at a call and at a moment, and what was found."""
    found: list[str] = []

    def tried(kill: Callable[[Any], object], value: float) -> bool:
        try:
            return bool(kill(value))
        except Found as error:
            found.append(str(error))
            clear(round.places)
            round.kernel = Kernel(round.places)
            return True

    for number in range(1, round.calls + 1):
        tried(round.at_call, number)
    tried(lambda _: round.kernel.settle(), 0)
    hit = sum(tried(round.at_moment, moment) for moment in moments(round, times, seed))
    tried(lambda _: round.kernel.settle(), 0)
    return round.calls, hit, found


def _all(times: int) -> tuple[list[tuple[object, ...]], list[str]]:
    rows: list[tuple[object, ...]] = []
    found: list[str] = []
    with places() as (where, sources):
        objects = [compiled(victim, sources) for victim in VICTIMS]
        each = -(-times // sum(len(lives(one.victim)) for one in objects))
        for one in objects:
            start, counts, random = time.monotonic(), [0, 0], 0
            try:
                for number, round in enumerate(rounds(one, where)):
                    calls, hit, wrong = kills(round, each, number)
                    counts[0] += calls
                    counts[1] += hit
                    random += each
                    found += wrong
            except Found as error:
                found.append(str(error))
                clear(where)
            took = time.monotonic() - start
            rows.append((one.victim.name, counts[0], random, counts[1], f"{took:.0f}"))
            print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)
    return rows, found


def measure(times: int = RANDOM) -> Result:
    """Print where processes were killed, and what was found."""
    if os.geteuid():
        raise Missing("needs root")
    rows, found = in_child(lambda: _all(times))  # which leaves the namespaces with it
    print(table(("programs", "killed at a call", "at a moment", "of them alive", "seconds"), rows))
    for words in found:
        print(f"found: {words}")
    at_calls, at_moments = sum(row[1] for row in rows), sum(row[3] for row in rows)
    figures = f"killed before {at_calls} calls and at {at_moments} random moments: {len(found)} findings"
    return Result(not found and at_calls + at_moments >= RANDOM, figures)


if __name__ == "__main__":
    sys.exit(finish(measure(*map(int, sys.argv[1:2]))))
