"""Programs on routes of the test's own network namespace: what comes, goes and is sent by them."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from run_kernel import waiting_child
from run_network import Frame, Wire

import pyebpf
from pyebpf.loader import netlink, routes
from pyebpf.loader.attach.route import undo

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import *
from pyebpf import BPF_LWT_ENCAP_IP, IPv4, IPv6, Udp
from pyebpf.helpers import lwt_push_encap, lwt_seg6_store_bytes
asked, ports = Hash[u32, u64](max_entries=16), Hash[u16, u64](max_entries=16)
tags = Hash[u16, u64](max_entries=4)

@lwt.output
def leaving(packet):
    ip = packet.parse(IPv4)
    asked[0] += len(packet)
    return LWT.DROP if packet.parse(Udp).dest == 99 else LWT.OK

@lwt.xmit
def sending(packet):
    ip = packet.parse(IPv4)
    udp = packet.parse(Udp)
    asked[1] += 1
    if udp.dest == 98:
        return LWT.DROP
    packet.mark = 3
    if udp.dest == 97:
        udp.dest = 96
        packet.store(packet.offset, u8, 33)

@lwt.input
def coming(packet):
    if packet.parse(IPv4).protocol == 17:
        port = packet.parse(Udp).dest
        ports[port] += 1
        if port == 95:
            return LWT.DROP

@lwt.xmit
def wrapping(packet):
    outer = u8[24]()
    outer[0], outer[2], outer[3], outer[8], outer[9] = 0x45, 0, u8(24 + packet.len & 0xFF), 64, 47
    outer[12], outer[15], outer[16], outer[17], outer[19] = 127, 1, 10, 10, 1
    outer[22] = 8                               # GRE, of IPv4
    if lwt_push_encap(packet, BPF_LWT_ENCAP_IP, outer) < 0:
        return LWT.DROP
    return LWT.REROUTE

@lwt.seg6local
def segment(packet):
    packet.parse(IPv6)
    tag = packet.load(40 + 6, be16)
    tags[tag] += 1
    lwt_seg6_store_bytes(packet, 40 + 6, u8[2](1, 2))
    tags[packet.load(40 + 6, be16)] += 1
    return LWT.DROP
"""
OUT, LOCAL = "10.9.0.0/24 dev lo", "127.0.0.1/32 table local"


@contextmanager
def packets() -> Iterator[socket.socket]:
    """What is sent by the loopback device, from its Ethernet header on."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as receiver:
        receiver.bind(("lo", 3))
        receiver.settimeout(2)
        yield receiver


def send(address: str, port: int, data: bytes = b"x") -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        try:
            return bool(sender.sendto(data, (address, port)))
        except PermissionError:
            return False


def has_programs(words: str) -> bool | None:
    """Whether a route has an encapsulation; None if there is none such."""
    with netlink.Netlink() as route:
        found = routes.find(route, routes.parse(words))
    return None if found is None else routes.RTA_ENCAP in found.details


def test_what_goes_out_is_seen_and_dropped(session: pyebpf.Session) -> None:
    link = session.attach("leaving", OUT)
    assert [send("10.9.0.1", 1, b"abc"), send("10.9.0.1", 99)] == [True, False]
    assert session.maps["asked"].to_dict() == {0: 31 + 29} and not session.faults
    assert link.where == f"route {OUT}" and has_programs(OUT)
    link.detach()
    assert has_programs(OUT) is None


def test_what_is_sent_may_be_changed(session: pyebpf.Session) -> None:
    session.attach("sending", OUT)
    with packets() as seen:
        assert [send("10.9.0.1", 98), send("10.9.0.1", 97, b"ab")] == [False, True]
        data = seen.recv(256)
    assert data[14 + 22 : 14 + 24] == struct.pack("!H", 96) and data[-2:] == b"!b"
    assert session.maps["asked"].to_dict() == {1: 2} and not session.faults


def test_a_route_that_was_there_is_set_back(session: pyebpf.Session) -> None:
    link = session.attach("coming", LOCAL)
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 95))
        receiver.setblocking(False)
        send("127.0.0.1", 95)
        with pytest.raises(BlockingIOError):
            receiver.recv(8)
        assert session.maps["ports"].to_dict() == {95: 1}
        link.detach()
        assert has_programs(LOCAL) is False
        send("127.0.0.1", 95)
        assert receiver.recv(8) == b"x"
    assert session.maps["ports"].to_dict() == {95: 1}


def test_programs_share_a_route(session: pyebpf.Session) -> None:
    first = session.attach("leaving", OUT)
    second = session.attach("sending", "10.9.0.0/24")
    assert [send("10.9.0.1", port) for port in (1, 99, 98)] == [True, False, False]
    assert session.maps["asked"].to_dict() == {0: 3 * 29, 1: 2}
    first.detach()
    assert has_programs(OUT)
    assert [send("10.9.0.1", port) for port in (99, 98)] == [True, False]
    with pytest.raises(pyebpf.LoadError, match="another program of this process"):
        session.attach("wrapping", OUT)
    second.detach()
    assert has_programs(OUT) is None


def test_headers_are_pushed_and_the_way_looked_for_again(session: pyebpf.Session) -> None:
    session.attach("wrapping", OUT)
    with netlink.Netlink() as route:
        other = routes.made(routes.parse("10.10.0.0/24 dev lo")).message()
        route.ask(routes.RTM_NEWROUTE, netlink.ACK | netlink.CREATE, other)
    with packets() as seen:
        assert send("10.9.0.1", 5, b"inside")
        data = seen.recv(256)
    outer = data[14:]
    assert outer[9] == 47 and outer[16:20] == socket.inet_aton("10.10.0.1")
    assert outer[24 + 16 : 24 + 20] == socket.inet_aton("10.9.0.1") and data.endswith(b"inside")


def test_segments(session: pyebpf.Session, wire: Wire) -> None:
    Path(f"/proc/sys/net/ipv6/conf/{wire.inside}/disable_ipv6").write_text("0")
    link = session.attach("segment", f"fc00::2/128 dev {wire.inside}")
    source, here, last = (ipaddress.ip_address(text).packed for text in ("fc00::9", "fc00::2", "fc00::3"))
    header = struct.pack("!BBBBBBH", 59, 4, 4, 1, 1, 0, 0x1234) + last + here  # a segment is left, of two
    wire.arrives(Frame.ethernet(0x86DD, struct.pack("!IHBB", 6 << 28, len(header), 43, 64) + source + here + header))
    assert session.maps["tags"].to_dict() == {0x1234: 1, 0x0102: 1} and not session.faults
    link.detach()
    with pytest.raises(pyebpf.LoadError, match="routes of IPv6"):
        session.attach("segment", OUT)


def test_it_is_detached_though_a_child_of_fork_has_it_open(session: pyebpf.Session) -> None:
    session.attach("leaving", OUT)
    with waiting_child():
        assert not send("10.9.0.1", 99)
        session.close()
        assert has_programs(OUT) is None


@pytest.mark.parametrize(("where", "after"), [(OUT, None), (LOCAL, False)], ids=["new", "there"])
def test_a_killed_process_leaves_no_program_on_a_route(
    session: pyebpf.Session, compiled: pyebpf.Object, where: str, after: bool | None
) -> None:
    with killed(compiled, where):
        assert has_programs(where)
    wait_for(where, after)
    session.attach("leaving", where).detach()
    assert has_programs(where) is after


@pytest.mark.parametrize("name", ["leaving", "segment"])
def test_what_is_done_when_a_process_was_killed(session: pyebpf.Session, wire: Wire, name: str) -> None:
    """A route with other programs, or with none, is somebody else's by then."""
    Path(f"/proc/sys/net/ipv6/conf/{wire.inside}/disable_ipv6").write_text("0")
    where = {"leaving": OUT, "segment": f"fc00::2/128 dev {wire.inside}"}[name]
    plain = routes.made(routes.parse(where)).message()
    own = f"{name}:{session.programs[name].loaded.id}".encode()
    link = session.attach(name, where)
    undo(plain, False, own + b"0")
    assert has_programs(where)
    undo(plain, True, own)
    assert has_programs(where) is False
    undo(plain, False, own)
    assert has_programs(where) is False
    link.detach()
    link = session.attach(name, where)
    undo(plain, False, own)
    assert has_programs(where) is None
    undo(plain, False, own)
    link.detach()


def wait_for(where: str, after: bool | None) -> None:
    """Until the route's programs have gone, or it with them."""
    end = time.monotonic() + 20
    while has_programs(where) is not after:
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def killed(compiled: pyebpf.Object, where: str) -> Iterator[None]:
    """A process with two programs on a route, which is killed at the end."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            own = pyebpf.load(compiled, attach=False)
            own.attach("leaving", where)
            own.attach("sending", where)
            os.write(writer, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writer)
    with open(reader, "rb") as pipe:
        assert pipe.read(1) == b"x"
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_an_encapsulation_of_others_is_not_touched(session: pyebpf.Session, compiled: pyebpf.Object) -> None:
    with killed(compiled, OUT):
        with pytest.raises(pyebpf.LoadError, match="has an encapsulation already"):
            session.attach("leaving", OUT)
        assert has_programs(OUT)
    wait_for(OUT, None)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("10.8.0.0/16", "no such route"),
        ("10.8.0.1/16 dev lo", "host bits"),
        ("10.8.0.0/16 dev nowhere", "no interface with this name"),
        ("10.8.0.0/16 via fc00::1", "another family"),
        ("10.8.0.0/16 via 10.7.0.1", "unreachable"),
        ("10.8.0.0/16 through lo", "a route has no through"),
        ("10.8.0.0/16 dev", "with `via ADDRESS`"),
        ("10.8.0.0/16 dev lo table elsewhere", "no number of a table"),
        ("", "route"),
        (3, "route 3"),
        (None, "--attach leaving=ROUTE"),
    ],
)
def test_what_is_no_route(session: pyebpf.Session, where: object, message: str) -> None:
    with pytest.raises(pyebpf.LoadError, match=message):
        session.attach("leaving", where)
    assert not session.links
