"""One code generator for all tests of this folder: it takes a while to load LLVM."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pyebpf.codegen import Worker


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    with Worker() as started:
        yield started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("kernel") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
