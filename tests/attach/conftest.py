"""The program of a test's module, compiled once, and loaded for each test in a network namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from run_network import Wire, set_up

import pyebpf


@pytest.fixture(scope="module")
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Object:
    path = tmp_path_factory.mktemp("module") / "program.py"
    path.write_text(request.module.PROGRAM)
    return pyebpf.compile(path)


@pytest.fixture
def session(compiled: pyebpf.Object, wire: Wire) -> Iterator[pyebpf.Session]:
    set_up("lo")
    with pyebpf.load(compiled, attach=False) as session:
        yield session
