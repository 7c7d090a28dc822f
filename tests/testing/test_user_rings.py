"""Rings that user space writes: a program takes what was sent, in the simulator as in the kernel."""

from __future__ import annotations

from typing import Any

import both_ways
import pytest

from pyebpf.testing import Simulator

PACKET = bytes(range(64))
HEAD = """
from pyebpf import *

@struct
class Command:
    number: u64
    kind: u32
    name: char[12]

commands, numbers = UserRingBuf[Command](size=4096), UserRingBuf[u32](size=4096)
total, ended = Global[u64](0), Global[u64](0)
names = Hash[char[12], u64](max_entries=16)
"""

simulate, load = both_ways.simulate, both_ways.load


def test_a_loop_takes_what_is_there(load: Any, simulate: Simulator) -> None:
    probes = load("""
@xdp
def probe(packet):
    for command in commands:
        if command.kind == 1:
            continue
        if command.kind == 2:
            break
        if command.kind == 3:
            return XDP.DROP
        command.number += 1
        total.value += command.number
        names[command.name] += 1
    else:
        ended.value += 1
    return XDP.PASS
""")

    def run(*kinds: int) -> tuple[int, int, int]:
        probes.total.value = 0
        assert probes.commands.send_many([(10 * n, kind, f"k{kind}") for n, kind in enumerate(kinds)]) == len(kinds)
        result = simulate(probes.probe, packet=PACKET).result
        return result, probes.total.value, probes.ended.value

    assert run() == (2, 0, 1)
    assert run(0, 0, 1, 0) == (2, 1 + 11 + 31, 2)
    assert run(0, 2, 0) == (2, 1, 2)
    assert run() == (2, 21, 3)  # what `break` left
    assert run(0, 3, 0) == (1, 1, 3)
    assert run() == (2, 21, 4)
    assert probes.names.to_dict() == {"k0": 7} and probes.commands.free == 4096 and not simulate.faults


def test_numbers_counted_and_faults(load: Any, simulate: Simulator) -> None:
    probes = load("""
@xdp
def probe(packet):
    found = u64(0)
    for i, number in enumerate(numbers, start=1):
        found += u64(i) * number
        try:
            found += 100 // number
        except ZeroDivisionError:
            found += 7
        assert number < 50
    total.value = found
    return XDP.PASS
""")
    probes.numbers.send_many([1, 0, 25])
    assert simulate(probes.probe, packet=PACKET).result == 2
    assert probes.total.value == (1 + 100) + 7 + (75 + 4)
    probes.numbers.send_many([60, 1])
    assert simulate(probes.probe, packet=PACKET).result == 2
    assert [fault.kind for fault in simulate.faults] == ["AssertionError"]
    assert simulate(probes.probe, packet=PACKET).result == 2 and probes.total.value == 101


def test_a_full_ring(load: Any, simulate: Simulator) -> None:
    probes = load("""
@xdp
def probe(packet):
    for number in numbers:
        total.value += number
    return XDP.PASS
""")
    assert probes.numbers.send_many([1] * 300) == 256 and probes.numbers.free == 0
    with pytest.raises(BlockingIOError, match="numbers is full"):
        probes.numbers.send(5)
    simulate(probes.probe, packet=PACKET)
    probes.numbers.send(5)
    simulate(probes.probe, packet=PACKET)
    assert probes.total.value == 256 + 5
