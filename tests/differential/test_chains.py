"""A few random programs full of chains through the kernel's structs; `chains.py` makes as many as you like."""

from __future__ import annotations

import platform
from pathlib import Path

import chains
import kernel_reader
import pytest

from pyebpf.codegen import Worker

PROGRAMS = 4


@pytest.mark.kernel
def test_chains(tmp_path: Path) -> None:
    assert platform.machine() == "x86_64", "the number of the system call is this machine's"
    with chains.descriptors(), kernel_reader.reader() as read:
        trial, worker = chains.Trial(read), Worker()
        try:
            for number in range(10_000, 10_000 + PROGRAMS):
                trial.attempt(number, worker, tmp_path)
        finally:
            worker.close()
    assert trial.counts["equal"] > 2 * PROGRAMS, trial.counts
