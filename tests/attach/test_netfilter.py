"""netfilter in a network namespace of the test's own, on what goes over its loopback device."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from run_network import Wire, set_up

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import *
from pyebpf.helpers import probe_read_kernel
sizes, places = Hash[u32, u64](max_entries=16), Hash[u32, u64](max_entries=16)
later = Global[u64](0)

@netfilter
def guard(skb, state):
    sizes[skb.len] += 1
    places[state.hook] += 1
    header = u8[20]()
    probe_read_kernel(header, u64(skb.head) + skb.network_header)
    if header[9] == 17 and skb.len == 41:
        return NF.DROP

@netfilter
def follower(state):
    later.value += 1
    return NF.ACCEPT
"""
DECLARED = """
from pyebpf import *
seen = Global[u64](0)

@netfilter(pf="ipv4", hook="local_in", priority=-100, on_fault=NF.DROP)
def guard(skb, state):
    seen.value += 1
    return NF.DROP if skb.len == 41 and state.hook == 1 else NF.ACCEPT
"""
HEADERS = 20 + 8


def exchange(*sizes: int) -> list[bool]:
    """Over the loopback device a datagram is there when it is sent. Which were?"""
    found = []
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        for size in sizes:
            sender.sendto(bytes(size), receiver.getsockname())
            try:
                found.append(len(receiver.recv(2048)) == size)
            except BlockingIOError:
                found.append(False)
    return found


@pytest.mark.parametrize(("where", "place"), [("ipv4:local_in", 1), ("ipv4:pre_routing:-300", 0)])
def test_drops_and_counts_until_it_is_detached(session: pyebpf.Session, where: str, place: int) -> None:
    link = session.attach("guard", where)
    assert exchange(5, 13) == [True, False] and where in link.where
    assert session.maps["sizes"].to_dict() == {HEADERS + 5: 1, HEADERS + 13: 1}
    assert session.maps["places"].to_dict() == {place: 2} and not session.faults
    link.detach()
    assert exchange(13) == [True]


def test_lower_priorities_are_asked_first(session: pyebpf.Session) -> None:
    session.attach("guard", "ipv4:local_in:5")
    session.attach("follower", "ipv4:local_in:6")
    assert exchange(5, 13) == [True, False] and session.variables["later"].value == 1
    with pytest.raises(pyebpf.LoadError, match="another program has that priority"):
        session.attach("follower", "ipv4:local_in:5")


def test_the_decorator_may_say_where(wire: Wire, tmp_path: Path) -> None:
    set_up("lo")
    path, object = tmp_path / "program.py", tmp_path / "program.o"
    path.write_text(DECLARED)
    pyebpf.compile(path).save(object)
    for target in (path, object):
        with pyebpf.load(target) as session:
            assert exchange(5, 13) == [True, False] and session.variables["seen"].value == 2
            assert session.links["guard"].info.details["priority"] == -100
    with pyebpf.load(object, where={"guard": "ipv4:post_routing"}) as session:
        assert exchange(5, 13) == [True, True] and session.variables["seen"].value == 2


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("ipv5:local_in", "the family is ipv4 or ipv6"),
        ("ipv4", "the place is one of pre_routing, local_in"),
        ("ipv4:localin", "the place is one of"),
        ("ipv4:local_in:first", "the priority is a number"),
        (f"ipv4:local_in:{2**31}", "the priority is a number"),
        (5, "the family is"),
        (None, "--attach guard=FAMILY:PLACE:PRIORITY"),
    ],
)
def test_where_there_is_nothing(session: pyebpf.Session, where: object, message: str) -> None:
    with pytest.raises(pyebpf.LoadError, match=message) as caught:
        session.attach("guard", where)
    assert caught.value.reason == "target" and not session.links
