from pyebpf import XDP, Ethernet, IPv4, xdp


@xdp
def drop(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    return XDP.DROP if ip.proto == 6 else XDP.PASS  # error
