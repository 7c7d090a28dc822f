"""ProgArray: programs go on as others, which Python and the module itself choose; empty slots are KeyErrors."""

from __future__ import annotations

import struct as bytes_of
from collections.abc import Iterator

import pytest
from places import Wire

import pyebpf
from pyebpf import XDP, Ethernet, Global, IPv4, PerCpuArray, ProgArray, Tcp, Udp, u64, xdp

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]

slot = Global[u64]()
way = Global[u64]()
ports = Global[u64]()
start = PerCpuArray[u64](max_entries=1)
jumps = ProgArray(max_entries=4)


@xdp
def first(packet):
    way.value = way.value * 10 + 1
    return jumps[slot.value](packet)


@xdp(on_fault=XDP.DROP)
def second(packet):
    way.value = way.value * 10 + 2
    slot.value += 1
    return jumps[slot.value](packet)


@xdp
def third(packet):
    way.value = way.value * 10 + 3
    return XDP.TX


@xdp
def careful(packet):
    try:
        return jumps[slot.value](packet)
    except KeyError:
        way.value = 99
    return XDP.DROP


@xdp
def parse(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    start[0] = packet.offset
    return parsers[ip.protocol](packet)


@xdp
def parse_tcp(packet):
    ports.value = packet.load(start[0], Tcp).dest
    return XDP.TX


@xdp
def parse_udp(packet):
    ports.value = packet.load(start[0], Udp).dest
    return again[0](packet)


@xdp
def count_down(packet):
    if slot.value > 0:
        slot.value -= 1
        way.value += 1
        return again[0](packet)
    return XDP.TX


@xdp
def long_way(packet):
    for _ in range(300_000):
        way.value += 1
    for i in range(100):
        if i == slot.value:
            return twice[i](packet)
    return XDP.DROP


twice = ProgArray({0: third, 5: third}, max_entries=64)
parsers = ProgArray({6: parse_tcp, 17: parse_udp})
again = ProgArray({0: count_down}, max_entries=2)


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((first, second, third, careful), attach=False) as loaded:
        yield loaded


def run(session: pyebpf.Session, name: str, data: bytes = bytes(64)) -> tuple[int, int]:
    way.value = 0
    return session.programs[name].test_run(data=data).result, way.value


def test_filled_from_python(session: pyebpf.Session) -> None:
    assert run(session, "first") == (XDP.PASS, 1)
    assert [(fault.kind, fault.count) for fault in session.faults] == [("KeyError", 1)]
    jumps[0] = session.programs["second"]
    jumps[1] = third
    session.maps["jumps"][2] = "first"
    assert run(session, "first") == (XDP.TX, 123) and slot.value == 1
    assert run(session, "first") == (XDP.TX, 13)
    assert (list(jumps), len(jumps), 3 in jumps, 1 in jumps) == ([0, 1, 2], 3, False, True)
    assert jumps[1] is session.programs["third"] and dict(jumps.items())[2].name == "first"
    del jumps[1]
    slot.value = 0
    assert run(session, "first") == (XDP.DROP, 12)  # the default of the program that was last
    with pytest.raises(KeyError):
        del jumps[1]
    with pytest.raises(KeyError):
        jumps[4] = third
    with pytest.raises(TypeError, match="takes programs, not 7"):
        jumps[0] = 7
    jumps.clear()
    assert not list(jumps)


@pytest.mark.parametrize("number", [0, 1, 3, 4, 5, 2**32, 2**32 + 1, 2**64 - 1])
def test_slots_that_are_not_there(session: pyebpf.Session, number: int) -> None:
    jumps[1] = third
    slot.value = number
    expected = (XDP.TX, 3) if number == 1 else (XDP.DROP, 99)
    assert run(session, "careful") == expected
    assert not session.faults


def ip_packet(protocol: int, port: int) -> bytes:
    head = bytes_of.pack("!BBHHHBBHII", 0x45, 0, 40, 0, 0, 64, protocol, 0, 1, 2)
    return bytes(12) + b"\x08\0" + head + bytes_of.pack("!HH", 1, port) + bytes(40)


def test_filled_by_the_module() -> None:
    with pyebpf.load(parse, attach=False) as session:
        assert set(session.programs) == {"parse", "parse_tcp", "parse_udp", "count_down"}
        assert parsers[6] is session.programs["parse_tcp"] and list(parsers) == [6, 17]
        assert run(session, "parse", ip_packet(6, 443)) == (XDP.TX, 0) and ports.value == 443
        slot.value = 5
        assert run(session, "parse", ip_packet(17, 53)) == (XDP.TX, 5) and ports.value == 53
        slot.value = 40  # the kernel follows 33 tail calls, and refuses the next
        result, count = run(session, "parse", ip_packet(17, 53))
        assert result == XDP.PASS and count == 32
        assert run(session, "parse", ip_packet(1, 0)) == (XDP.PASS, 0)
        assert sum(fault.count for fault in session.faults) == 2


def test_after_and_in_loops() -> None:
    """A loop that the kernel runs may come before; one with a call stays a loop. A program can be in two slots."""
    with pyebpf.load(long_way, attach=False) as session:
        assert set(session.programs) == {"long_way", "third"} and list(twice) == [0, 5]
        slot.value = 5
        assert run(session, "long_way") == (XDP.TX, 3_000_003)
        slot.value = 70
        assert run(session, "long_way") == (XDP.PASS, 300_000)
        slot.value = 200
        assert run(session, "long_way") == (XDP.DROP, 300_000)


def test_what_is_called_is_not_attached(wire: Wire) -> None:
    """Two XDP programs can't be on one interface: those that others go on with stay off it."""
    with pyebpf.load(parse, where={"parse": wire.inside}) as session:
        assert [link.program for link in session.links] == ["parse"]
