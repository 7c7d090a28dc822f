"""A few random programs full of chains through the kernel's structs; `chains.py` makes as many as you like."""

from __future__ import annotations

import platform
from pathlib import Path

import chains
import kernel_reader
import pytest

from pyebpf.codegen import Worker

PROGRAMS = (1, 10_000, 10_001, 10_002, 10_003)
"""In the first, a struct's member that is compared with null is in the same register as the struct, moved on."""


@pytest.mark.kernel
def test_chains(tmp_path: Path) -> None:
    assert platform.machine() == "x86_64", "the number of the system call is this machine's"
    with chains.descriptors(), kernel_reader.reader() as read:
        trial, worker = chains.Trial(read), Worker()
        try:
            for number in PROGRAMS:
                trial.attempt(number, worker, tmp_path)
        finally:
            worker.close()
    assert trial.counts["equal"] > 2 * len(PROGRAMS), trial.counts
