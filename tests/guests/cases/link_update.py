"""A link is put to another program, with no moment in which neither runs."""

from run_network import Frame, Wire
from surroundings import own_wire

from pyebpf import XDP, Ethernet, Hash, u16, u64, xdp

SINCE = (5, 9)
ATTACH = False
MODULES = ("veth",)

first, second = Hash[u16, u64](max_entries=16), Hash[u16, u64](max_entries=16)


@xdp
def before(packet):
    first[packet.parse(Ethernet).proto] += 1
    return XDP.PASS


@xdp
def after(packet):
    proto = packet.parse(Ethernet).proto
    second[proto] += 1
    return XDP.DROP if proto == 0x0806 else XDP.PASS


def check(session):
    wire: Wire = own_wire()
    link = session.attach("before", wire.inside)
    assert wire.arrives(Frame.arp("10.0.0.1")) == [True]
    link.update(session.programs["after"])
    assert wire.arrives(Frame.arp("10.0.0.1")) == [False]
    assert session.maps["first"][0x0806] == session.maps["second"][0x0806] == 1
    link.detach()
    assert wire.arrives(Frame.arp("10.0.0.1")) == [True]
