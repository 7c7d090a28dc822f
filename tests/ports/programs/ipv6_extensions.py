"""Walks IPv6 extension headers to the transport header, and counts what it met on the way."""

from pyebpf import (
    ETH_P_IPV6,
    IPPROTO_DSTOPTS,
    IPPROTO_FRAGMENT,
    IPPROTO_HOPOPTS,
    IPPROTO_ROUTING,
    XDP,
    Array,
    Ethernet,
    Global,
    IPv6,
    u8,
    u32,
    u64,
    xdp,
)

MOST = 6

seen = Array[u64](max_entries=256)
transport = Global[u32](0)
offset = Global[u32](0)


@xdp
def walk(packet):
    if packet.parse(Ethernet).proto != ETH_P_IPV6:
        return XDP.PASS
    following = packet.parse(IPv6).nexthdr
    at = packet.offset
    for _ in range(MOST):
        if following not in (IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT):
            break
        seen[following] += 1
        size = 8
        if following != IPPROTO_FRAGMENT:
            size = (packet.load(at + 1, u8) + 1) * 8
        following = packet.load(at, u8)
        at += size
    else:
        return XDP.DROP  # more of them than anyone needs
    transport.value = following
    offset.value = at
    return XDP.PASS
