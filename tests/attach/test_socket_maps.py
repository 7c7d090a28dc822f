"""Programs on the sockets of a map, over the loopback device of the test's own namespace: what is sent and received."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import *
from pyebpf.helpers import msg_redirect_map, sk_redirect_map
sockets, plain = SockMap(max_entries=4), Hash[u32, u64](max_entries=4)
sent, came, ports = Hash[u8, u64](max_entries=16), Hash[u8, u64](max_entries=16), Hash[u32, u64](max_entries=4)

@sk_msg
def sending(packet):
    letter = packet.load(0, u8)
    sent[letter] += packet.size
    ports[packet.remote_port] += 1
    if letter == ord("x"):
        return SK.DROP
    if letter == ord("u"):
        packet.store(1, u8, ord("!"))

@sk_skb
def receiving(packet):
    letter = packet.load(0, u8)
    came[letter] += len(packet)
    plain[packet.local_port] += 1
    if letter == ord("r"):
        return sk_redirect_map(packet, sockets, 1, 0)
    if letter == ord("d"):
        return SK.DROP
"""


@pytest.fixture
def connections(session: pyebpf.Session) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Two of them, both ends of each."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        found = []
        for _ in range(2):
            near = stack.enter_context(socket.create_connection(server.getsockname()))
            far = stack.enter_context(server.accept()[0])
            near.settimeout(2)
            far.settimeout(2)
            found.append((near, far))
        yield found


def test_what_is_sent(session: pyebpf.Session, connections: list[tuple[socket.socket, socket.socket]]) -> None:
    (near, far), _ = connections
    link = session.attach("sending", "sockets")
    session.maps["sockets"][0] = near
    near.send(b"abc")
    near.send(b"upper")
    with pytest.raises(PermissionError):
        near.send(b"xyz")
    data = b""
    while len(data) < 8:
        data += far.recv(64)
    assert data == b"abcu!per"
    assert session.maps["sent"].to_dict() == {ord("a"): 3, ord("u"): 5, ord("x"): 3}
    assert session.maps["ports"].to_dict() == {far.getsockname()[1]: 3} and not session.faults
    link.detach()
    del session.maps["sockets"][0]
    near.send(b"xyz")
    assert far.recv(64) == b"xyz"


def test_what_comes_goes_elsewhere(
    session: pyebpf.Session, connections: list[tuple[socket.socket, socket.socket]]
) -> None:
    (near, far), (other_near, other_far) = connections
    sockets = session.maps["sockets"]
    session.attach("receiving", sockets)
    sockets[0], sockets[1] = far, other_far
    near.send(b"redirected")
    assert other_near.recv(64) == b"redirected"
    near.send(b"passed")
    assert far.recv(64) == b"passed"
    assert session.maps["came"].to_dict() == {ord("r"): 10, ord("p"): 6}
    assert session.maps["plain"].to_dict() == {far.getsockname()[1]: 2} and not session.faults
    assert len(sockets) == 2 and sockets[0] != sockets[1]
    del sockets[0]
    assert 0 not in sockets


def test_what_is_no_map_of_sockets(session: pyebpf.Session) -> None:
    for where in ("plain", "nothing", 3.5, True, None):
        with pytest.raises(pyebpf.LoadError):
            session.attach("sending", where)
    assert not session.links
