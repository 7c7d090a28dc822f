"""One code generator for all programs: it takes a while to load LLVM."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import IMPORTS, Kernel, Probe
from simulated import Twin

from pyebpf.codegen import Worker
from pyebpf.loader.load import load_object
from pyebpf.object.read import read_object


@pytest.fixture(scope="session")
def kernel() -> Iterator[Kernel]:
    if os.geteuid() != 0:
        pytest.skip("loading programs needs root")
    with Worker() as worker:
        yield Kernel(worker)


@pytest.fixture
def load(kernel: Kernel, tmp_path: Path, request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    def loaded(text: str) -> Probe:
        path = tmp_path / "probe.py"
        path.write_text(IMPORTS + text)
        elf = kernel.compile_file(path)
        probe = load_object(read_object(elf))
        request.addfinalizer(probe.close)
        return Probe(probe, Twin(path) if "@xdp" in text else None)

    return loaded
