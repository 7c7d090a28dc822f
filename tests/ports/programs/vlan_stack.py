"""Counts packets by the ids of their VLAN tags, through stacks of up to four tags (802.1ad inside out)."""

from pyebpf import ETH_P_8021AD, ETH_P_8021Q, XDP, Array, Ethernet, Global, Vlan, u64, xdp

DEEPEST = 4

by_vlan = Array[u64](max_entries=4096)
by_depth = Array[u64](max_entries=DEEPEST + 1)
inner_protocol = Global[u64](0)


@xdp
def count(packet):
    proto = packet.parse(Ethernet).proto
    depth = 0
    for _ in range(DEEPEST):
        if proto != ETH_P_8021Q and proto != ETH_P_8021AD:
            break
        tag = packet.parse(Vlan)
        by_vlan[tag.tci & 0xFFF] += 1
        proto = tag.proto
        depth += 1
    by_depth[depth] += 1
    inner_protocol.value = proto
    return XDP.PASS
