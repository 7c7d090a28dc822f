"""XDP on a veth: packets are parsed, counted and dropped."""

from run_network import Frame, Wire
from surroundings import own_wire

from pyebpf import XDP, Ethernet, Hash, u16, u64, xdp

SINCE = (5, 9)

seen = Hash[u16, u64](max_entries=16)


@xdp
def guard(packet):
    eth = packet.parse(Ethernet)
    seen[eth.proto] += 1
    return XDP.DROP if eth.proto == 0x0806 else XDP.PASS


def where():
    return {"guard": own_wire().inside}


def check(session):
    arrived = Wire("inside", "outside").arrives(Frame.arp("10.0.0.1"), Frame.udp("10.0.0.1"))
    assert arrived == [False, True], arrived
    assert session.maps["seen"][0x0806] == session.maps["seen"][0x0800] == 1
