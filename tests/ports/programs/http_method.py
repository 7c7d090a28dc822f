"""Counts HTTP requests by method, and those for paths under /admin."""

from pyebpf import ETH_P_IP, IPPROTO_TCP, XDP, Ethernet, Global, Hash, IPv4, Tcp, char, u64, xdp

methods = Hash[char[8], u64](max_entries=64)
admin = Global[u64](0)


@xdp
def http(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP or packet.parse(IPv4).protocol != IPPROTO_TCP:
        return XDP.PASS
    packet.parse(Tcp)
    line = packet.load(packet.offset, char[24])
    end = line.find(" ")
    if end < 0 or end > 7:
        return XDP.PASS
    method = char[8](line[:end])
    if method not in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"):
        return XDP.PASS
    methods[method] += 1
    if line[end + 1 :].startswith("/admin"):
        admin.value += 1
    return XDP.PASS
