"""Other kernels load what is compiled for them, and compute what CPython does: `pytest -m guest tests/guests`.

A few programs each; `python tests/guests/differential.py` runs as many as you like.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = ("5.10", "6.1", "6.12", "6.18", "7.3")
HERE = Path(__file__).parent


@pytest.mark.guest
@pytest.mark.parametrize("kernel", KERNELS)
def test_programs_in_a_guest(kernel: str) -> None:
    command = [sys.executable, str(HERE / "differential.py"), "--kernel", kernel, "--programs", "20"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.guest
@pytest.mark.parametrize("kernel", (*KERNELS, "6.1-arm64", "6.12-s390x"))
def test_every_case_in_a_guest(kernel: str) -> None:
    command = [sys.executable, str(HERE / "matrix.py"), "--kernel", kernel]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.guest
def test_the_exit_code_of_a_command_comes_back() -> None:
    command = [sys.executable, str(HERE / "machine.py"), "--kernel", "6.12", "uname -r; exit 7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stdout + done.stderr
    assert "6.12." in done.stdout
