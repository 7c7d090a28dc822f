"""A firewall by networks: the longest prefix decides what happens to a packet."""

from enum import IntEnum

from pyebpf import XDP, Ethernet, IPv4, IPv4Network, IPv6, IPv6Network, LpmTrie, u8, xdp


class Verdict(IntEnum):
    PASS = 0
    DROP = 1
    ANSWER = 2


v4 = LpmTrie[IPv4Network, u8](max_entries=256)
v6 = LpmTrie[IPv6Network, u8](max_entries=256)


@xdp
def filter(packet):
    match packet.parse(Ethernet).proto:
        case 0x0800:
            verdict = v4.get(packet.parse(IPv4).saddr, Verdict.PASS)
        case 0x86DD:
            verdict = v6.get(packet.parse(IPv6).saddr, Verdict.PASS)
        case _:
            return XDP.PASS
    match verdict:
        case Verdict.DROP:
            return XDP.DROP
        case Verdict.ANSWER:
            return XDP.TX
    return XDP.PASS
