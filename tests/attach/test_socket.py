"""Socket filters on sockets of the test's own, and on an interface of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from run_kernel import in_child
from run_network import Frame, Wire

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import Ethernet
seen, keep = Global[u64](0), Global[u32](0)
kinds = Hash[u16, u64](max_entries=16)

@socket_filter
def some(packet):
    seen.value += 1
    return keep.value

@socket_filter
def kind(packet):
    eth = packet.parse(Ethernet)
    kinds[eth.proto] += 1
    return 0
"""
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def session(program: Callable[[str], ModuleType]) -> Iterator[pyebpf.Session]:
    with pyebpf.load(program(PROGRAM), attach=False) as session:
        yield session


@pytest.fixture
def pair() -> Iterator[Pair]:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        other.setblocking(False)
        yield one, other


def passes(pair: Pair, data: bytes = b"0123456789") -> bytes | None:
    """What comes out of a datagram, None if nothing does."""
    try:
        pair[0].send(data)
        return pair[1].recv(100)
    except BlockingIOError:
        return None
    except PermissionError:  # how a Unix socket tells the sender
        return None


def test_on_a_socket(session: pyebpf.Session, pair: Pair) -> None:
    assert passes(pair) == b"0123456789"
    link = session.attach("some", pair[1])
    assert passes(pair) is None and session.variables["seen"].value == 1
    session.variables["keep"].value = 4
    assert passes(pair) == b"0123"
    link.detach()
    assert passes(pair) == b"0123456789" and session.variables["seen"].value == 2
    session.attach("some", pair[1])
    session.close()
    assert passes(pair) == b"0123456789"


def test_a_child_of_fork_leaves_the_filter_where_it_is(session: pyebpf.Session, pair: Pair) -> None:
    session.attach("some", pair[1])
    in_child(session.close)
    assert passes(pair) is None


def test_a_socket_that_is_closed_first(session: pyebpf.Session, pair: Pair) -> None:
    link = session.attach("some", pair[1])
    pair[1].close()
    link.detach()
    with pytest.raises(pyebpf.LoadError, match="the socket is closed") as caught:
        session.attach("some", pair[1])
    assert caught.value.reason == "target"


def test_on_an_interface(session: pyebpf.Session, wire: Wire) -> None:
    link = session.attach("kind", wire.inside)
    assert link.where == "interface inside"
    assert wire.arrives(Frame.arp("10.0.0.1"), Frame.udp("10.0.0.1"), Frame.udp("10.0.0.2")) == [True] * 3
    kinds = session.maps["kinds"]
    assert (kinds[0x0806], kinds[0x0800]) == (1, 2)
    link.detach()
    assert wire.arrives(Frame.arp("10.0.0.1")) == [True] and kinds[0x0806] == 1
    with pytest.raises(pyebpf.LoadError, match="did you mean inside"):
        session.attach("kind", "insde")
