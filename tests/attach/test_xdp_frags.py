"""XDP on packets that don't fit into one buffer: a veth pair with an MTU of 9000, by the driver and generically."""

from __future__ import annotations

import fcntl
import socket
import struct

import pytest
from run_network import Frame, Wire

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
SIOCSIFMTU = 0x8922
PROGRAM = """
from pyebpf import *
from pyebpf import Ethernet
sizes, lasts = Hash[u64, u64](max_entries=16), Hash[u32, u64](max_entries=16)
words, missing = Hash[u16, u64](max_entries=16), Global[u64](0)
copied = Global[u8[64]]()

@struct
class Pair:
    one: be16
    other: be16

@xdp.frags
def whole(packet):
    eth = packet.parse(Ethernet)
    if eth.proto != 0x88B6:
        return XDP.PASS
    size = len(packet)
    sizes[size] += 1
    lasts[packet.load(size - 4, be32)] += 1
    if size > 5000:
        pair = packet.load(4200, Pair)
        words[pair.one] += pair.other
        packet.read(size - 68, copied.value)
        packet.store(4100, be16, 0x1234)
        words[packet.load(4100, be16)] += 1
    try:
        packet.load(size - 1, u16)
    except PacketTooShort:
        missing.value += 1
    return XDP.DROP if packet.load(14, u8) == 0xFF else XDP.PASS

@xdp
def plain(packet):
    sizes[len(packet)] += 1
    return XDP.PASS
"""
LARGE = bytes(number * 7 % 251 for number in range(8000))


@pytest.fixture
def large(wire: Wire) -> Wire:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name in (wire.inside, wire.outside):
            fcntl.ioctl(any_socket, SIOCSIFMTU, struct.pack("16si12x", name.encode(), 9000))
    return wire


@pytest.mark.parametrize("mode", ["", ":native", ":generic"])
def test_all_of_a_large_packet_is_read(session: pyebpf.Session, large: Wire, mode: str) -> None:
    link = session.attach("whole", large.inside + mode)
    frame = Frame.ethernet(0x88B6, LARGE)
    assert large.arrives(frame, Frame.ethernet(0x88B6, b"\xff" + LARGE), Frame.ethernet(0x88B6)) == [True, False, True]
    size, maps = len(frame) + 4, session.maps
    assert maps["sizes"].to_dict() == {size: 1, size + 1: 1, 18: 1}
    assert maps["lasts"].to_dict() == {0xC0DE0000: 1, 0xC0DE0001: 1, 0xC0DE0002: 1}
    at = 4200 - 14
    one, other = struct.unpack("!HH", LARGE[at : at + 4])
    first, second = struct.unpack("!HH", LARGE[at - 1 : at + 3])
    assert maps["words"].to_dict() == {one: other, first: second, 0x1234: 2}
    assert bytes(session.variables["copied"].value) == LARGE[-64:]
    assert session.variables["missing"].value == 3 and not session.faults
    link.detach()
    assert large.arrives(Frame.ethernet(0x88B6, b"\xff" + LARGE)) == [True]


def test_other_programs_are_refused_by_the_driver(session: pyebpf.Session, large: Wire) -> None:
    with pytest.raises(pyebpf.LoadError):
        session.attach("plain", f"{large.inside}:native")
    link = session.attach("plain", large.inside)
    assert "generic mode" in link.where
    assert large.arrives(Frame.ethernet(0x88B6, LARGE)) == [True]
    assert session.maps["sizes"].to_dict()[14 + len(LARGE) + 4] == 1


def test_run_on_a_large_packet(session: pyebpf.Session) -> None:
    frame = Frame.ethernet(0x88B6, LARGE)
    run = session.programs["whole"].test_run(frame)
    assert run.result == pyebpf.XDP.PASS and run.data[4100:4102] == b"\x12\x34" and len(run.data) == len(frame)
