"""Bytes anywhere in a packet: read in place, or copied out where the kernel can (5.18)."""

from surroundings import test_run

from pyebpf import XDP, Global, u32, u64, xdp

SINCE = (5, 9)
ATTACH = False

found = Global[u64](0)


@xdp
def read(packet):
    found.value = packet.load(len(packet) - 4, u32)
    return XDP.DROP


def check(session):
    data = bytes(60) + (0x12345678).to_bytes(4, __import__("sys").byteorder)
    assert test_run(session, "read", data) == XDP.DROP
    assert session.variables["found"].value == 0x12345678
