"""Reads the name that a DNS query asks for, label by label, and counts queries by name."""

from pyebpf import ETH_P_IP, IPPROTO_UDP, XDP, Ethernet, Hash, IPv4, Udp, be16, struct, u8, u16, u64, xdp

LONGEST = 64
DOT = 46


@struct
class Query:
    name: u8[64]
    kind: u16


queries = Hash[Query, u64](max_entries=256)


@xdp
def dns(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP or packet.parse(IPv4).protocol != IPPROTO_UDP:
        return XDP.PASS
    if packet.parse(Udp).dest != 53:
        return XDP.PASS
    at = packet.offset + 12
    query = Query()
    length = 0
    left = packet.load(at, u8)  # of the present label
    for _ in range(LONGEST):
        at += 1
        if left == 0:
            break
        letter = packet.load(at, u8)
        if length == LONGEST:
            return XDP.DROP
        query.name[length] = letter
        length += 1
        left -= 1
        if left == 0:
            at += 1
            left = packet.load(at, u8)
            if left != 0 and length < LONGEST:
                query.name[length] = DOT
                length += 1
    query.kind = packet.load(at, be16)
    queries[query] += 1
    return XDP.PASS
