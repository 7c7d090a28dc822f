"""A struct that only a module has: members of it by name, where the kernel that loads the program has them."""

import socket

from surroundings import own_wire

from pyebpf import Array, Config, cast, fentry, sizeof, u32, u64

SINCE = (5, 11)
MODULES = ("veth",)
LATER = {"aarch64": (6, 4)}
JIT = True
ALIGN = 32

inside = Config[u32](0)
seen = Array[u64](max_entries=3)


@fentry("veth_xmit")
def sends(dev):
    if dev.ifindex == inside.value:
        behind = u64(dev) + (sizeof("struct net_device") + ALIGN - 1) // ALIGN * ALIGN
        own = cast(behind, "struct veth_priv")
        seen[0] += 1
        seen[1] = u64(own.peer.ifindex)
        seen[2] = hasattr(own, "requested_headroom") and not hasattr(own, "no_such_member")


def check(session):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("inside", 0))
        sender.send(bytes(100))
    times, peer, members = session.maps["seen"]
    assert times >= 1 and peer == socket.if_nametoindex("outside") and members == 1


def config():
    own_wire()
    return {"inside": socket.if_nametoindex("inside")}
