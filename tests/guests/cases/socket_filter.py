"""A filter on a socket: it sees what the socket gets, and keeps as many bytes as it says."""

import socket

from pyebpf import Global, socket_filter, u32, u64

SINCE = (3, 19)

seen, keep = Global[u64](0), Global[u32](0)


@socket_filter
def some(packet):
    seen.value += len(packet)
    return keep.value


PAIR: list[socket.socket] = []


def where():
    PAIR.extend(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
    return {"some": PAIR[1]}


def check(session):
    session.variables["keep"].value = 4
    PAIR[0].send(b"0123456789")
    assert PAIR[1].recv(100) == b"0123"
    assert session.variables["seen"].value == 10
