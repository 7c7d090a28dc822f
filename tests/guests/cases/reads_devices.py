"""A network device: name, number, flags, and the number of its namespace."""

import os
import socket

from pyebpf import Array, Global, cast, char, raw_tracepoint, struct, tid, u32

SINCE = (5, 10)
PORTABLE = True


@struct
class Device:
    index: u32
    mtu: u32
    flags: u32
    network: u32
    name: char[16]


watched = Global[u32](0)
found = Array[Device](max_entries=1)


@raw_tracepoint("net_dev_xmit")
def read_device(ctx):
    if tid() != watched.value:
        return
    device, out = cast(ctx.args[2], "struct net_device"), found[0]
    out.index = u32(device.ifindex)
    out.mtu = device.mtu
    out.flags = device.flags
    out.network = device.nd_net.net.ns.inum
    out.name = device.name


def check(session):
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        session.variables["watched"].value = os.getpid()
        one.sendto(b"hello", ("127.0.0.1", 9))
        session.variables["watched"].value = 0
    out = session.maps["found"][0]
    assert (out.name, out.index) == ("lo", socket.if_nametoindex("lo"))
    assert out.network == os.stat("/proc/self/ns/net").st_ino
    assert out.flags & 0x9 == 0x9  # IFF_UP, IFF_LOOPBACK
    with open("/sys/class/net/lo/mtu") as file:
        assert out.mtu == int(file.read())
