"""A socket filter that keeps every fourth DNS answer with an error, and nothing else."""

from pyebpf import ETH_P_IP, IPPROTO_UDP, Ethernet, Global, IPv4, Udp, be16, socket_filter, u64

answers = Global[u64](0)


@socket_filter
def sample(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP or packet.parse(IPv4).protocol != IPPROTO_UDP:
        return 0
    if packet.parse(Udp).source != 53:
        return 0
    flags = packet.load(packet.offset + 2, be16)
    if not flags & 0x8000 or flags & 0xF == 0:
        return 0
    answers.value += 1
    return len(packet) if answers.value % 4 == 1 else 0
