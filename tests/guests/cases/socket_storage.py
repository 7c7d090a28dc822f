"""A value for each socket."""

import socket

from surroundings import inside, own_cgroup, own_network

from pyebpf import SkStorage, cgroup, struct, u64

SINCE = (5, 7)


@struct
class Use:
    packets: u64
    bytes: u64


use = SkStorage[Use]()


@cgroup.skb.egress
def leaving(packet):
    seen = use.setdefault(packet.socket, Use())
    seen.packets += 1
    seen.bytes += len(packet)
    return 1


def where():
    own_network()
    return {"leaving": str(own_cgroup())}


def check(session):
    kind = socket.SOCK_DGRAM
    with inside(own_cgroup()), socket.socket(type=kind) as one, socket.socket(type=kind) as two:
        for _ in range(3):
            one.sendto(bytes(100), ("127.0.0.1", 9))
        two.sendto(bytes(10), ("127.0.0.1", 9))
        found = [session.maps["use"][each] for each in (one, two)]
    assert [(each.packets, each.bytes) for each in found] == [(3, 384), (1, 38)]
