"""Follows the fragments of IPv4 datagrams: which are whole, which are still missing pieces."""

from pyebpf import ETH_P_IP, XDP, Ethernet, Global, IPv4, IPv4Address, LruHash, struct, u8, u16, u32, u64, xdp

MORE = 0x2000


@struct
class Datagram:
    source: IPv4Address
    dest: IPv4Address
    id: u16
    protocol: u8


@struct
class Pieces:
    bytes: u32
    length: u32  # known from the last fragment on
    count: u32


open_ones = LruHash[Datagram, Pieces](max_entries=256)
whole = Global[u64](0)


@xdp
def follow(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    offset = (ip.frag_off & 0x1FFF) * 8
    more = ip.frag_off & MORE != 0
    if offset == 0 and not more:
        return XDP.PASS
    size = max(ip.tot_len - ip.ihl * 4, 0)
    key = Datagram(source=ip.saddr, dest=ip.daddr, id=ip.id, protocol=ip.protocol)
    pieces = open_ones.get(key)
    if pieces is None:
        open_ones[key] = Pieces(bytes=size, count=1, length=0 if more else offset + size)
        return XDP.PASS
    pieces.count = u32(pieces.count + 1)
    pieces.bytes = u32(pieces.bytes + size)
    if not more:
        pieces.length = offset + size
    if pieces.length != 0 and pieces.bytes >= pieces.length:
        whole.value += 1
        del open_ones[key]
    return XDP.PASS
