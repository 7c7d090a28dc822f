"""syscount counts the system calls of a process that the test named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from run_cli import SAMPLES, Run

import pyebpf

pytestmark = pytest.mark.usefixtures("nothing_left")
CALLS = 5000
NAME = "n-getppid-calls"
CALLER = f"""
import ctypes, os
prctl = ctypes.CDLL(None).prctl
prctl(15, b"{NAME}", 0, 0, 0)
for _ in range({CALLS}):
    os.getppid()
prctl(15, b"afterwards", 0, 0, 0)
"""


def make_calls() -> None:
    """CALLS system calls under NAME, and one more that takes the name away."""
    subprocess.run([sys.executable, "-c", CALLER], check=True)


def plausible(count: int) -> bool:
    """No call is lost. The interpreter may make a few of its own in the loop."""
    return CALLS + 1 <= count <= CALLS + 50


def test_counts_every_call(sample: Callable[[str], ModuleType]) -> None:
    module = sample("syscount")
    with pyebpf.load(module) as session:
        assert NAME not in module.counts
        make_calls()
        assert plausible(module.counts[NAME])
        make_calls()
        assert module.counts[NAME] >= 2 * (CALLS + 1)
        assert session.maps["counts"].to_dict()[NAME] >= 2 * (CALLS + 1)
        assert not session.faults


def test_the_map_is_a_mapping(sample: Callable[[str], ModuleType]) -> None:
    module = sample("syscount")
    with pyebpf.load(module, attach=False):
        counts = module.counts
        assert len(counts) == 0
        counts["one"] = 1
        counts["another"] = 2
        assert dict(counts.items()) == {"one": 1, "another": 2}
        assert "one" in counts
        assert sorted(counts) == ["another", "one"]
        del counts["one"]
        with pytest.raises(KeyError):
            counts["one"]
        with pytest.raises(KeyError):
            del counts["one"]
        assert counts.get("one", 7) == 7
        counts.clear()
        assert not counts.to_dict()


def test_detached_is_detached(sample: Callable[[str], ModuleType]) -> None:
    module = sample("syscount")
    with pyebpf.load(module, attach=False):
        make_calls()
        assert NAME not in module.counts


def test_command_line_summary(tmp_path: Path) -> None:
    with Run(tmp_path, SAMPLES / "syscount.py", "--for", "3") as run:
        run.wait_for_links(1)
        make_calls()
        assert run.process.wait(timeout=30) == 0
        [summary] = [line for line in run.lines() if "maps" in line]
    assert plausible({entry["key"]: entry["value"] for entry in summary["maps"]["counts"]}[NAME])
