"""Answers pings in the driver: the request goes back with its addresses swapped and its checksum mended."""

from pyebpf import ETH_P_IP, IPPROTO_ICMP, XDP, Ethernet, Global, Icmp, IPv4, u16, u64, xdp

ECHO_REQUEST, ECHO_REPLY = 8, 0

answered = Global[u64](0)


@xdp
def echo(packet):
    eth = packet.parse(Ethernet)
    if eth.proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol != IPPROTO_ICMP:
        return XDP.PASS
    icmp = packet.parse(Icmp)
    if icmp.type != ECHO_REQUEST:
        return XDP.PASS
    eth.source, eth.dest = eth.dest, eth.source
    ip.saddr, ip.daddr = ip.daddr, ip.saddr
    icmp.type = ECHO_REPLY
    total = icmp.checksum + (ECHO_REQUEST << 8)
    icmp.checksum = u16(total + (total >> 16))
    answered.value += 1
    return XDP.TX
