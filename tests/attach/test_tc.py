"""tc on a veth of the test's own, in its own network namespace: by links, and by filters of clsact."""

from __future__ import annotations

import fcntl
import gc
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from run_kernel import enter_network, in_child, unshare_network, waiting_child
from run_network import Frame, Wire

import pyebpf
from pyebpf.loader import netlink
from pyebpf.loader.attach import tc
from pyebpf.loader.attach.link import Link

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
SIOCSIFMTU = 0x8922
PROGRAM = """
from pyebpf import Ethernet, IPv4, Udp, Tcp
from pyebpf.helpers import redirect, skb_store_bytes, skb_vlan_push, skb_change_tail
seen, later, marks = Hash[u16, u64](max_entries=16), Global[u64](0), Hash[u32, u64](max_entries=16)
target = Config[u32](0)

@tc.egress
def guard(packet):
    eth = packet.parse(Ethernet)
    seen[eth.proto] += 1
    packet.mark = 5
    if eth.proto == 0x0806:
        return TC.SHOT

@tc.egress
def follower(packet):
    later.value += 1
    marks[packet.mark] += 1
    return TC.OK

@tc.ingress
def arriving(packet):
    eth = packet.parse(Ethernet)
    seen[eth.proto] += 1
    return redirect(target.value, 1) if eth.proto == 0x0806 else TC.UNSPEC

@tc.egress
def rewriting(packet):
    eth = packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    udp = packet.parse(Udp)
    ip.ttl = 9
    udp.dest = 4000
    packet.store(packet.offset, be16, 0x1234)

@tc.egress(on_fault=TC.SHOT)
def strict(packet):
    packet.parse(Ethernet)
    packet.parse(IPv4)
    packet.parse(Tcp)

@tc.egress
def tagging(packet):
    if packet.protocol == 0x0800 and not packet.vlan_present:
        skb_vlan_push(0x8100, 7)
"""
ARP, UDP = Frame.arp("10.0.0.1"), Frame.udp("10.0.0.1")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Object:
    path = tmp_path_factory.mktemp("tc") / "program.py"
    path.write_text("from pyebpf import *\n" + PROGRAM)
    return pyebpf.compile(path)


@pytest.fixture
def session(compiled: pyebpf.Object, wire: Wire) -> pyebpf.Session:
    config = {"target": socket.if_nametoindex(wire.inside)}
    with pyebpf.load(compiled, attach=False, config=config) as session:
        yield session


def by_filter(session: pyebpf.Session, name: str, where: object) -> Link:
    """As on kernels without links."""
    link = tc.attach_filter(session.programs[name].loaded, where)
    session.on_close(link.detach)
    return link


def by_link(session: pyebpf.Session, name: str, where: object) -> Link:
    return session.attach(name, where)


def qdiscs(interface: str) -> list[str]:
    with netlink.Netlink() as route:
        index = socket.if_nametoindex(interface)
        answer = route.ask(38, netlink.DUMP, tc._MESSAGE.pack(0, index, 0, 0, 0))
    size = tc._MESSAGE.size
    mine = [body for _, body in answer if tc._MESSAGE.unpack_from(body)[1] == index]
    return [netlink.attributes(body[size:])[tc.TCA_KIND].rstrip(b"\0").decode() for body in mine]


def arrives(wire: Wire, *frames: bytes) -> list[bool]:
    return wire.arrives(*frames, once=True)


@contextmanager
def packets_of(interface: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as receiver:
        receiver.bind((interface, 3))
        receiver.settimeout(2)
        yield receiver


both = pytest.mark.parametrize("attach", [by_link, by_filter])


@both
def test_drops_and_counts_until_it_is_detached(
    session: pyebpf.Session, wire: Wire, attach: Callable[..., Link]
) -> None:
    assert arrives(wire, ARP, UDP) == [True, True]
    link = attach(session, "guard", wire.outside)
    assert wire.outside in link.where and link.attached
    assert arrives(wire, ARP, UDP) == [False, True]
    assert session.maps["seen"][0x0806] == session.maps["seen"][0x0800] == 1
    link.detach()
    assert arrives(wire, ARP) == [True] and session.maps["seen"][0x0806] == 1
    assert qdiscs(wire.outside) == qdiscs(wire.inside)


@both
def test_the_next_program_is_asked_and_sees_the_mark(
    session: pyebpf.Session, wire: Wire, attach: Callable[..., Link]
) -> None:
    if attach is by_filter:  # filters that are added have a smaller number, and so come before
        attach(session, "follower", wire.outside)
    attach(session, "guard", wire.outside)
    if attach is by_link:
        attach(session, "follower", wire.outside)
    assert arrives(wire, ARP, UDP) == [False, True]
    assert session.variables["later"].value == 2  # not the one that was dropped, but the one that ends the test
    assert session.maps["marks"].to_dict() == {5: 2}


def test_an_order_can_be_asked_for(session: pyebpf.Session, wire: Wire) -> None:
    session.attach("follower", wire.outside)
    assert arrives(wire, UDP) == [True] and session.maps["marks"].to_dict() == {0: 2}
    for before in (True, session.programs["follower"], session.programs["follower"].id):
        session.maps["marks"].clear()
        link = session.attach("guard", wire.outside, before=before)
        assert arrives(wire, UDP) == [True] and session.maps["marks"].to_dict() == {5: 2}
        link.detach()
    session.maps["marks"].clear()
    session.attach("guard", wire.outside, after=session.programs["follower"])
    assert arrives(wire, UDP) == [True] and session.maps["marks"].to_dict() == {0: 2}


def test_orders_that_make_no_sense(session: pyebpf.Session, wire: Wire) -> None:
    with pytest.raises(ValueError, match="not both"):
        session.attach("guard", wire.outside, before=True, after=True)
    with pytest.raises(TypeError, match="not by 'follower'"):
        session.attach("guard", wire.outside, before="follower")  # type: ignore[arg-type]
    with pytest.raises(pyebpf.LoadError, match="isn't there"):
        session.attach("guard", wire.outside, before=session.programs["follower"])
    assert not session.links


@both
def test_redirected_to_another_interface(session: pyebpf.Session, wire: Wire, attach: Callable[..., Link]) -> None:
    """What comes in at one end is as if it came in at the other."""
    attach(session, "arriving", wire.outside)
    with packets_of(wire.inside) as receiver:
        assert arrives(Wire(wire.outside, wire.inside), UDP, ARP) == [True, True]  # packet sockets see them first
        protocol = 0
        while protocol != 0x0806:
            data, (_, _, kind, *_) = receiver.recvfrom(2048)
            protocol = int.from_bytes(data[12:14], "big") if kind != socket.PACKET_OUTGOING else 0
    assert session.maps["seen"][0x0806] == 1 and not session.faults


@both
def test_packets_are_changed(session: pyebpf.Session, wire: Wire, attach: Callable[..., Link]) -> None:
    attach(session, "rewriting", wire.outside)
    with packets_of(wire.inside) as receiver:
        assert arrives(wire, ARP) == [True]  # too short for an IPv4 header: goes on all the same
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((wire.outside, 3))
            sender.send(UDP + b"abcdef")
        data = b""
        while data[12:14] != b"\x08\0":
            data = receiver.recv(2048)
    assert data[22] == 9 and data[36:38] == (4000).to_bytes(2, "big") and data[42:48] == b"\x12\x34cdef"
    assert {fault.kind for fault in session.faults} <= {"PacketTooShort"}


def test_tags(session: pyebpf.Session, wire: Wire) -> None:
    session.attach("tagging", wire.outside)
    with packets_of(wire.inside) as receiver:
        receiver.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((wire.outside, 3))
            sender.send(UDP)
        _, ancillary, _, _ = receiver.recvmsg(2048, 256)
    [(_, _, data)] = ancillary
    assert int.from_bytes(data[16:18], "little") == 7  # tp_vlan_tci of struct tpacket_auxdata


def test_headers_in_other_pieces_are_found(session: pyebpf.Session, wire: Wire) -> None:
    """Of a frame that is longer than a page packet sockets put the Ethernet header alone into the first piece."""
    for interface in (wire.inside, wire.outside):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFMTU, struct.pack("16si12x", interface.encode(), 9000))
    link = session.attach("strict", wire.outside)
    with packets_of(wire.inside) as receiver, socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind((wire.outside, 3))
        sender.send(Frame.tcp("10.0.0.1") + bytes(6000))
        assert len(receiver.recv(9000)) == 54 + 6000
    assert not session.faults
    link.detach()


def test_a_fault_drops_where_that_was_asked_for(session: pyebpf.Session, wire: Wire) -> None:
    assert session.programs["strict"].test_run(ARP[:20]).result == 2
    [fault] = session.faults
    assert fault.kind == "PacketTooShort" and fault.program == "strict"


@both
def test_a_child_of_fork_leaves_it_attached(session: pyebpf.Session, wire: Wire, attach: Callable[..., Link]) -> None:
    link = attach(session, "guard", wire.outside)

    def child() -> bool:
        link.detach()
        return not link.attached

    assert in_child(child) and arrives(wire, ARP) == [False]
    with waiting_child():
        link.detach()
        assert arrives(wire, ARP) == [True]


def test_the_qdisc_goes_with_the_last_filter(session: pyebpf.Session, wire: Wire) -> None:
    before = qdiscs(wire.outside)
    first, second = by_filter(session, "guard", wire.outside), by_filter(session, "arriving", wire.outside)
    assert sorted(qdiscs(wire.outside)) == sorted([*before, "clsact"])
    first.detach()
    assert "clsact" in qdiscs(wire.outside)
    second.detach()
    assert qdiscs(wire.outside) == before


def test_a_qdisc_of_others_stays(session: pyebpf.Session, wire: Wire) -> None:
    with netlink.Netlink() as route:
        qdisc = tc.Qdisc(route, socket.if_nametoindex(wire.outside))
        assert qdisc.made
        by_filter(session, "guard", wire.outside).detach()
        assert "clsact" in qdiscs(wire.outside)
        qdisc.leave(route)
    assert "clsact" not in qdiscs(wire.outside)


def test_a_filter_that_nobody_holds_is_gone(session: pyebpf.Session, wire: Wire) -> None:
    before = qdiscs(wire.outside)
    tc.attach_filter(session.programs["guard"].loaded, wire.outside)
    gc.collect()
    assert qdiscs(wire.outside) == before and arrives(wire, ARP) == [True]


def test_detached_from_another_namespace(session: pyebpf.Session, wire: Wire) -> None:
    before = qdiscs(wire.outside)
    link = by_filter(session, "guard", wire.outside)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        unshare_network()
        link.detach()
    finally:
        enter_network(own)
        os.close(own)
    assert qdiscs(wire.outside) == before


def test_no_such_interface(session: pyebpf.Session) -> None:
    with pytest.raises(pyebpf.LoadError, match="no interface insid; did you mean inside"):
        session.attach("guard", "insid")
    with pytest.raises(pyebpf.LoadError, match="--attach guard=INTERFACE"):
        session.attach("guard")
