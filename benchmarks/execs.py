"""`pyebpf run samples/execsnoop.py --for 10 --json` while this process starts 1,000 programs: all seen, none dropped.

    python benchmarks/execs.py

Each program is started under a file name of its own by a process that gave itself a name of its own, so that every
field of every event can be compared with what really happened. Needs root.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from common import ROOT, Result, finish, pyebpf, sample

PROGRAMS: Final = 1000
SECONDS: Final = 10
PATIENCE: Final = 8.0
"""Seconds until the first event must have come."""
_PR_SET_NAME: Final = 15
_LIBC: Final = ctypes.CDLL(None)


@final
@dataclass(frozen=True, slots=True)
class Start:
    """A program that was started, as its event must tell it."""

    pid: int
    ppid: int
    comm: str
    filename: str


def start(path: Path, comm: str) -> Start:
    """Start the program at `path` from a process named `comm`, and wait for its end."""
    _LIBC.prctl(_PR_SET_NAME, comm.encode(), 0, 0, 0)  # the child inherits the name until it becomes another program
    child = os.posix_spawn(path, [str(path)], os.environ)
    _, status = os.waitpid(child, 0)
    if status:
        raise RuntimeError(f"{path} ended with {status}")
    return Start(child, os.getpid(), comm, str(path))


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines that have been written by now."""
    text = path.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def events_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events among the lines of `pyebpf run --json`."""
    return [line["event"] for line in lines if "event" in line]


def drops_of(lines: list[dict[str, Any]]) -> int | None:
    """The number of events that didn't fit into the ring, from the summary."""
    for line in reversed(lines):
        if "dropped" in line:
            return int(line["dropped"]["execs"])
    return None


def wait_until_attached(run: subprocess.Popen[bytes], output: Path, folder: Path) -> None:
    """Start programs until one is seen."""
    end = time.monotonic() + PATIENCE
    while not events_of(read_lines(output)):
        if run.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"no event came; `pyebpf run` ended with {run.poll()}")
        start(folder / "first", "first")
        time.sleep(0.05)


def measure(programs: int = PROGRAMS) -> Result:
    """Print what was compared, and say whether every event came, once, and right."""
    true = shutil.which("true") or "/bin/true"
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        folder = Path(name)
        (folder / "first").symlink_to(true)
        output = folder / "events"
        with open(output, "wb") as file:
            run = subprocess.Popen(
                pyebpf("run", sample("execsnoop"), "--for", str(SECONDS), "--json"), cwd=ROOT, stdout=file
            )
        try:
            wait_until_attached(run, output, folder)
            begin = time.monotonic()
            expected = []
            for number in range(programs):
                path = folder / f"program-{number:04}"
                path.symlink_to(true)
                expected.append(start(path, f"starter-{number:04}"))
            took = time.monotonic() - begin
            code = run.wait(timeout=SECONDS + 20)
        finally:
            if run.poll() is None:
                run.send_signal(signal.SIGKILL)
                run.wait()
        lines = read_lines(output)
    return compare(expected, lines, code, took)


def compare(expected: list[Start], lines: list[dict[str, Any]], code: int, took: float) -> Result:
    """Every start against the events."""
    folder = os.path.dirname(expected[0].filename)
    mine = [event for event in events_of(lines) if str(event["filename"]).startswith(f"{folder}/program-")]
    by_name = {event["filename"]: event for event in mine}
    wrong = 0
    for one in expected:
        event = by_name.get(one.filename)
        if event is None or any(event[field] != getattr(one, field) for field in ("pid", "ppid", "comm", "filename")):
            wrong += 1
            if wrong <= 5:
                print(f"expected {one}, got {event}")
    dropped = drops_of(lines)
    print(f"{len(expected)} programs started in {took:.1f} s; {len(mine)} events of theirs; exit code {code}")
    print(f"events with another pid, parent, comm or file name, or missing: {wrong}; dropped: {dropped}")
    kept = not wrong and len(mine) == len(expected) and dropped == 0 and code == 0
    return Result(kept, f"{len(mine)} events of {len(expected)} programs, {wrong} wrong, {dropped} dropped")


if __name__ == "__main__":
    sys.exit(finish(measure()))
