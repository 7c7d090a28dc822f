"""Lets TCP connections out and their answers in; follows each from SYN to FIN or RST."""

from enum import IntEnum

from pyebpf import (
    ETH_P_IP,
    IPPROTO_TCP,
    XDP,
    Ethernet,
    IPv4,
    IPv4Address,
    LruHash,
    Tcp,
    struct,
    u16,
    u32,
    xdp,
)

OUR_NETWORK, OUR_MASK = 0x0A000000, 0xFF000000


class State(IntEnum):
    OPENING = 1
    OPEN = 2
    CLOSING = 3


@struct
class Connection:
    inside: IPv4Address
    outside: IPv4Address
    inside_port: u16
    outside_port: u16


connections = LruHash[Connection, State](max_entries=4096)


@xdp
def firewall(packet):
    if packet.parse(Ethernet).proto != ETH_P_IP:
        return XDP.PASS
    ip = packet.parse(IPv4)
    if ip.protocol != IPPROTO_TCP:
        return XDP.PASS
    tcp = packet.parse(Tcp)
    outgoing = u32(ip.saddr) & OUR_MASK == OUR_NETWORK
    if outgoing:
        key = Connection(inside=ip.saddr, outside=ip.daddr, inside_port=tcp.source, outside_port=tcp.dest)
    else:
        key = Connection(inside=ip.daddr, outside=ip.saddr, inside_port=tcp.dest, outside_port=tcp.source)
    state = connections.get(key)
    if tcp.rst:
        connections.pop(key, None)
        return XDP.PASS if state is not None else XDP.DROP
    match state:
        case None:
            if not outgoing or not tcp.syn or tcp.ack:
                return XDP.DROP
            connections[key] = State.OPENING
        case State.OPENING:
            if not outgoing and tcp.syn and tcp.ack:
                connections[key] = State.OPEN
            elif not outgoing:
                return XDP.DROP
        case State.OPEN:
            if tcp.fin:
                connections[key] = State.CLOSING
        case State.CLOSING:
            if tcp.fin:
                del connections[key]
    return XDP.PASS
