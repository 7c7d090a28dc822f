"""One code generator for all programs: it takes a while to load LLVM."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from running import Kernel

from pyebpf.codegen import Worker


@pytest.fixture(scope="session")
def kernel() -> Iterator[Kernel]:
    if os.geteuid() != 0:
        pytest.skip("loading programs needs root")
    with Worker() as worker:
        yield Kernel(worker)
