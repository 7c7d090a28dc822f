"""Which socket gets what comes: in a network namespace (sk_lookup), and among those of one port (sk_reuseport)."""

import socket

from surroundings import datagrams, own_network

from pyebpf import SK, Hash, sk_lookup, sk_reuseport, u16, u32, u64

SINCE = (5, 9)
ATTACH = False

asked = Hash[u16, u64](max_entries=16)
sizes = Hash[u32, u64](max_entries=16)


@sk_lookup
def looking(ctx):
    asked[u16(ctx.local_port)] += 1
    if ctx.local_port == 4243:
        return SK.DROP


@sk_reuseport
def choosing(packet):
    sizes[packet.len] += 1


def refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except ConnectionRefusedError:
        return True
    return False


def check(session):
    own_network()
    servers = [socket.create_server(("127.0.0.1", port)) for port in (4242, 4243)]
    assert [refused(port) for port in (4242, 4243)] == [False, False]
    session.attach("looking", "/proc/thread-self/ns/net")
    assert [refused(port) for port in (4242, 4243)] == [False, True]
    assert session.maps["asked"].to_dict() == {4242: 1, 4243: 1}
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        receiver.bind(("127.0.0.1", 0))
        session.attach("choosing", receiver)
        sender.sendto(b"four", receiver.getsockname())
        assert receiver.recv(16) == b"four"
        assert session.maps["sizes"].to_dict() == {8 + 4: 1} and not session.faults
    assert datagrams(b"x") == ["arrived"]
    for server in servers:
        server.close()
