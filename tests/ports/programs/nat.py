"""Translates source addresses on the way out and destinations on the way back, and mends both checksums."""

from pyebpf import (
    ETH_P_IP,
    IPPROTO_TCP,
    XDP,
    Ethernet,
    Hash,
    IPv4,
    IPv4Address,
    Tcp,
    function,
    struct,
    u16,
    u32,
    xdp,
)

PUBLIC = IPv4Address("192.0.2.1")


@struct
class Inside:
    address: IPv4Address
    port: u16


outward = Hash[Inside, u16](max_entries=1024)
inward = Hash[u16, Inside](max_entries=1024)


@function
def replaced(check, old, new):
    """RFC 1624: the checksum after `old` gave way to `new`, each of 32 bits."""
    total = (check ^ 0xFFFF) + (old >> 16 ^ 0xFFFF) + (old & 0xFFFF ^ 0xFFFF) + (new >> 16) + (new & 0xFFFF)
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return u16(total ^ 0xFFFF)


@xdp
def translate(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol != IPPROTO_TCP:
        return XDP.PASS
    tcp = packet.parse(Tcp)
    if ip.daddr == PUBLIC:
        target = inward.get(tcp.dest)
        if target is None:
            return XDP.DROP
        before, after = u32(ip.daddr), u32(target.address)
        ports = tcp.dest, target.port
        ip.daddr = target.address
        tcp.dest = target.port
    else:
        public = outward.get(Inside(address=ip.saddr, port=tcp.source))
        if public is None:
            return XDP.PASS
        before, after = u32(ip.saddr), u32(PUBLIC)
        ports = tcp.source, public
        ip.saddr = PUBLIC
        tcp.source = public
    ip.check = replaced(ip.check, before, after)
    tcp.check = replaced(replaced(tcp.check, before, after), ports[0], ports[1])
    return XDP.TX
