"""Probes in programs, without a kernel: their arguments are what the test says."""

from __future__ import annotations

import pytest

from pyebpf import char, i8, i32, u64, uprobe, uretprobe, usdt, user_str
from pyebpf.testing import SimulationError, Simulator


@uprobe("libc", "open")
def opened(path: u64, flags: i32, c: u64, d: u64, e: u64, f: u64, seventh: i8):
    name: char[8] = user_str(path)
    print(f"{name} {flags} {seventh}")


@uretprobe("libc", "open")
def open_gave(ret: i32):
    print(f"{ret}")


@usdt("python3", "python:line")
def line_begun(file: u64, name: u64, line: i32, last: bool):
    text: char[8] = user_str(file)
    print(f"{text}:{line} {last}")


def test_probes_in_programs() -> None:
    """Arguments by name, as C has them: in registers, on the stack, or wherever a marker has them."""
    with Simulator() as simulate:
        assert simulate(opened, ctx={"path": "a.txt", "flags": -3, "seventh": -5}).printed == ["a.txt -3 -5"]
        assert simulate(open_gave, ctx={"ret": -2}).printed == ["-2"]
        assert simulate(line_begun, ctx={"file": "a.py", "line": 7, "last": True}).printed == ["a.py:7 True"]
        with pytest.raises(SimulationError, match="has no argument 'flag'"):
            simulate(opened, ctx={"flag": 1})
