from pyebpf import XDP, Ethernet, IPv4, xdp


@xdp
def drop(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    return XDP.DROP if ip.saddr == "10.0.0.1" else XDP.PASS  # error
