"""Processes of a cgroup that connect: counted, sent elsewhere, refused."""

import socket

from surroundings import inside, own_cgroup, own_network

from pyebpf import CGROUP, Hash, IPv4Address, cgroup, u16, u64

SINCE = (5, 7)

asked = Hash[IPv4Address, u64](max_entries=8)
ports = Hash[u16, u64](max_entries=8)


@cgroup.connect4
def connecting(ctx):
    asked[ctx.user_ip4] += 1
    ports[ctx.user_port] += 1
    if ctx.user_port == 23:
        return CGROUP.DENY
    if ctx.user_ip4 == IPv4Address("10.1.2.3"):
        ctx.user_ip4 = IPv4Address("127.0.0.1")
        ctx.user_port = 4321


@cgroup.sock_create
def making(ctx):
    ctx.mark = 7
    return ctx.type != 3


def where():
    own_network()
    folder = str(own_cgroup())
    return {"connecting": folder, "making": folder}


def check(session):
    from ipaddress import IPv4Address

    with socket.socket() as server, inside(own_cgroup()):
        server.bind(("127.0.0.1", 4321))
        server.listen()
        with socket.create_connection(("10.1.2.3", 80), timeout=5) as opened:
            assert opened.getsockopt(socket.SOL_SOCKET, 36) == 7  # SO_MARK
        for refused in (lambda: socket.create_connection(("127.0.0.1", 23)), lambda: socket.socket(2, 3, 1)):
            try:
                refused()
            except PermissionError:
                continue
            raise AssertionError("it wasn't refused")
    assert session.maps["asked"].to_dict() == {IPv4Address("10.1.2.3"): 1, IPv4Address("127.0.0.1"): 1}
    assert session.maps["ports"].to_dict() == {80: 1, 23: 1} and not session.faults
