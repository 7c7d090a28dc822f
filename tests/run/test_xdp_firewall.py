"""The firewall on a veth, with real packets: each is passed or dropped as written, and counted where it should be.

A packet has passed when it is seen behind the firewall. Each test has a firewall of its own: counts start at zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from types import ModuleType

import pytest
from run_cli import SAMPLES, Run
from run_network import Frame, Wire

import pyebpf

GOOD, BAD = "10.8.0.1", "10.9.0.1"
pytestmark = pytest.mark.usefixtures("nothing_left")


@pytest.fixture
def firewall(sample: Callable[[str], ModuleType], wire: Wire) -> Iterator[ModuleType]:
    """The sample, attached to the inner end of the wire, with BAD blocked."""
    module = sample("xdp_firewall")
    with pyebpf.load(module, where={"firewall": wire.inside}) as session:
        vars(module)["session"] = session
        module.blocked[IPv4Address(BAD)] = module.Rule(dropped=0)
        yield module


def counts(firewall: ModuleType) -> tuple[int, int, int, int]:
    """Dropped from BAD, passed from GOOD, not IPv4, and faults."""
    return (
        firewall.blocked[IPv4Address(BAD)].dropped,
        firewall.passed.get(IPv4Address(GOOD), 0),
        firewall.others.value,
        sum(fault.count for fault in firewall.session.faults),
    )


LAST = 1  # the frame that ends each `arrives` isn't IPv4 either


def test_tcp(firewall: ModuleType, wire: Wire) -> None:
    assert wire.arrives(Frame.tcp(GOOD), Frame.tcp(BAD), Frame.tcp(GOOD)) == [True, False, True]
    assert counts(firewall) == (1, 2, LAST, 0)


def test_udp(firewall: ModuleType, wire: Wire) -> None:
    assert wire.arrives(Frame.udp(BAD), Frame.udp(GOOD)) == [False, True]
    assert counts(firewall) == (1, 1, LAST, 0)


def test_arp_passes_whoever_asks(firewall: ModuleType, wire: Wire) -> None:
    assert wire.arrives(Frame.arp(GOOD), Frame.arp(BAD)) == [True, True]
    assert counts(firewall) == (0, 0, 2 + LAST, 0)


def test_vlan_is_not_looked_into(firewall: ModuleType, wire: Wire) -> None:
    assert wire.arrives(Frame.vlan(Frame.tcp(BAD)), Frame.vlan(Frame.udp(GOOD))) == [True, True]
    assert counts(firewall) == (0, 0, 2 + LAST, 0)


@pytest.mark.parametrize("length", [14, 15, 20, 29])
def test_truncated_passes_and_is_a_fault(firewall: ModuleType, wire: Wire, length: int) -> None:
    """With the 4 bytes that are appended, up to 33 bytes: one short of both headers."""
    assert wire.arrives(Frame.tcp(BAD)[:length], Frame.udp(GOOD)[:length]) == [True, True]
    assert counts(firewall) == (0, 0, LAST, 2)
    [fault] = firewall.session.faults
    assert (fault.kind, Path(fault.file).name) == ("PacketTooShort", "xdp_firewall.py")
    assert "packet.parse(IPv4)" in (SAMPLES / "xdp_firewall.py").read_text().splitlines()[fault.line - 1]


def test_a_header_length_that_cannot_be_is_a_fault(firewall: ModuleType, wire: Wire) -> None:
    frame = Frame.tcp(BAD)
    assert wire.arrives(frame[:14] + b"\x43" + frame[15:]) == [True]  # 3 words, where the shortest header has 5
    assert counts(firewall) == (0, 0, LAST, 1)


def test_just_long_enough(firewall: ModuleType, wire: Wire) -> None:
    assert wire.arrives(Frame.tcp(BAD)[:30], Frame.udp(GOOD)[:30]) == [False, True]
    assert counts(firewall) == (1, 1, LAST, 0)


def test_options_and_large_packets(firewall: ModuleType, wire: Wire) -> None:
    frames = (Frame.tcp(GOOD, options=bytes(40)), Frame.tcp(BAD, options=bytes(4)), Frame.ipv4(GOOD, 17, bytes(1400)))
    assert wire.arrives(*frames) == [True, False, True]
    assert counts(firewall) == (1, 2, LAST, 0)


def test_rules_change_while_it_runs(firewall: ModuleType, wire: Wire) -> None:
    assert wire.arrives(Frame.tcp(GOOD)) == [True]
    firewall.blocked[IPv4Address(GOOD)] = firewall.Rule(dropped=10)
    assert wire.arrives(Frame.tcp(GOOD)) == [False]
    assert firewall.blocked[IPv4Address(GOOD)].dropped == 11
    del firewall.blocked[IPv4Address(GOOD)]
    assert wire.arrives(Frame.tcp(GOOD)) == [True]
    assert firewall.passed[IPv4Address(GOOD)] == 2


def test_gone_when_the_session_ends(sample: Callable[[str], ModuleType], wire: Wire) -> None:
    module = sample("xdp_firewall")
    with pyebpf.load(module, where={"firewall": wire.inside}):
        module.blocked[IPv4Address(BAD)] = module.Rule(dropped=0)
        assert wire.arrives(Frame.tcp(BAD)) == [False]
    assert wire.arrives(Frame.tcp(BAD)) == [True]


def test_command_line(wire: Wire, tmp_path: Path) -> None:
    with Run(tmp_path, SAMPLES / "xdp_firewall.py", "--for", "2", "--attach", f"firewall={wire.inside}") as run:
        run.wait_for_links(1)
        assert wire.arrives(Frame.tcp(GOOD), Frame.arp(GOOD), Frame.udp(GOOD)[:20]) == [True, True, True]
        assert run.process.wait(timeout=30) == 0
        [summary] = [line for line in run.lines() if "maps" in line]
    assert summary["maps"]["passed"] == [{"key": GOOD, "value": 1}]
    assert summary["variables"]["others"] == 1 + LAST
    assert [fault["count"] for fault in summary["faults"]] == [1]
