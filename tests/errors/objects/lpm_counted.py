from pyebpf import XDP, Ethernet, IPv4, IPv4Network, LpmTrie, u64, xdp

networks = LpmTrie[IPv4Network, u64](max_entries=16)


@xdp
def probe(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    networks[ip.saddr] += 1  # error
    return XDP.PASS
