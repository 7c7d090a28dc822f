"""try, except, else, finally and raise, run by the kernel: where the program goes, and what it leaves behind."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import pyebpf
from pyebpf.compiler import lower_target
from pyebpf.simulator.simulation import Input, Simulation
from pyebpf.simulator.surroundings import Surroundings

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
IMPORTS = """
from pyebpf import XDP, Array, Ethernet, Hash, PacketTooShort, RingBuf, function, struct, u8, u32, u64, xdp

@struct
class Event:
    n: u64

table = Hash[u32, u64](max_entries=4)
trace = Array[u64](max_entries=16)
slots = Array[u64](max_entries=4)
ring = RingBuf[Event](size=4096)
"""
"""`trace[0]` counts what was written behind it: the way that the program took."""

STEP = """
@function
def step(n):
    at = trace[0] + 1
    trace[0] = at
    trace[at & 15] = n
"""


def run(
    tmp_path: Path, text: str, packet: bytes = bytes(64)
) -> tuple[int, list[int], list[tuple[str, int]], list[int]]:
    """The program's result, its way, its faults with their lines (from `def probe`, 0), and its events."""
    path = tmp_path / "exceptional.py"
    source = IMPORTS + STEP + text
    path.write_text(source)
    start = source[: source.index("def probe")].count("\n") + 1
    module = _module(path)
    with pyebpf.load(module, attach=False) as session:
        result = session.programs["probe"].test_run(data=packet).result
        trace = list(session.maps["trace"])
        faults = [(fault.kind, fault.line - start) for fault in session.faults for _ in range(fault.count)]
        events = [event.n for event in session.maps["ring"].poll(0)] if "ring" in session.maps else []
        found = result, trace[1 : 1 + trace[0]], faults, events
    assert found == _simulated(module, packet, start), "the kernel's answer, and the simulator's"
    return found


def _simulated(module: ModuleType, packet: bytes, start: int) -> tuple[object, ...]:
    simulation = Simulation(lower_target(module).module)
    output = simulation.run("probe", Input(Surroundings(), packet))
    trace = list(simulation.maps["trace"])
    faults = [(fault.kind, fault.line - start) for fault in simulation.faults for _ in range(fault.count)]
    return output.result, trace[1 : 1 + trace[0]], faults, [event.n for _, event in output.events]


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exceptional", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROBES = {
    "caught": (
        """
@xdp
def probe(packet):
    try:
        step(1)
        step(table[7])
        step(2)
    except KeyError:
        step(3)
    else:
        step(4)
    finally:
        step(5)
    return XDP.DROP
""",
        (1, [1, 3, 5], [], []),
    ),
    "not caught: finally runs, and the fault is counted where it was": (
        """
@xdp
def probe(packet):
    try:
        step(1)
        step(table[7])
    except (IndexError, ZeroDivisionError):
        step(3)
    finally:
        step(5)
    return XDP.DROP
""",
        (2, [1, 5], [("KeyError", 3)], []),
    ),
    "in a function, caught by its caller": (
        """
@function
def look(k):
    return table[k] + 1

@xdp
def probe(packet):
    for i in range(3):
        try:
            step(look(i))
        except LookupError:
            step(100 + i)
            table[1] = 6
    return XDP.DROP
""",
        (1, [100, 7, 102], [], []),
    ),
    "raised again from except": (
        """
@xdp
def probe(packet):
    try:
        try:
            step(slots[packet.load(0, u8) + 4])
        except IndexError:
            step(1)
            raise
    except Exception:
        step(2)
        raise
    return XDP.DROP
""",
        (2, [1, 2], [("IndexError", 3)], []),
    ),
    "return, break and continue run finally": (
        """
@function
def leave(n):
    for i in range(n):
        try:
            if i == 1:
                continue
            if i == 3:
                break
            if i == 2 and n == 3:
                return 50
            step(i)
        finally:
            step(10 + i)
    return 51

@xdp
def probe(packet):
    step(leave(5))
    step(leave(3))
    return XDP.DROP
""",
        (1, [0, 10, 11, 2, 12, 13, 51, 0, 10, 11, 12, 50], [], []),
    ),
    "an event is given back when its block is left by a fault, kept when the fault is caught inside": (
        """
@xdp
def probe(packet):
    try:
        with ring.reserve() as event:
            event.n = 1
            step(table[7])
    except KeyError:
        step(1)
    with ring.reserve() as event:
        event.n = 2
        try:
            event.n = table[7]
        except KeyError:
            step(2)
    return XDP.DROP
""",
        (1, [1, 2], [], [2]),
    ),
    "finally that returns takes the fault away": (
        """
@function
def quiet():
    try:
        step(table[9])
    finally:
        return 8

@xdp
def probe(packet):
    step(quiet())
    return XDP.DROP
""",
        (1, [8], [], []),
    ),
    "a name of finally that turns out to need a wider type": (
        """
@function
def widened(p: u64):
    try:
        if p > 3:
            return 1
    finally:
        wide = 0
        for n in range(2):
            step(wide)
            wide = p
    return 2

@xdp
def probe(packet):
    step(widened(packet.load(0, u8)))
    step(widened(packet.load(0, u8) + 4))
    return XDP.DROP
""",
        (1, [0, 0, 2, 0, 4, 1], [], []),
    ),
    "raised by hand": (
        """
@xdp
def probe(packet):
    try:
        if packet.load(0, u8) == 0:
            raise ValueError("zero")
        step(1)
    except ValueError:
        step(2)
    assert packet.load(0, u8) == 0
    raise PacketTooShort
""",
        (2, [2], [("PacketTooShort", 8)], []),
    ),
    "a packet that is too short": (
        """
@xdp
def probe(packet):
    for i in range(8):
        try:
            packet.parse(Ethernet)
            step(i)
        except PacketTooShort:
            step(90 + i)
            break
    return XDP.DROP
""",
        (1, [0, 1, 2, 3, 94], [], []),
    ),
    "a fault inside except and inside finally": (
        """
@xdp
def probe(packet):
    try:
        try:
            step(table[7])
        except KeyError:
            step(1 // packet.load(0, u8))
        finally:
            step(slots[packet.load(0, u8) + 4])
    except ZeroDivisionError:
        step(1)
    except IndexError:
        step(2)
    return XDP.DROP
""",
        (1, [2], [], []),
    ),
}


@pytest.mark.parametrize("name", PROBES)
def test_where_it_goes(name: str, tmp_path: Path) -> None:
    text, expected = PROBES[name]
    assert run(tmp_path, text) == expected


def test_a_local_gets_its_type_in_a_finally_block(tmp_path: Path) -> None:
    """The program is lowered again when `n` turns out to be a None; the blocks that were open are left in order."""
    path = tmp_path / "exceptional.py"
    path.write_text(
        IMPORTS
        + """
@xdp
def probe(packet):
    first = u32(slots[packet.load(0, u8) & 3])
    for n in range(1, 4):
        try:
            slots[0] = slots[packet.load(0, u8)]
        except IndexError:
            try:
                continue
            finally:
                if (found := table.get(3)) is not None:
                    slots[1] = u64(n if (7 and 7) else (n := (found := first)))
    return XDP.DROP
"""
    )
    with pyebpf.load(_module(path), attach=False) as session:
        assert session.programs["probe"].test_run(data=bytes(64)).result == 1
