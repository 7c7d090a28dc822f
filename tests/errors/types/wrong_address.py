from pyebpf import XDP, Ethernet, IPv4, IPv4Address, xdp


@xdp
def drop(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    return XDP.DROP if ip.saddr == IPv4Address("10.0.0.256") else XDP.PASS  # error
