"""Ports that use what the kernel has besides plain maps: tail calls, maps of maps, locks, networks, queues, filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from packets import ethernet, ipv4, ipv6, tcp, udp

import pyebpf
from pyebpf import XDP

pytestmark = pytest.mark.kernel


def test_tail_call_parser(port: Callable[..., Any]) -> None:
    program = port("tail_call_parser")
    assert program.run(ethernet(ipv4(tcp(dest=443), 6)), "start") == XDP.TX
    assert program.run(ethernet(ipv4(udp(b"", dest=53), 17)), "start") == XDP.PASS
    assert program.run(ethernet(ipv4(udp(b"", dest=5), 17)), "start") == XDP.PASS
    assert program.run(ethernet(ipv4(bytes(20), 47)), "start") == XDP.DROP
    assert (program["tcp_ports"], program["udp_ports"], program["unknown"]) == (443, 58, 1)


def test_tenants(port: Callable[..., Any]) -> None:
    program = port("tenants")
    for network in (0x0A0000, 0x0A0001):
        program["tenants"][network] = pyebpf.Hash[pyebpf.IPv4Address, pyebpf.u64](max_entries=256)
    frames = [("10.0.0.1", "10.9.9.9"), ("10.0.1.1", "10.9.9.9"), ("10.0.0.2", "10.9.9.8"), ("10.0.0.3", "10.9.9.9")]
    for dest, source in frames:
        assert program.run(ethernet(ipv4(udp(bytes(50)), 17, source, dest))) == XDP.PASS
    assert program.run(ethernet(ipv4(udp(b""), 17, dest="10.0.2.1"))) == XDP.DROP
    sizes = {str(address): count for address, count in program["tenants"][0x0A0000].items()}
    assert sizes == {"10.9.9.9": 2 * 92, "10.9.9.8": 92}
    assert [count for _, count in program["tenants"][0x0A0001].items()] == [92]


def test_locked_statistics(port: Callable[..., Any]) -> None:
    program = port("locked_statistics")
    sizes = [64, 1500, 60, 900, 14, 64]
    for size in sizes:
        program.run(bytes(size))
    found = program["sizes"][0]
    assert (found.count, found.least, found.most, found.total) == (len(sizes), 14, 1500, sum(sizes))
    assert found.squares == sum(size * size for size in sizes)


def test_lpm_firewall(port: Callable[..., Any]) -> None:
    program = port("lpm_firewall")
    program["v4"]["10.0.0.0/8"] = 1
    program["v4"]["10.1.0.0/16"] = 2
    program["v4"]["10.1.2.3/32"] = 0
    program["v6"]["fd00::/8"] = 1
    expected = {"10.9.9.9": XDP.DROP, "10.1.9.9": XDP.TX, "10.1.2.3": XDP.PASS, "11.0.0.1": XDP.PASS}
    for source, action in expected.items():
        assert program.run(ethernet(ipv4(udp(b""), 17, source=source))) == action
    assert program.run(ethernet(ipv6(udp(b""), 17, source="fd00::5"), 0x86DD)) == XDP.DROP
    assert program.run(ethernet(ipv6(udp(b""), 17, source="fe80::5"), 0x86DD)) == XDP.PASS
    assert program.run(ethernet(bytes(46), 0x0806)) == XDP.PASS


def test_new_flows(port: Callable[..., Any]) -> None:
    program = port("new_flows")
    sent: Counter[tuple[str, int]] = Counter()
    for number in range(60):
        source, sport = f"10.0.0.{number % 5}", 1000 + number % 3
        sent[source, sport] += 1
        assert program.run(ethernet(ipv4(udp(b"", sport, 53), 17, source=source))) == XDP.PASS
    assert program.run(ethernet(ipv4(bytes(8), 1))) == XDP.PASS
    reported = []
    while True:
        try:
            flow = program["new"].pop()
        except IndexError:
            break
        assert (str(flow.dest), flow.dest_port, flow.protocol) == ("10.0.0.1", 53, 17)
        reported.append((str(flow.source), flow.source_port))
    assert sorted(reported) == sorted(sent), "each once: a filter of this size errs on none of so few"
