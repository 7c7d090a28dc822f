"""The module `shapes`, loaded once; each test finds its maps empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from places import import_file

import pyebpf


@pytest.fixture(scope="module")
def loaded_shapes() -> Iterator[tuple[ModuleType, pyebpf.Session]]:
    module = import_file(Path(__file__).parent / "shapes.py")
    with pyebpf.load(module, attach=False) as session:
        yield module, session


@pytest.fixture
def shapes(loaded_shapes: tuple[ModuleType, pyebpf.Session]) -> ModuleType:
    module, session = loaded_shapes
    for view in session.maps.values():
        view.clear()
    return module


@pytest.fixture
def session(loaded_shapes: tuple[ModuleType, pyebpf.Session]) -> pyebpf.Session:
    return loaded_shapes[1]
