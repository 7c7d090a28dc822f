"""Events in perf buffers: what a probe puts in comes out, in the simulator as in the kernel."""

from __future__ import annotations

from typing import Any

import both_ways

from pyebpf.testing import Simulator

PACKET = bytes(range(64))
HEAD = """
from pyebpf import *

@struct
class Event:
    number: u64
    flag: u8
    name: char[9]

n = Global[u64](0)
events = PerfEventArray[Event](pages=2)
"""

simulate, load = both_ways.simulate, both_ways.load


def test_every_way_out_of_a_block_but_a_fault_sends_the_event(load: Any, simulate: Simulator) -> None:
    probes = load("""
@xdp
def probe(packet):
    for i in range(4):
        with events.reserve() as event:
            event.number = i
            if n.value == 1 and i == 1:
                continue
            if n.value == 2 and i == 2:
                break
            if n.value == 3 and i == 3:
                return XDP.DROP
            if n.value == 4 and i == 1:
                assert i == 7
            event.flag = u8(i) + 1
            event.name = "text"
    return XDP.PASS
""")

    def run(number: int) -> list[tuple[int, int, str]]:
        probes.n.value = number
        return [tuple(event) for event in simulate(probes.probe, packet=PACKET).events]

    whole = [(i, i + 1, "text") for i in range(4)]
    assert run(0) == whole
    assert run(1) == [whole[0], (1, 0, ""), *whole[2:]]
    assert run(2) == [*whole[:2], (2, 0, "")]
    assert run(3) == [*whole[:3], (3, 0, "")]
    assert run(4) == whole[:1]
    assert [fault.kind for fault in simulate.faults] == ["AssertionError"]
    assert len(probes.events.poll()) == 4 + 4 + 3 + 4 + 1 and probes.events.dropped == 0


def test_two_events_at_a_time_and_a_caught_fault(load: Any, simulate: Simulator) -> None:
    probes = load("""
others = PerfEventArray[Event](pages=1)

@xdp
def probe(packet):
    with events.reserve() as one, others.reserve() as other:
        one.number = 1
        other.number = one.number + 1
        try:
            with events.reserve() as third:
                third.number = 1 // n.value
        except ZeroDivisionError:
            other.flag = 9
    events.output(Event(number=5, flag=6))
    return XDP.PASS
""")
    for _ in range(2):
        simulate(probes.probe, packet=PACKET)
        probes.n.value = 1
    assert [event.number for event in probes.events.poll()] == [1, 5, 1, 1, 5]
    assert [(event.number, event.flag) for event in probes.others.poll()] == [(2, 9), (2, 0)]


def test_an_event_too_large_for_the_stack(load: Any, simulate: Simulator) -> None:
    probes = load("""
@struct
class Large:
    number: u64
    data: u8[3000]

large = PerfEventArray[Large](pages=4)

@xdp
def probe(packet):
    with large.reserve() as event:
        event.number = 3
        event.data[2999] = 7
    return XDP.PASS
""")
    [event] = simulate(probes.probe, packet=PACKET).events
    assert event.number == 3 and event.data[2999] == 7 and not any(event.data[:2999])
