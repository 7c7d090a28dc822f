from pyebpf import XDP, Ethernet, IPv4, xdp
from pyebpf.helpers import xdp_adjust_head, xdp_adjust_tail


@xdp
def once(packet):
    ethernet = packet.parse(Ethernet)
    if xdp_adjust_head(packet, -4) < 0:
        return XDP.DROP
    if ethernet.proto == 0x0800:  # error
        return XDP.PASS
    ethernet = packet.parse(Ethernet)
    ethernet.proto = 0x0800
    return XDP.TX


@xdp
def rounds(packet):
    ethernet = packet.parse(Ethernet)
    for _ in range(4):
        ip = packet.parse(IPv4)
        if ethernet.proto == ip.ttl:  # error
            xdp_adjust_tail(packet, 4)
            continue
        ip.ttl = 3
    return XDP.PASS
