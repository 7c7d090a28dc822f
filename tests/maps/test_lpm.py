"""LpmTrie: the longest prefix wins, in the kernel as in a search through all networks; and LruPerCpuHash."""

from __future__ import annotations

import random
import struct as bytes_of
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

import pyebpf
from pyebpf import XDP, Ethernet, Global, IPv4, IPv6, LpmTrie, LruPerCpuHash, struct, u32, u64, xdp

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Rule:
    packets: u64
    number: u32


routes = LpmTrie[IPv4Network, u32](max_entries=4096)
rules = LpmTrie[IPv4Network, Rule](max_entries=64)
routes6 = LpmTrie[IPv6Network, u32](max_entries=256)
recent = LruPerCpuHash[u32, u64](max_entries=1024)
found = Global[u64]()


@xdp
def lookup(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    if ip.saddr not in routes:
        return XDP.DROP
    found.value = routes[ip.saddr]
    return XDP.TX


@xdp
def counted(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    rule = rules[ip.saddr]
    rule.packets += 1
    found.value = rule.number
    return XDP.DROP


@xdp
def written(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv4)
    routes[ip.saddr] = 5
    del routes[ip.daddr]
    if (route := routes.get(ip.saddr)) is not None:
        found.value = route
    found.value += routes.get(ip.daddr, 40)
    return XDP.DROP


@xdp
def six(packet):
    packet.parse(Ethernet)
    ip = packet.parse(IPv6)
    found.value = routes6.get(ip.saddr, 0)
    recent[1] += 2
    recent[2] = 7
    return XDP.DROP


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((lookup, counted, written, six), attach=False) as loaded:
        yield loaded


def packet(source: IPv4Address, target: str = "9.9.9.9") -> bytes:
    head = bytes_of.pack("!BBHHHBBH", 0x45, 0, 20, 0, 0, 64, 17, 0)
    return bytes(12) + b"\x08\0" + head + source.packed + IPv4Address(target).packed + bytes(30)


def longest(networks: dict[IPv4Network, int], address: IPv4Address) -> int | None:
    inside = [network for network in networks if address in network]
    return networks[max(inside, key=lambda network: network.prefixlen)] if inside else None


def test_longest_prefix(session: pyebpf.Session) -> None:
    chance = random.Random(11)
    networks: dict[IPv4Network, int] = {}
    for number in range(300):
        bits = chance.choice((1, 4, 7, 8, 9, 16, 23, 24, 30, 32))
        networks[IPv4Network((chance.getrandbits(32), bits), strict=False)] = number
    routes.update(networks)
    assert routes.to_dict() == networks and len(routes) == len(networks)
    inside = [network[chance.randrange(network.num_addresses)] for network in networks]
    for address in inside + [IPv4Address(chance.getrandbits(32)) for _ in range(200)]:
        expected = longest(networks, address)
        result = session.programs["lookup"].test_run(data=packet(address)).result
        assert result == (XDP.DROP if expected is None else XDP.TX), address
        assert expected is None or found.value == expected == routes[address], address
        assert (address in routes) == (expected is not None)


def test_keys_from_python(session: pyebpf.Session) -> None:
    routes["10.0.0.0/8"] = 1
    routes[IPv4Network("10.1.0.0/16")] = 2
    routes["10.1.2.3"] = 3
    assert set(routes) == {IPv4Network("10.0.0.0/8"), IPv4Network("10.1.0.0/16"), IPv4Network("10.1.2.3/32")}
    assert (routes["10.2.0.1"], routes["10.1.0.1"], routes[IPv4Address("10.1.2.3")]) == (1, 2, 3)
    del routes["10.1.0.0/16"]
    assert routes["10.1.0.1"] == 1
    with pytest.raises(KeyError):
        del routes["10.1.0.0/16"]
    with pytest.raises(ValueError, match="host bits"):
        routes["10.0.0.1/8"] = 1
    with pytest.raises(TypeError, match="key of routes is IPv4Network, not 7"):
        routes[7]
    assert routes.pop("10.0.0.0/8") == 1 and "11.0.0.1" not in routes and "::1" not in routes


def test_structs_are_references(session: pyebpf.Session) -> None:
    rules["10.0.0.0/8"] = Rule(number=4)
    for _ in range(3):
        session.programs["counted"].test_run(data=packet(IPv4Address("10.9.9.9")))
    assert found.value == 4 and rules["10.0.0.0/8"].packets == 3
    assert session.programs["counted"].test_run(data=packet(IPv4Address("11.0.0.1"))).result == XDP.PASS
    assert [fault.kind for fault in session.faults] == ["KeyError"]


def test_written_by_a_probe(session: pyebpf.Session) -> None:
    routes["9.9.9.9"] = 1
    routes["8.0.0.0/8"] = 2
    session.programs["written"].test_run(data=packet(IPv4Address("8.8.8.8")))
    assert found.value == 45
    assert routes.to_dict() == {IPv4Network("8.0.0.0/8"): 2, IPv4Network("8.8.8.8/32"): 5}


def test_ipv6_and_per_cpu(session: pyebpf.Session) -> None:
    routes6["2001:db8::/32"] = 1
    routes6["2001:db8:1::/48"] = 2
    for address, expected in (("2001:db8::1", 1), ("2001:db8:1::1", 2), ("2001:db9::1", 0)):
        data = bytes(12) + b"\x86\xdd\x60\0\0\0\0\0\x3b\x40" + IPv6Address(address).packed + bytes(40)
        session.programs["six"].test_run(data=data)
        assert found.value == expected
    assert set(routes6) == {IPv6Network("2001:db8::/32"), IPv6Network("2001:db8:1::/48")}
    assert sum(recent[1]) == 6 and 7 in recent[2]
