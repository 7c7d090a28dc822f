"""Fixtures of the tests that run the samples and whole programs on the live kernel."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from places import import_file

ROOT = Path(__file__).parents[2]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kernel: loads programs into the running kernel; needs root")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    reason = "loading BPF programs needs root" if os.geteuid() else ""
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.kernel)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def sample() -> Callable[[str], ModuleType]:
    """Import a sample afresh, as a program that embeds it would."""

    return lambda name: import_file(ROOT / "samples" / f"{name}.py")


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[[str], Path]:
    """The object of a sample, compiled by the command line."""

    def compile(name: str) -> Path:
        out = tmp_path / f"{name}.o"
        command = [sys.executable, "-m", "pyebpf", "compile", str(ROOT / "samples" / f"{name}.py"), "-o", str(out)]
        subprocess.run(command, cwd=ROOT, check=True)
        return out

    return compile
