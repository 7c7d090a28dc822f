"""Programs on the sockets of a map, over the loopback device of the test's own namespace: what is sent and received."""

from __future__ import annotations

import os
import signal
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

@sk_skb.parser
def framing(packet):
    if len(packet) < 2:
        return 0
    return 2 + packet.load(1, u8)               # a letter, how many bytes follow, and these

@sk_skb.parser
def anything(packet):
    plain[9] += 1

@sk_skb.verdict
def datagrams(packet):
    came[packet.load(0, u8)] += len(packet)
    return sk_redirect_map(packet, sockets, 1, 0) if packet.load(0, u8) == ord("r") else SK.PASS
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


def test_messages_end_where_the_parser_says(
    session: pyebpf.Session, connections: list[tuple[socket.socket, socket.socket]]
) -> None:
    (near, far), (other_near, other_far) = connections
    sockets = session.maps["sockets"]
    session.attach("framing", sockets)
    session.attach("receiving", sockets)
    sockets[0], sockets[1] = far, other_far
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    near.sendall(b"p\x03ab")
    far.settimeout(0.2)
    with pytest.raises((TimeoutError, socket.timeout)):
        far.recv(64)
    assert not session.maps["came"].to_dict()  # it isn't whole yet
    near.sendall(b"c")
    far.settimeout(2)
    assert far.recv(64) == b"p\x03abc" and set(session.maps["came"].to_dict()) == {ord("p")}
    near.sendall(b"r\x02dd")
    assert other_near.recv(64) == b"r\x02dd"
    assert set(session.maps["came"].to_dict()) == {ord("p"), ord("r")} and not session.faults


def test_without_a_result_all_that_is_there_is_a_message(
    session: pyebpf.Session, connections: list[tuple[socket.socket, socket.socket]]
) -> None:
    near, far = connections[0]
    session.attach("anything", "sockets")
    session.attach("receiving", "sockets")
    session.maps["sockets"][0] = far
    near.sendall(b"plain")
    assert far.recv(64) == b"plain" and session.maps["plain"][9] == 1


def test_datagrams_have_a_verdict(session: pyebpf.Session) -> None:
    with ExitStack() as stack:
        first, second, sender = (stack.enter_context(socket.socket(type=socket.SOCK_DGRAM)) for _ in range(3))
        for each in (first, second):
            each.bind(("127.0.0.1", 0))
            each.settimeout(2)
        sender.connect(first.getsockname())
        second.connect(sender.getsockname())
        first.connect(sender.getsockname())
        session.attach("datagrams", "sockets")
        session.maps["sockets"][0] = first
        sender.send(b"plain")
        assert first.recv(64) == b"plain" and session.maps["came"].to_dict() == {ord("p"): 5}


def test_links_on_a_map(session: pyebpf.Session, connections: list[tuple[socket.socket, socket.socket]]) -> None:
    """Linux 6.10."""
    near, far = connections[0]
    link = session.attach("sending", "sockets")
    assert link.info.kind == "map of sockets" and link.info.details["attach_type"] == 7
    with pytest.raises(pyebpf.LoadError, match="another program"):
        session.attach("sending", "sockets")
    session.maps["sockets"][0] = near
    link.detach()
    del session.maps["sockets"][0]
    session.maps["sockets"][0] = near
    near.send(b"xyz")
    assert far.recv(64) == b"xyz"


def test_a_killed_process_leaves_nothing_on_a_map(
    session: pyebpf.Session, connections: list[tuple[socket.socket, socket.socket]]
) -> None:
    """Though another one has the map, and a socket in it."""
    near, far = connections[0]
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            session.attach("sending", "sockets")
            session.maps["sockets"][0] = near
            os.write(writer, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writer)
    with open(reader, "rb") as pipe:
        assert pipe.read(1) == b"x"
    with pytest.raises(PermissionError):
        near.send(b"xyz")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    del session.maps["sockets"][0]  # which keeps the programs that the map had when it was put in
    session.maps["sockets"][0] = near
    near.send(b"xyz")
    assert far.recv(64) == b"xyz"
