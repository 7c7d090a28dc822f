"""netkit: what each end of a pair sends is counted, dropped and marked, in an order; links are replaced."""

from run_network import Frame, Wire, add_netkit, set_up
from surroundings import own_network

import pyebpf
from pyebpf import TC, Ethernet, Global, Hash, netkit, u16, u32, u64

SINCE = (6, 7)
MACHINES = ("x86_64",)
LIBBPF = False  # 1.1 doesn't know the sections
ATTACH = False
sent, marks = Hash[u16, u64](max_entries=16), Hash[u32, u64](max_entries=16)
back = Global[u64](0)


@netkit.primary
def leaving(packet):
    eth = packet.parse(Ethernet)
    sent[eth.proto] += 1
    packet.mark = 7
    if eth.proto == 0x0806:
        return TC.SHOT


@netkit.primary
def follower(packet):
    marks[packet.mark] += 1
    return TC.OK


@netkit.peer
def returning(packet):
    back.value += len(packet)
    return TC.SHOT if packet.parse(Ethernet).proto == 0x0806 else TC.UNSPEC


@netkit.peer
def strict(packet):
    return TC.SHOT if packet.parse(Ethernet).proto != 0x88B5 else TC.UNSPEC


def check(session):
    own_network()
    add_netkit("first", "second")
    set_up("first")
    set_up("second")
    there, here = Wire("second", "first"), Wire("first", "second")
    query, who = Frame.udp("10.0.0.1"), Frame.arp("10.0.0.1")
    follower_link = session.attach("follower", "first")
    link = session.attach("leaving", "first", before=session.programs["follower"])
    assert there.arrives(query, who, once=True) == [True, False]
    maps = session.maps
    assert maps["sent"].to_dict() == {0x0800: 1, 0x0806: 1, 0x88B5: 1} and maps["marks"].to_dict() == {7: 2}
    assert here.arrives(who) == [True]
    other = session.attach("returning", "first")
    assert here.arrives(query, who, once=True) == [True, False] and session.variables["back"].value > 0
    other.update(session.programs["strict"])
    assert here.arrives(query, who, once=True) == [False, False]
    assert other.info.kind == link.info.kind == "interface"
    for each in (link, other, follower_link):
        each.detach()
    assert there.arrives(who) == here.arrives(query) == [True] and not session.faults
    for name, message in (("lo", "no netkit interface"), ("second", "that is the peer")):
        try:
            session.attach("leaving", name)
        except pyebpf.LoadError as error:
            assert message in str(error), error
        else:
            raise AssertionError(name)
