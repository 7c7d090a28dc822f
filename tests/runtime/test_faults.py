"""Each kind of fault ends the program with the hook's default, and is counted on its line and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import pyebpf

pytestmark = pytest.mark.kernel
PROGRAM = """
from pyebpf import Ethernet, IPv4
full = Hash[u32, u64](max_entries=1)
empty = Hash[u32, u64](max_entries=1)
cells = Array[u64](max_entries=4)
what = Global[u64](0)
reached = Global[u64](0)
zero, big, minus = Global[u64](0), Global[u64](10), Global[i64](-1)

@xdp
def probe(packet):
    n = what.value
    if n == 1:
        reached.value = empty[5]            # KeyError
    if n == 2:
        reached.value = cells[big.value]    # IndexError
    if n == 3:
        reached.value = 7 // zero.value     # ZeroDivisionError
    if n == 4:
        reached.value = 7 % zero.value      # ZeroDivisionError of a remainder
    if n == 5:
        full[u32(n)] = 1                    # MemoryError
    if n == 6:
        assert zero.value == big.value      # AssertionError
    if n == 7:
        ip = packet.parse(IPv4)             # PacketTooShort
        reached.value = ip.ttl
    if n == 8:
        del empty[5]                        # KeyError of del
    if n == 9:
        reached.value = 1 << minus.value    # ValueError
    if n == 10:
        cells[big.value] = 5                # IndexError of a store
    reached.value += 100
    return XDP.DROP
"""
CASES = [
    (number, line, text.split("# ")[1].split(" of ")[0])
    for number, (line, text) in enumerate(
        ((line, text) for line, text in enumerate(PROGRAM.splitlines(), 2) if "# " in text), 1
    )
]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Session:
    path = tmp_path_factory.mktemp("faults") / "probe.py"
    path.write_text("from pyebpf import *\n" + PROGRAM)
    with pyebpf.load(path, attach=False) as session:
        session.maps["full"][1] = 1
        yield session


@pytest.mark.parametrize(("number", "line", "kind"), CASES)
def test_each_kind(session: pyebpf.Session, number: int, line: int, kind: str) -> None:
    def counts() -> dict[int, int]:
        return {fault.line: fault.count for fault in session.faults}

    before = counts()
    session.variables["what"].value, session.variables["reached"].value = number, 0
    run = session.programs["probe"].test_run(data=bytes(20), repeat=3)
    assert (run.result, session.variables["reached"].value) == (pyebpf.XDP.PASS, 0)
    assert counts() == before | {line: 3}
    [fault] = [fault for fault in session.faults if fault.line == line]
    assert (fault.kind, fault.program, Path(fault.file).name) == (kind, "probe", "probe.py")
    assert str(fault) == f"{kind} {fault.file}:{line} ×{fault.count}"


def test_without_a_fault(session: pyebpf.Session) -> None:
    before = session.faults
    session.variables["what"].value = 0
    assert session.programs["probe"].test_run(data=bytes(20)).result == pyebpf.XDP.DROP
    assert session.faults == before


def test_on_fault_and_a_null_pointer(program: Callable[[str], ModuleType]) -> None:
    module = program(
        "zero = Global[u64](0)\n@xdp(on_fault=XDP.ABORTED)\ndef probe(packet):\n"
        "    return XDP.TX if 5 // zero.value else XDP.DROP\n"
    )
    with pyebpf.load(module, attach=False) as session:
        assert session.programs["probe"].test_run(data=bytes(20)).result == pyebpf.XDP.ABORTED
        module.zero.value = 1
        assert session.programs["probe"].test_run(data=bytes(20)).result == pyebpf.XDP.TX
        assert [fault.count for fault in session.faults] == [1]
