"""A parser in pieces: each protocol is a program of its own, which goes on as the next one by a table."""

from pyebpf import IPPROTO_TCP, IPPROTO_UDP, XDP, Ethernet, Global, IPv4, ProgArray, Tcp, Udp, u64, xdp

tcp_ports = Global[u64]()
udp_ports = Global[u64]()
unknown = Global[u64]()


@xdp
def start(packet):
    packet.parse(Ethernet)
    protocol = packet.parse(IPv4).protocol
    try:
        return parsers[protocol](packet)
    except KeyError:
        unknown.value += 1
        return XDP.DROP


@xdp
def parse_tcp(packet):
    packet.parse(Ethernet)
    packet.parse(IPv4)
    tcp_ports.value += packet.parse(Tcp).dest
    return XDP.TX


@xdp
def parse_udp(packet):
    packet.parse(Ethernet)
    packet.parse(IPv4)
    udp_ports.value += packet.parse(Udp).dest
    return XDP.PASS


parsers = ProgArray({IPPROTO_TCP: parse_tcp, IPPROTO_UDP: parse_udp}, max_entries=256)
