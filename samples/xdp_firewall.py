"""A firewall: drops packets from blocked sources, and counts the rest by source.

You will see, at the end: packets dropped and passed by source address, and packets that aren't IPv4.
A packet too short for its headers passes, and is counted as a fault. Needs root (CAP_BPF, CAP_NET_ADMIN), Linux 5.9.

    pyebpf run samples/xdp_firewall.py --attach firewall=eth0
"""

from pyebpf import ETH_P_IP, XDP, Ethernet, Global, Hash, IPv4, IPv4Address, LruHash, struct, u64, xdp


@struct
class Rule:
    dropped: u64


blocked = Hash[IPv4Address, Rule](max_entries=1_024)  # put in the sources to block
passed = LruHash[IPv4Address, u64](max_entries=16_384)
others = Global[u64](0)


@xdp
def firewall(packet):
    eth = packet.parse(Ethernet)
    if eth.proto != ETH_P_IP:  # big-endian fields compare as plain numbers
        others.value += 1
        return XDP.PASS
    ip = packet.parse(IPv4)
    if (rule := blocked.get(ip.saddr)) is not None:
        rule.dropped += 1
        return XDP.DROP
    passed[ip.saddr] += 1
    return XDP.PASS
