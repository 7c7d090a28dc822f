"""Local structs, text in them, records and lengths: random programs (`objects.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from objects import attempt
from running import Kernel

from pyebpf import CompileError

pytestmark = [pytest.mark.kernel, pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")]
REFUSED = frozenset({"E0224", "E0251", "E0253", "E0409"})
"""Loops that Linux 5.10 has no functions for, what is too much for its verifier, and names of things of two types."""


# Of the last two: what the verifier of Linux 5.10 knows of numbers that were on the stack.
@pytest.mark.parametrize("number", [*range(30), 81, 415])
def test_random_objects(kernel: Kernel, number: int, tmp_path: Path) -> None:
    try:
        attempt(number, kernel.worker, tmp_path)
    except CompileError as error:
        assert {diagnostic.code for diagnostic in error.diagnostics} <= REFUSED
