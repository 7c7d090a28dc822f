"""Looks into VXLAN tunnels: counts the inner packets of each network by the inner destination."""

from pyebpf import ETH_P_IP, IPPROTO_UDP, XDP, Ethernet, Hash, IPv4, IPv4Address, Udp, be32, struct, u8, u32, u64, xdp

PORT = 4789
HAS_ID = 0x08


@struct
class Inner:
    network: u32
    dest: IPv4Address


inner = Hash[Inner, u64](max_entries=256)


@xdp
def look(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP or packet.parse(IPv4).protocol != IPPROTO_UDP:
        return XDP.PASS
    if packet.parse(Udp).dest != PORT:
        return XDP.PASS
    at = packet.offset
    if packet.load(at, u8) & HAS_ID == 0:
        return XDP.DROP
    network = packet.load(at + 4, be32) >> 8
    if packet.load(at + 8 + 12, be32) >> 16 != ETH_P_IP:
        return XDP.PASS
    dest = packet.load(at + 8 + 14 + 16, IPv4Address)
    inner[Inner(network=network, dest=dest)] += 1
    return XDP.PASS
