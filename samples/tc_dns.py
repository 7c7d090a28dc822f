"""DNS queries that leave an interface, by server; those to blocked servers are dropped.

You will see, at the end: queries by the server's address, and how many of them were dropped. Needs root (CAP_BPF,
CAP_PERFMON, CAP_NET_ADMIN); any kernel from 5.10 on, by a link from 6.6 on.

    pyebpf run samples/tc_dns.py --attach queries=eth0
"""

from pyebpf import ETH_P_IP, IPPROTO_UDP, TC, Ethernet, Global, Hash, IPv4, IPv4Address, LruHash, Udp, tc, u8, u64

blocked = Hash[IPv4Address, u8](max_entries=1_024)  # put in the servers to block
queries_to = LruHash[IPv4Address, u64](max_entries=4_096)
dropped = Global[u64](0)


@tc.egress
def queries(packet):
    packet.parse(Ethernet)
    if packet.protocol != ETH_P_IP:
        return TC.UNSPEC  # as if this program weren't there: the next one is asked
    ip = packet.parse(IPv4)
    if ip.protocol != IPPROTO_UDP or packet.parse(Udp).dest != 53:
        return TC.UNSPEC
    queries_to[ip.daddr] += 1
    if ip.daddr in blocked:
        dropped.value += 1
        return TC.SHOT
    return TC.UNSPEC
