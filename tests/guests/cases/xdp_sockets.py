"""AF_XDP sockets, in copy mode: what a program sends to one by its map."""

from af_xdp import receiver
from run_network import Frame, Wire
from surroundings import own_wire

from pyebpf import XDP, Ethernet, XskMap, xdp
from pyebpf.helpers import redirect_map

SINCE = (5, 9)
MODULES = ("veth",)

rings = XskMap(max_entries=4)


@xdp
def to_a_socket(packet):
    eth = packet.parse(Ethernet)
    return redirect_map(rings, packet.rx_queue_index, XDP.PASS) if eth.proto == 0x0800 else XDP.PASS


def where():
    return {"to_a_socket": own_wire().inside}


def check(session):
    wire, query = Wire("inside", "outside"), Frame.udp("10.0.0.1")
    with receiver(wire.inside) as (opened, there):
        session.maps["rings"][0] = opened
        assert wire.arrives(query, Frame.arp("10.0.0.1")) == [False, True]
        assert [packet[: len(query)] for packet in there.packets(1)] == [query]
    assert not session.faults
