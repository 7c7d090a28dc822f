"""Programs at both ends of a cgroup: what leaves is measured and limited, what arrives is counted."""

from surroundings import datagrams, inside, own_cgroup, own_network

from pyebpf import Global, IPv4, Udp, cgroup, u64

SINCE = (5, 7)

out, into = Global[u64](0), Global[u64](0)


@cgroup.skb.egress
def leaving(packet):
    out.value += len(packet)
    return 0 if len(packet) > 200 else 1


@cgroup.skb.ingress
def arriving(packet):
    packet.parse(IPv4)
    udp = packet.parse(Udp)
    into.value += udp.len
    return 1


def where():
    own_network()
    folder = str(own_cgroup())
    return {"leaving": folder, "arriving": folder}


def check(session):
    with inside(own_cgroup()):
        found = datagrams(bytes(100), bytes(172), bytes(173))
    assert found == ["arrived", "arrived", "refused"], found
    assert session.variables["out"].value == 3 * 28 + 100 + 172 + 173
    assert session.variables["into"].value == 2 * 8 + 100 + 172
