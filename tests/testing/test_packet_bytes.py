"""Bytes of packets at any offset, of any number: in the simulator as in the kernel, and short packets as faults."""

from __future__ import annotations

from typing import Any

import both_ways
import pytest

from pyebpf.testing import Simulator

PACKET = bytes([0x45]) + bytes(range(1, 100))
HEAD = """
from pyebpf import *

@struct
class Two:
    a: be16
    b: u8

at, n = Global[i64](0), Global[u64](4)
data, two, words = Global[u8[300]](), Global[Two](), Global[u32[4]]()
"""
READS = """
    data.value[0] = 255
    packet.read(at.value, data.value[:n.value])
    packet.read(at.value, two.value)
    packet.read(at.value + 1, words.value[1:3])
    two.value.b += packet.load(at.value, u8)
"""


simulate, load = both_ways.simulate, both_ways.load


@pytest.mark.parametrize("hook", ["xdp", "cgroup.skb.ingress", "socket_filter"])
def test_reading(load: Any, simulate: Simulator, hook: str) -> None:
    probes = load(f"\n@{hook}\ndef probe(packet):{READS}    return 1\n".replace("b += ", "b = two.value.b ^ "))
    places = [(0, 0), (0, 100), (7, 1), (20, 80), (20, 81), (97, 3), (97, 4), (92, 4), (91, 9), (-1, 1), (1 << 40, 1)]
    for at, count in places:
        probes.at.value, probes.n.value, probes.data.value = at, count, (0,) * 300
        probes.words.value = (0, 0, 0, 0)
        result = simulate(probes.probe, packet=PACKET)
        whole = PACKET
        fits = at >= 0 and max(at + count, at + 9, at + 4) <= len(whole)
        assert (result.fault is None) == fits, (at, count, result.fault)
        if fits:
            size = min(count, 300)
            first = list(whole[at : at + size]) or [255]
            assert list(probes.data.value) == first + [0] * (300 - len(first))
            assert list(probes.words.value)[1:3] == [
                int.from_bytes(whole[at + 1 : at + 5], "little"),
                int.from_bytes(whole[at + 5 : at + 9], "little"),
            ]
            assert probes.two.value.a == int.from_bytes(whole[at : at + 2], "big")
            assert probes.two.value.b == whole[at + 2] ^ whole[at]
        else:
            assert result.fault.kind == "PacketTooShort"
        if at >= 0 and at + count > len(whole) and at < 0xFFFF:
            assert list(probes.data.value) == [255] + [0] * 299, "a read that fails changes nothing"


def test_writing(load: Any, simulate: Simulator) -> None:
    """Any number of bytes, a few, values of a type; what doesn't fit is a fault, and the packet stays as it was."""
    probes = load("""
@xdp
def probe(packet):
    packet.write(at.value, data.value[:n.value])
    packet.store(at.value, be16, 0x1234)
    packet.store(at.value + 2, Two, two.value)
    packet.write(at.value + 8, words.value[:2])
    return XDP.DROP
""")
    probes.data.value = tuple(200 - number % 200 for number in range(300))
    probes.two.value, probes.words.value = {"a": 0x5678, "b": 9}, (1, 2, 3, 4)
    for at, count in ((0, 4), (10, 50), (84, 16), (84, 17), (85, 0), (3, 97), (0, 0)):
        probes.at.value, probes.n.value = at, count
        expected = bytearray(PACKET)
        result = simulate(probes.probe, packet=PACKET)
        if at + count <= 100:
            expected[at : at + count] = bytes(probes.data.value)[:count]
            expected[at : at + 6] = b"\x12\x34\x56\x78\x09\0"
            if at + 16 <= 100:
                expected[at + 8 : at + 16] = b"\1\0\0\0\2\0\0\0"
        assert (result.fault is None) == (at + max(count, 16) <= 100)
        assert result.packet == expected


def test_a_long_copy(load: Any, simulate: Simulator) -> None:
    """More bytes than are copied one by one."""
    probes = load("""
@xdp
def probe(packet):
    packet.read(2, data.value)
    data.value[0] += 1
    packet.write(1, data.value)
    return XDP.DROP
""")
    packet = bytes(number % 100 for number in range(400))
    moved = bytes([packet[2] + 1]) + packet[3:302]
    assert simulate(probes.probe, packet=packet).packet == packet[:1] + moved + packet[301:]
    assert simulate(probes.probe, packet=packet[:301]).fault.kind == "PacketTooShort"
