"""Reads the options of TCP SYN packets: maximum segment size, window scale, timestamps, SACK."""

from pyebpf import ETH_P_IP, IPPROTO_TCP, XDP, Ethernet, IPv4, RingBuf, Tcp, be16, be32, struct, u8, u16, u32, xdp

END, PADDING, MSS, WINDOW_SCALE, SACK_PERMITTED, TIMESTAMPS = 0, 1, 2, 3, 4, 8


@struct
class Options:
    mss: u16
    window_scale: u8
    sack: bool
    timestamp: u32


syns = RingBuf[Options](size=4096)


@xdp
def options(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP or packet.parse(IPv4).protocol != IPPROTO_TCP:
        return XDP.PASS
    start = packet.offset
    tcp = packet.parse(Tcp)
    if not tcp.syn:
        return XDP.PASS
    end = start + tcp.doff * 4
    at = start + 20
    with syns.reserve() as found:
        for _ in range(40):
            if at >= end:
                break
            kind = packet.load(at, u8)
            if kind == END:
                break
            if kind == PADDING:
                at += 1
                continue
            size = packet.load(at + 1, u8)
            if size < 2:
                return XDP.DROP
            if kind == MSS and size == 4:
                found.mss = packet.load(at + 2, be16)
            elif kind == WINDOW_SCALE and size == 3:
                found.window_scale = packet.load(at + 2, u8)
            elif kind == SACK_PERMITTED:
                found.sack = True
            elif kind == TIMESTAMPS and size == 10:
                found.timestamp = packet.load(at + 2, be32)
            at += size
    return XDP.PASS
