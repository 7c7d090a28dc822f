"""Balances UDP over back ends: a hash of the flow picks a slot of a table, the packet goes out with new addresses."""

from pyebpf import (
    ETH_P_IP,
    IPPROTO_UDP,
    XDP,
    Array,
    Ethernet,
    Hash,
    IPv4,
    IPv4Address,
    MacAddress,
    Udp,
    be16,
    function,
    struct,
    u16,
    u32,
    u64,
    xdp,
)

SLOTS = 251
GOLDEN = 0x9E3779B9


@struct
class Service:
    address: IPv4Address
    port: u16


@struct
class Backend:
    address: IPv4Address
    mac: MacAddress
    packets: u64


services = Hash[Service, u32](max_entries=64)
slots = Array[u32](max_entries=SLOTS)
backends = Array[Backend](max_entries=16)


@function
def rotate(x, count):
    return u32(x << count) | u32(x) >> (32 - count)


@function
def mix(a, b, c):
    a = u32(a) ^ u32(c)
    a = u32(a - rotate(c, 14))
    b = u32(b) ^ a
    b = u32(b - rotate(a, 11))
    c = u32(c) ^ b
    c = u32(c - rotate(b, 25))
    return u32(a * GOLDEN + b * 31 + c)


@function
def folded(total):
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return u16(total)


@function
def header_sum(packet, start):
    total = 0
    for i in range(10):
        total += packet.load(start + 2 * i, be16)
    return total


@xdp
def balance(packet):
    eth = packet.parse(Ethernet)
    if eth.proto != ETH_P_IP:
        return XDP.PASS
    start = packet.offset
    ip = packet.parse(IPv4)
    if ip.protocol != IPPROTO_UDP or ip.ihl != 5:
        return XDP.PASS
    udp = packet.parse(Udp)
    if Service(address=ip.daddr, port=udp.dest) not in services:
        return XDP.PASS
    flow = mix(u32(ip.saddr), u32(udp.source) << 16 | u32(udp.dest), u32(ip.daddr))
    chosen = backends[slots[flow % SLOTS]]
    chosen.packets += 1
    eth.source = eth.dest
    eth.dest = chosen.mac
    ip.daddr = chosen.address
    ip.check = 0
    ip.check = 0xFFFF - folded(header_sum(packet, start))
    udp.check = 0  # none, which UDP over IPv4 allows
    return XDP.TX
