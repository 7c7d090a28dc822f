"""Which socket gets a packet: sk_lookup in a network namespace of the test's own, sk_reuseport among its sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from run_kernel import in_child, waiting_child

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import *
asked, first = Hash[u16, u64](max_entries=16), Hash[u8, u64](max_entries=16)
sizes = Hash[u32, u64](max_entries=16)

@sk_lookup
def looking(ctx):
    asked[u16(ctx.local_port)] += 1
    if ctx.local_port == 4243 and ctx.remote_ip4 == IPv4Address("127.0.0.1") and ctx.protocol == 6:
        return SK.DROP

@sk_reuseport
def choosing(packet):
    sizes[packet.len] += 1
    letter = packet.load(8, u8)                 # behind the UDP header
    first[letter] += 1
    return SK.DROP if letter == ord("x") and packet.ip_protocol == 17 and packet.eth_protocol == 0x0800 else SK.PASS
"""
HERE = "/proc/thread-self/ns/net"


def connect(port: int) -> str:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError as error:
        return type(error).__name__
    return "done"


@pytest.mark.parametrize("where", [HERE, Path(HERE), "pid", "number"])
def test_lookups_are_seen_and_end_without_a_socket(session: pyebpf.Session, where: object) -> None:
    if where in ("pid", "number"):
        where = str(os.getpid()) if where == "pid" else os.getpid()
    with socket.socket() as one, socket.socket() as other:
        for server, port in ((one, 4242), (other, 4243)):
            server.bind(("127.0.0.1", port))
            server.listen()
        assert [connect(4242), connect(4243)] == ["done", "done"]
        link = session.attach("looking", where)
        assert [connect(4242), connect(4243), connect(4244)] == ["done", "ConnectionRefusedError"] + [
            "ConnectionRefusedError"
        ]
        asked = session.maps["asked"].to_dict()
        assert set(asked) == {4242, 4243, 4244} and not session.faults
        link.detach()
        assert connect(4243) == "done"


def test_other_namespaces_are_left_alone(session: pyebpf.Session) -> None:
    def elsewhere() -> bool:
        from run_kernel import unshare_network

        unshare_network()
        session.attach("looking", HERE)
        return True

    assert in_child(elsewhere) and connect(4242) == "ConnectionRefusedError"
    assert not session.maps["asked"].to_dict()


def test_detached_though_a_child_of_fork_has_it_open(session: pyebpf.Session) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 4243))
        server.listen()
        session.attach("looking", HERE)
        with waiting_child():
            assert connect(4243) == "ConnectionRefusedError"
            session.close()
            assert connect(4243) == "done"


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("/proc/self/ns/nothing", "No such file"),
        ("nothing", "No such file"),
        (4_000_000, "No such file"),
        ("/proc/self/ns/mnt", "network namespace"),
        ("/dev/null", "no network namespace"),
        (None, "--attach looking=NETWORK_NAMESPACE"),
    ],
)
def test_what_is_no_namespace(session: pyebpf.Session, where: object, message: str) -> None:
    with pytest.raises(pyebpf.LoadError, match=message):
        session.attach("looking", where)
    assert not session.links


def sharing() -> socket.socket:
    opened = socket.socket(type=socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    opened.bind(("127.0.0.1", 4242))
    opened.setblocking(False)
    return opened


def received(*sockets: socket.socket) -> list[bytes]:
    """Over the loopback device a datagram is there when it is sent."""
    found = []
    for each in sockets:
        while True:
            try:
                found.append(each.recv(64))
            except BlockingIOError:
                break
    return found


def test_what_comes_to_a_shared_port(session: pyebpf.Session) -> None:
    with sharing() as one, sharing() as other, socket.socket(type=socket.SOCK_DGRAM) as sender:
        link = session.attach("choosing", one)
        for text in (b"abc", b"xyz", b""):
            sender.sendto(text, ("127.0.0.1", 4242))
        assert received(one, other) == [b"abc", b""]  # what is too short for the program is a fault, and passes
        assert session.maps["first"].to_dict() == {ord("a"): 1, ord("x"): 1}
        assert session.maps["sizes"].to_dict() == {11: 2, 8: 1}
        [fault] = session.faults
        assert fault.kind == "PacketTooShort"
        link.detach()
        sender.sendto(b"xyz", ("127.0.0.1", 4242))
        assert received(one, other) == [b"xyz"]


def test_sockets_that_share_nothing(session: pyebpf.Session) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as alone, pytest.raises(pyebpf.LoadError, match="SO_REUSEPORT"):
        session.attach("choosing", alone)
    with pytest.raises(pyebpf.LoadError, match="socket is closed"):
        session.attach("choosing", alone)
    with pytest.raises(pyebpf.LoadError, match="takes a socket"):
        session.attach("choosing", "lo")
