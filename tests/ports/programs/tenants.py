"""Counters of each tenant in a map of its own, in a map of maps by the tenant's network."""

from pyebpf import ETH_P_IP, XDP, Ethernet, Hash, HashOfMaps, IPv4, IPv4Address, u32, u64, xdp

tenants = HashOfMaps[u32, Hash[IPv4Address, u64](max_entries=256)](max_entries=64)


@xdp
def count(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    tenant = u32(ip.daddr) >> 8
    if tenant not in tenants:
        return XDP.DROP
    sources = tenants[tenant]
    sources[ip.saddr] += len(packet)
    return XDP.PASS
