"""Functions of a module: their arguments by name, before and after they run; named with their module, or without."""

import socket

from surroundings import own_wire

from pyebpf import Array, Config, fentry, fexit, kprobe, u32, u64

SINCE = (5, 11)
MODULES = ("veth",)
LATER = {"aarch64": (6, 4)}
JIT = True
LIBBPF = False  # older ones know no functions by their modules

inside = Config[u32](0)
seen = Array[u64](max_entries=6)


@fentry("veth_xmit")
def sends(skb, dev):
    if dev.ifindex == inside.value:
        seen[0] += 1
        seen[1] = skb.len


@fexit("veth:veth_xmit")
def sent(dev, ret):
    if dev.ifindex == inside.value:
        seen[2] += 1
        seen[3] = u64(ret)


@kprobe("veth_xmit")
def asked(dev):
    if dev.ifindex == inside.value:
        seen[4] += 1


def check(session):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("inside", 0))
        for _ in range(3):
            sender.send(bytes(100))
    found = list(session.maps["seen"])
    assert found[0] == found[2] == found[4] >= 3, found
    assert found[1] == 100 and found[3] == 0, found


def config():
    own_wire()
    return {"inside": socket.if_nametoindex("inside")}
