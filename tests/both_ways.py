"""Tests that run in the simulator and in the kernel: the fixtures that they share.

A module takes them by `simulate, load = both_ways.simulate, both_ways.load`, and says by `HEAD` how its programs begin.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from places import import_file

from pyebpf.testing import Simulator


@pytest.fixture(params=["simulator", pytest.param("kernel", marks=pytest.mark.kernel)])
def simulate(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    with Simulator(kernel=request.param == "kernel") as simulate:
        yield simulate


@pytest.fixture
def load(tmp_path: Path, simulate: Simulator, request: pytest.FixtureRequest) -> Any:
    def load(text: str) -> ModuleType:
        path = tmp_path / "probes.py"
        path.write_text(request.module.HEAD + text)
        module = import_file(path)
        simulate.watch({"probes": module})
        return module

    return load
