"""Packets of an interface both ways, by filters of clsact on all kernels."""

from run_network import Frame, Wire
from surroundings import own_wire

from pyebpf import TC, Ethernet, Hash, tc, u16, u64
from pyebpf.loader.attach.tc import attach_filter

SINCE = (4, 5)
MACHINES = ("x86_64",)  # the others' kernels have clsact and cls_bpf as modules
MODULES = ("veth", "sch_ingress", "cls_bpf")
ATTACH = False
sent, came = Hash[u16, u64](max_entries=16), Hash[u16, u64](max_entries=16)


@tc.egress
def leaving(packet):
    proto = packet.parse(Ethernet).proto
    sent[proto] += 1
    return TC.SHOT if proto == 0x0806 else TC.OK


@tc.ingress
def coming(packet):
    came[packet.parse(Ethernet).proto] += 1


def check(session):
    wire: Wire = own_wire()
    links = [
        attach_filter(session.programs[name].loaded, place)
        for name, place in (("leaving", wire.outside), ("coming", wire.inside))
    ]
    assert wire.arrives(Frame.udp("10.0.0.1"), Frame.arp("10.0.0.1"), once=True) == [True, False]
    assert session.maps["sent"].to_dict() == {0x0800: 1, 0x0806: 1, 0x88B5: 1}
    assert session.maps["came"].to_dict() == {0x0800: 1, 0x88B5: 1}
    for link in links:
        link.detach()
    assert wire.arrives(Frame.arp("10.0.0.1")) == [True]
