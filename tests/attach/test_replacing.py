"""Programs that take the place of others: what is said of those that can't. Guests attach some (`freplace`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import *

@xdp
def passing(packet):
    return XDP.PASS

@freplace("decide", xdp)
def deciding(packet):
    return XDP.DROP
"""
PLAIN = """
from pyebpf import *

@xdp
def entry(packet):
    return XDP.PASS
"""


@pytest.fixture
def entry(tmp_path: Path) -> Iterator[pyebpf.Session]:
    path = tmp_path / "plain.py"
    path.write_text(PLAIN)
    with pyebpf.load(path, attach=False) as session:
        yield session


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (None, "needs to know of which program when it is loaded"),
        ("passing", "has no function decide"),
        ("nothing", "there is no program nothing"),
        (2**31 - 1, "there is no program 2147483647"),
        (3.5, "there is no program 3.5"),
        ("/nowhere/at/all", "there is no program /nowhere/at/all"),
    ],
)
def test_what_is_not_replaced(compiled: pyebpf.Object, where: object, message: str) -> None:
    places = {} if where is None else {"deciding": where}
    with pytest.raises(pyebpf.LoadError, match=message) as caught:
        pyebpf.load(compiled, attach=False, where=places)
    assert caught.value.reason == "target"


def test_functions_are_those_that_the_kernel_has(compiled: pyebpf.Object, entry: pyebpf.Session) -> None:
    for where in (entry.programs["entry"], entry.programs["entry"].id, str(entry.programs["entry"].id)):
        with pytest.raises(pyebpf.LoadError, match="has no function decide; it has entry"):
            pyebpf.load(compiled, attach=False, where={"deciding": where})
