"""Routes: packets are seen and dropped as they go out, changed as they are sent, and come in."""

import socket

from surroundings import own_network

from pyebpf import LWT, Hash, IPv4, Udp, lwt, u8, u16, u32, u64

SINCE = (4, 10)

asked, came = Hash[u16, u64](max_entries=16), Hash[u16, u64](max_entries=16)
marks = Hash[u32, u64](max_entries=4)


@lwt.output
def leaving(packet):
    packet.parse(IPv4)
    port = packet.parse(Udp).dest
    asked[port] += len(packet)
    return LWT.DROP if port == 99 else LWT.OK


@lwt.xmit
def sending(packet):
    packet.parse(IPv4)
    port = packet.parse(Udp).dest
    packet.mark = 7
    marks[packet.mark] += 1
    packet.store(28, u8, 33)
    return LWT.DROP if port == 98 else LWT.OK


@lwt.input
def coming(packet):
    if packet.parse(IPv4).protocol == 17:
        port = packet.parse(Udp).dest
        came[port] += 1
        return LWT.DROP if port == 95 else LWT.OK


def where():
    own_network()
    out = "10.9.0.0/24 dev lo"
    return {"leaving": out, "sending": out, "coming": "127.0.0.1/32 table local"}


def sent(address, port):
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        try:
            return bool(sender.sendto(b"xy", (address, port)))
        except PermissionError:
            return False


def check(session):
    assert [sent("10.9.0.1", port) for port in (1, 99, 98)] == [True, False, False]
    assert session.maps["asked"].to_dict() == {1: 30, 99: 30, 98: 30} and session.maps["marks"].to_dict() == {7: 2}
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 95))
        receiver.setblocking(False)
        sent("127.0.0.1", 95)
        try:
            raise AssertionError(receiver.recv(8))
        except BlockingIOError:
            pass
        assert session.maps["came"].to_dict()[95] == 1 and not session.faults
        for link in session.links:
            link.detach()
        sent("127.0.0.1", 95)
        assert receiver.recv(8) == b"xy"
