"""Programs on the sockets of a map: what is sent by one, and what comes to one, which goes to another."""

import socket

from surroundings import own_network

from pyebpf import SK, Hash, SockMap, sk_msg, sk_skb, u8, u64
from pyebpf.helpers import sk_redirect_map

SINCE = (5, 0)
ATTACH = False

sockets = SockMap(max_entries=4)
sent = Hash[u8, u64](max_entries=16)
came = Hash[u8, u64](max_entries=16)


@sk_msg
def sending(packet):
    sent[packet.load(0, u8)] += packet.size
    if packet.load(0, u8) == ord("x"):
        return SK.DROP


@sk_skb
def receiving(packet):
    came[packet.load(0, u8)] += len(packet)
    if packet.load(0, u8) == ord("r"):
        return sk_redirect_map(packet, sockets, 1, 0)


def connected(server: socket.socket) -> tuple[socket.socket, socket.socket]:
    near = socket.create_connection(server.getsockname())
    far = server.accept()[0]
    near.settimeout(20)
    far.settimeout(20)
    return near, far


def check(session):
    own_network()
    with socket.create_server(("127.0.0.1", 0)) as server:
        near, far = connected(server)
        other_near, other_far = connected(server)
    link = session.attach("sending", "sockets")
    session.maps["sockets"][0] = near
    near.send(b"abc")
    try:
        near.send(b"xyz")
    except PermissionError:
        pass
    else:
        raise AssertionError("it was sent")
    assert far.recv(64) == b"abc" and session.maps["sent"].to_dict() == {ord("a"): 3, ord("x"): 3}
    link.detach()
    del session.maps["sockets"][0]
    session.attach("receiving", "sockets")
    session.maps["sockets"][0], session.maps["sockets"][1] = far, other_far
    near.send(b"redirected")
    assert other_near.recv(64) == b"redirected"
    near.send(b"passed")
    assert far.recv(64) == b"passed"
    assert session.maps["came"].to_dict() == {ord("r"): 10, ord("p"): 6} and not session.faults
