"""Finds the name of the server in a TLS ClientHello, through records and extensions of variable length."""

from pyebpf import ETH_P_IP, IPPROTO_TCP, XDP, Ethernet, Hash, IPv4, Tcp, be16, struct, u8, u64, xdp

LONGEST = 48
MOST_EXTENSIONS = 24


@struct
class Name:
    letters: u8[48]


names = Hash[Name, u64](max_entries=256)


@xdp
def hello(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP or packet.parse(IPv4).protocol != IPPROTO_TCP:
        return XDP.PASS
    packet.parse(Tcp)
    at = packet.offset
    if packet.load(at, u8) != 22 or packet.load(at + 5, u8) != 1:
        return XDP.PASS
    at += 5 + 4 + 2 + 32
    at += 1 + packet.load(at, u8)
    at += 2 + packet.load(at, be16)
    at += 1 + packet.load(at, u8)
    at += 2
    for _ in range(MOST_EXTENSIONS):
        kind, size = packet.load(at, be16), packet.load(at + 2, be16)
        if kind == 0:
            break
        at += 4 + size
    else:
        return XDP.PASS
    length = packet.load(at + 7, be16)
    name = Name()
    for i in range(min(length, LONGEST)):
        name.letters[i] = packet.load(at + 9 + i, u8)
    names[name] += 1
    return XDP.PASS
