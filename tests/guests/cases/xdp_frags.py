"""XDP on packets in several pieces: all of one is read and counted, though its end isn't in the first piece."""

import fcntl
import socket
import struct

from run_network import Frame, Wire
from surroundings import own_wire

from pyebpf import XDP, Ethernet, Hash, be32, u32, u64, xdp

SINCE = (5, 18)
MODULES = ("veth",)
SIOCSIFMTU = 0x8922

sizes, lasts = Hash[u64, u64](max_entries=16), Hash[u32, u64](max_entries=16)


@xdp.frags
def whole(packet):
    if packet.parse(Ethernet).proto == 0x88B6:
        sizes[len(packet)] += 1
        lasts[packet.load(len(packet) - 4, be32)] += 1


def where():
    wire = own_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for name in (wire.inside, wire.outside):
            fcntl.ioctl(any_socket, SIOCSIFMTU, struct.pack("16si12x", name.encode(), 9000))
    return {"whole": f"{wire.inside}:native"}


def check(session):
    large = Frame.ethernet(0x88B6, bytes(8000))
    assert Wire("inside", "outside").arrives(large, Frame.ethernet(0x88B6)) == [True, True]
    assert session.maps["sizes"].to_dict() == {len(large) + 4: 1, 18: 1}
    assert session.maps["lasts"].to_dict() == {0xC0DE0000: 1, 0xC0DE0001: 1}
    assert session.programs["whole"].test_run(large).result == XDP.PASS and not session.faults
