"""A packet on its way into a device: its length, its device and queue, its socket, and bit fields of its state."""

import os
import socket

from pyebpf import Array, Global, cast, char, pid, raw_tracepoint, struct, u8, u16, u32

SINCE = (5, 10)
PORTABLE = True
SIZE = 1077


@struct
class Packet:
    length: u32
    protocol: u16
    network: u16
    mark: u32
    kind: u8
    device: char[16]
    index: u32
    mtu: u32
    type: u16
    priority: u32


watched = Global[u32](0)
found = Array[Packet](max_entries=1)


@raw_tracepoint("net_dev_queue")
def read_packet(ctx):
    skb = cast(ctx.args[0], "struct sk_buff")
    if pid() != watched.value or skb.len < 1077:
        return
    out = found[0]
    out.length = skb.len
    out.protocol = skb.protocol
    out.network = skb.network_header
    out.mark = skb.mark
    out.kind = skb.pkt_type
    out.device = skb.dev.name
    out.index = u32(skb.dev.ifindex)
    out.mtu = skb.dev.mtu
    out.type = skb.dev.type
    out.priority = skb.priority


def check(session):
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        one.bind(("127.0.0.1", 0))
        other.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, 0xBEEF)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 5)
        session.variables["watched"].value = os.getpid()
        other.sendto(bytes(SIZE), one.getsockname())
        session.variables["watched"].value = 0
    out = session.maps["found"][0]
    assert out.length == SIZE + 8 + 20 + 14  # UDP, IPv4, Ethernet
    assert out.protocol == 0x0800
    assert (out.mark, out.priority) == (0xBEEF, 5)
    assert out.kind == 0  # PACKET_HOST, until it is received
    assert (out.device, out.index, out.type) == ("lo", socket.if_nametoindex("lo"), 772)
    with open("/sys/class/net/lo/mtu") as file:
        assert out.mtu == int(file.read())
