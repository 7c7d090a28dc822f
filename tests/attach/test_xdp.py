"""XDP on a veth of the test's own, in its own network namespace."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable
from types import ModuleType

import pytest
from run_kernel import in_child, waiting_child
from run_network import Frame, Wire

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import Ethernet
seen = Hash[u16, u64](max_entries=16)

@xdp
def guard(packet):
    eth = packet.parse(Ethernet)
    seen[eth.proto] += 1
    return XDP.DROP if eth.proto == 0x0806 else XDP.PASS

@xdp
def other(packet):
    return XDP.PASS
"""
ARP = Frame.arp("10.0.0.1")


@pytest.fixture
def session(program: Callable[[str], ModuleType], wire: Wire) -> pyebpf.Session:
    with pyebpf.load(program(PROGRAM), attach=False) as session:
        yield session


@pytest.mark.parametrize("by", [str, socket.if_nametoindex], ids=["name", "index"])
def test_drops_and_counts_until_it_is_detached(
    session: pyebpf.Session, wire: Wire, by: Callable[[str], object]
) -> None:
    assert wire.arrives(ARP, Frame.udp("10.0.0.1")) == [True, True]
    link = session.attach("guard", by(wire.inside))
    assert wire.inside in link.where and link.attached
    assert wire.arrives(ARP, Frame.udp("10.0.0.1")) == [False, True]
    assert session.maps["seen"][0x0806] == session.maps["seen"][0x0800] == 1
    link.detach()
    assert wire.arrives(ARP) == [True] and session.maps["seen"][0x0806] == 1


def test_detached_though_a_child_of_fork_has_it_open(session: pyebpf.Session, wire: Wire) -> None:
    link = session.attach("guard", wire.inside)
    with waiting_child():
        assert wire.arrives(ARP) == [False]
        link.detach()
        assert wire.arrives(ARP) == [True]
        session.attach("other", wire.inside)


def test_a_child_of_fork_leaves_it_attached(session: pyebpf.Session, wire: Wire) -> None:
    session.attach("guard", wire.inside)

    def child() -> bool:
        session.close()
        return session.closed

    assert in_child(child) and wire.arrives(ARP) == [False]


def test_an_interface_has_one_program(session: pyebpf.Session, wire: Wire) -> None:
    session.attach("guard", wire.inside)
    number = session.programs["guard"].id
    with pytest.raises(
        pyebpf.LoadError, match=rf"other to interface inside: another XDP program \(id {number}\)"
    ) as caught:
        session.attach("other", wire.inside)
    assert caught.value.reason == "target" and wire.arrives(ARP) == [False]
    session.attach("other", wire.outside)
    assert [link.program for link in session.links] == ["guard", "other"]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("insid", "no interface insid; did you mean inside"),
        ("", "no interface ; there are inside, lo, outside"),
        (9999, "no interface 9999"),
        (0, "no interface 0"),
        (-1, "no interface -1"),
        (True, "no interface True"),
        (1.0, "no interface 1.0"),
        (b"inside", "no interface b'inside'"),
        ("inside\0", "no interface"),
        (None, "needs to know where: --attach guard=INTERFACE"),
    ],
)
def test_no_such_interface(session: pyebpf.Session, where: object, message: str) -> None:
    with pytest.raises(pyebpf.LoadError, match=message) as caught:
        session.attach("guard", where)
    assert caught.value.reason == "target" and not session.links


def test_an_interface_that_goes_takes_the_program_along(session: pyebpf.Session, wire: Wire) -> None:
    link = session.attach("guard", wire.inside)
    subprocess.run(["ip", "link", "delete", wire.inside], check=True)
    with pytest.raises(pyebpf.LoadError, match="no interface inside"):
        session.attach("other", wire.inside)
    link.detach()
    session.close()


def test_all_programs_of_a_module_need_a_place(program: Callable[[str], ModuleType], wire: Wire) -> None:
    module = program(PROGRAM)
    with pytest.raises(pyebpf.LoadError, match="other needs to know where"):
        pyebpf.load(module, where={"guard": wire.inside})
    assert wire.arrives(ARP) == [True]  # guard isn't attached either
    with pyebpf.load(module, where={"guard": wire.inside, "other": wire.outside}) as session:
        assert len(session.links) == 2 and wire.arrives(ARP) == [False]
    assert wire.arrives(ARP) == [True]
