"""execsnoop sees the programs that the test starts, and tells the truth about them."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from run_cli import SAMPLES, Run
from run_kernel import set_comm

import pyebpf

pytestmark = pytest.mark.usefixtures("nothing_left")


def start_programs(folder: Path, count: int) -> dict[str, int]:
    """Start `count` programs, each under a path of its own: the process ids by path."""
    true = shutil.which("true")
    assert true
    started = {}
    for number in range(count):
        path = folder / f"program-{number}"
        path.symlink_to(true)
        set_comm(f"starter-{number}")  # which the child inherits
        process = subprocess.Popen([path])
        assert process.wait() == 0
        started[str(path)] = process.pid
    set_comm("pytest")
    return started


def events_within(execs: Any, seconds: float, paths: dict[str, int]) -> dict[str, Any]:
    """The events of these files, until all are there or the time is up."""
    found: dict[str, Any] = {}
    end = time.monotonic() + seconds
    while len(found) < len(paths) and time.monotonic() < end:
        for event in execs.poll(0.1):
            if event.filename in paths:
                assert event.filename not in found, "an event came twice"
                found[event.filename] = event
    return found


def test_every_field_of_every_event(sample: Callable[[str], ModuleType], tmp_path: Path) -> None:
    module = sample("execsnoop")
    with pyebpf.load(module):
        before = time.monotonic_ns()
        started = start_programs(tmp_path, 25)
        events = events_within(module.execs, 5.0, started)
        after = time.monotonic_ns()
        assert module.execs.dropped == 0
    assert sorted(events) == sorted(started)
    for number, (path, pid) in enumerate(started.items()):
        event = events[path]
        assert (event.pid, event.ppid, event.uid) == (pid, os.getpid(), os.getuid())
        assert event.comm == f"starter-{number}"
        assert before <= event.time <= after
    times = [events[path].time for path in started]
    assert times == sorted(times)


def test_a_probe_by_itself_and_the_ring_as_an_iterable(sample: Callable[[str], ModuleType], tmp_path: Path) -> None:
    module = sample("execsnoop")
    with pyebpf.load(module.on_execve) as session:
        started = start_programs(tmp_path, 1)
        for event in module.execs:
            if event.filename in started:
                break
        assert event.pid == started[event.filename]
        assert session.maps["execs"].dropped == 0


def test_names_longer_than_the_field_are_cut(sample: Callable[[str], ModuleType], tmp_path: Path) -> None:
    module = sample("execsnoop")
    folder = tmp_path / ("d" * 200)
    folder.mkdir()
    path = folder / ("f" * 200)
    true = shutil.which("true")
    assert true
    path.symlink_to(true)
    with pyebpf.load(module):
        process = subprocess.Popen([path])
        process.wait()
        events = [event for event in module.execs.poll(2.0) if event.pid == process.pid]
    assert [event.filename for event in events] == [str(path)[:255]]


def test_a_declaration_is_a_map_only_while_loaded(sample: Callable[[str], ModuleType]) -> None:
    module = sample("execsnoop")
    with pyebpf.load(module):
        module.execs.poll(0)
    with pytest.raises(RuntimeError, match="not loaded"):
        module.execs.poll(0)


def test_command_line_events_as_json(tmp_path: Path) -> None:
    with Run(tmp_path, SAMPLES / "execsnoop.py", "--for", "3") as run:
        run.wait_for_links(1)
        started = start_programs(tmp_path, 10)
        assert run.process.wait(timeout=30) == 0
        events = {line["event"]["filename"]: line["event"] for line in run.lines() if "event" in line}
    for path, pid in started.items():
        assert (events[path]["pid"], events[path]["ppid"]) == (pid, os.getpid())
