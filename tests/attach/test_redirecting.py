"""Packets sent on by maps: to interfaces and CPUs, with programs there; modes of XDP; sockets of one port chosen."""

from __future__ import annotations

import socket

import pytest
from run_network import Frame, Wire, add_veth, set_up

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import *
from pyebpf import Ethernet
from pyebpf.helpers import redirect, redirect_map, sk_select_reuseport
ports, by_protocol, cpus = DevMap(max_entries=4), DevMapHash(max_entries=4), CpuMap(max_entries=2)
rings = XskMap(max_entries=2)
sockets = ReuseportSockArray(max_entries=2)
leaving, there, seen = Global[u64](0), Global[u64](0), Hash[u32, u64](max_entries=8)
target = Config[u32](0)

@xdp
def by_number(packet):
    seen[packet.ingress_ifindex] += 1
    return redirect_map(ports, 1, XDP.PASS)

@xdp
def by_key(packet):
    eth = packet.parse(Ethernet)
    return redirect_map(by_protocol, eth.proto, XDP.DROP)

@xdp
def by_index(packet):
    return redirect(target.value, 0)

@xdp
def elsewhere(packet):
    return redirect_map(cpus, 0, 0)

@xdp
def to_a_ring(packet):
    return redirect_map(rings, packet.rx_queue_index, XDP.PASS)

@xdp
def passing(packet):
    pass

@xdp.devmap
def on_leaving(packet):
    leaving.value += packet.egress_ifindex
    return XDP.PASS

@xdp.cpumap
def on_arriving(packet):
    there.value += 1
    return XDP.PASS

@sk_reuseport
def choosing(packet):
    sk_select_reuseport(packet, sockets, u32[1](packet.load(8, u8) & 1), 0)
    return SK.PASS
"""
ARP, UDP = Frame.arp("10.0.0.1"), Frame.udp("10.0.0.1")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Object:
    path = tmp_path_factory.mktemp("redirecting") / "program.py"
    path.write_text(PROGRAM)
    return pyebpf.compile(path)


@pytest.fixture
def across(wire: Wire) -> Wire:
    """From the outer end of one pair to the outer end of another, when a program carries packets over."""
    add_veth("second", "beyond")
    set_up("second")
    set_up("beyond")
    return Wire("beyond", wire.outside)


@pytest.fixture
def session(compiled: pyebpf.Object, across: Wire) -> pyebpf.Session:
    with pyebpf.load(compiled, attach=False, config={"target": socket.if_nametoindex("second")}) as session:
        yield session


@pytest.mark.parametrize("target", ["second", "index"])
def test_to_an_interface_by_its_number(session: pyebpf.Session, across: Wire, target: str) -> None:
    ports, index = session.maps["ports"], socket.if_nametoindex("second")
    ports[1] = index if target == "index" else target
    assert ports.to_dict() == {1: index} and 0 not in ports and len(ports) == 1
    link = session.attach("by_number", "inside:generic")
    assert "generic mode" in link.where
    assert across.arrives(ARP, UDP) == [True, True]
    assert session.maps["seen"].to_dict() == {socket.if_nametoindex("inside"): 3}
    del ports[1]
    assert Wire("inside", "outside").arrives(ARP) == [True]  # passes, as the program asked for
    with pytest.raises(KeyError):
        del ports[1]


def test_to_an_interface_by_a_key(session: pyebpf.Session, across: Wire) -> None:
    session.maps["by_protocol"].update({0x88B5: "second", 0x0800: "second"})  # with that of the test's last frame
    session.attach("by_key", "inside:generic")
    assert across.arrives(ARP, UDP) == [False, True]


def test_to_an_interface_that_is_known_already(session: pyebpf.Session, across: Wire) -> None:
    session.attach("by_index", "inside:generic")
    assert across.arrives(ARP, UDP) == [True, True]


def test_programs_where_packets_leave(session: pyebpf.Session, across: Wire) -> None:
    index, program = socket.if_nametoindex("second"), session.programs["on_leaving"]
    session.maps["ports"][1] = ("second", program)
    assert session.maps["ports"][1] == (index, program.id)
    session.attach("by_number", "inside:native")
    session.attach("passing", "beyond:native")  # a veth takes packets from XDP if the other end has a program
    assert across.arrives(UDP) == [True]
    assert session.variables["leaving"].value == 2 * index


def test_programs_on_other_cpus(session: pyebpf.Session, wire: Wire) -> None:
    session.maps["cpus"][0] = (16, session.programs["on_arriving"])
    session.attach("elsewhere", "inside:native")
    assert wire.arrives(ARP, UDP) == [True, True]
    assert session.variables["there"].value == 3


def test_no_socket_in_the_ring(session: pyebpf.Session, wire: Wire) -> None:
    session.attach("to_a_ring", "inside")
    assert wire.arrives(ARP, UDP) == [True, True] and not session.faults


def test_programs_of_maps_are_attached_nowhere(session: pyebpf.Session) -> None:
    with pytest.raises(pyebpf.LoadError, match="runs where a map names it"):
        session.attach("on_leaving")


def test_modes(session: pyebpf.Session) -> None:
    with pytest.raises(pyebpf.LoadError, match="no mode fast: generic, native, offload"):
        session.attach("by_index", "inside:fast")
    with pytest.raises(pyebpf.LoadError):  # there is no device that could
        session.attach("by_index", "inside:offload")
    assert not session.links


@pytest.mark.parametrize(
    ("name", "key", "value", "error"),
    [
        ("ports", 0, "nothing", OSError),
        ("ports", 0, -1, TypeError),
        ("ports", 0, True, TypeError),
        ("ports", 0, None, TypeError),
        ("ports", 9, "second", KeyError),
        ("ports", -1, "second", (OverflowError, ValueError)),
        ("cpus", 0, "second", TypeError),
        ("sockets", 0, "second", TypeError),
        ("rings", 0, 2**40, TypeError),
    ],
)
def test_what_maps_dont_take(
    session: pyebpf.Session, name: str, key: int, value: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        session.maps[name][key] = value
    assert not session.maps["ports"].to_dict()


def test_sockets_of_one_port(session: pyebpf.Session) -> None:
    def sharing() -> socket.socket:
        opened = socket.socket(type=socket.SOCK_DGRAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        opened.bind(("127.0.0.1", 4242))
        opened.settimeout(2)
        return opened

    set_up("lo")
    with sharing() as even, sharing() as odd, socket.socket(type=socket.SOCK_DGRAM) as sender:
        session.maps["sockets"][0], session.maps["sockets"][1] = even, odd
        session.attach("choosing", even)
        for text in (b"a", b"b", b"c", b"d"):
            sender.sendto(text, ("127.0.0.1", 4242))
        assert [odd.recv(8), odd.recv(8), even.recv(8), even.recv(8)] == [b"a", b"c", b"b", b"d"]
