"""Packets of an interface both ways: counted, dropped, changed. By filters of clsact before 6.6, then by links."""

from run_network import Frame, Wire
from surroundings import own_wire

from pyebpf import TC, Ethernet, Global, Hash, IPv4, Udp, be16, tc, u16, u32, u64

SINCE = (4, 5)
MACHINES = ("x86_64", "s390x")  # arm64's kernel has cls_bpf as a module
MODULES = ("veth", "sch_ingress", "cls_bpf")
sent, came = Hash[u16, u64](max_entries=16), Hash[u16, u64](max_entries=16)
marks = Hash[u32, u64](max_entries=4)
ports = Hash[u16, u64](max_entries=16)
length = Global[u64](0)


@tc.egress
def leaving(packet):
    eth = packet.parse(Ethernet)
    sent[packet.protocol] += 1
    packet.mark = 9
    packet.cb[2] = u32(packet.mark + 1)
    packet.priority = packet.cb[2]
    if eth.proto == 0x0806:
        return TC.SHOT
    if packet.protocol == 0x0800:
        packet.store(14 + 20 + 2, be16, 5353)
        marks[u32(packet.mark + packet.priority)] += 1


@tc.ingress
def coming(packet):
    eth = packet.parse(Ethernet)
    came[eth.proto] += 1
    length.value += len(packet)
    if eth.proto == 0x0800:
        packet.parse(IPv4)
        ports[packet.parse(Udp).dest] += 1


def where():
    wire = own_wire()
    return {"leaving": wire.outside, "coming": wire.inside}


def check(session):
    query, wire = Frame.udp("10.0.0.1"), Wire("inside", "outside")
    assert wire.arrives(query, Frame.arp("10.0.0.1"), once=True) == [True, False]
    maps = session.maps
    # What isn't IPv4 in the test's last frame goes on, and isn't parsed.
    assert maps["sent"].to_dict() == {0x0800: 1, 0x0806: 1, 0x88B5: 1}
    assert maps["came"].to_dict() == {0x0800: 1, 0x88B5: 1}
    assert maps["marks"].to_dict() == {19: 1} and maps["ports"].to_dict() == {5353: 1}
    assert session.variables["length"].value == len(query) + 4 + 14 + 4
    assert not session.faults
    for link in session.links:
        link.detach()
    assert wire.arrives(Frame.arp("10.0.0.1")) == [True]
