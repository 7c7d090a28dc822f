"""Loops over the entries of hash maps: the same in the kernel as over a dict."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from pyebpf.compiler import check_target
from pyebpf.loader import sys

pytestmark = pytest.mark.kernel

PASS, DROP, TX = 2, 1, 3


def test_keys_values_and_items(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)
table = Hash[u32, u64](max_entries=64)

@xdp
def probe(packet):
    for i in range(10):
        table[i] = i * i
    total = 0
    for key, value in table.items():
        if key == 3:
            del table[key]
            continue
        total += key * 1000 + value
        if key == 20:
            break
    else:
        total += 1_000_000
    for key in table:
        total += key
    for key in table.keys():
        total += key
    for value in table.values():
        total += value
    out.value = u64(total)
    return XDP.DROP
""")
    table = {i: i * i for i in range(10) if i != 3}
    total = sum(key * 1000 + value for key, value in table.items()) + 1_000_000
    assert probe.run() == DROP
    assert probe.out() == total + 2 * sum(table) + sum(table.values())


def test_break_return_and_faults(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)
table = Hash[u32, u64](max_entries=16)

@xdp
def probe(packet):
    mode = packet.load(0, u8)
    if mode == 9:
        for i in range(3):
            table[i] = 5 + 2 * i
    seen = 0
    found = False
    try:
        for key, value in table.items():
            seen += 1
            if mode == 1 and value == 7:
                found = True
                break
            if mode == 2 and value == 7:
                return XDP.TX
            if mode == 3:
                seen += 10 // (value - 7)
            if mode == 4:
                assert value != 7
        else:
            seen += 100
    except ZeroDivisionError:
        seen = 1000
    out.value = u64(seen) if not found else 500
    return XDP.DROP
""")

    def run(mode: int) -> int:
        return probe.run(bytes([mode]) + bytes(63))

    assert (run(0), probe.out()) == (DROP, 100)  # an empty map, and the else
    assert (run(9), probe.out()) == (DROP, 103)
    assert (run(1), probe.out()) == (DROP, 500)
    assert run(2) == TX
    assert (run(3), probe.out()) == (DROP, 1000)
    assert run(4) == PASS
    assert probe.faults() == {"AssertionError": 1}


def test_struct_keys_and_values(load) -> None:  # type: ignore[no-untyped-def]
    """A key is a copy; a value is the entry itself."""
    probe = load("""
out = Global[u64](0)

@struct
class Flow:
    source: u32
    port: u16
    kind: u16

@struct
class Stats:
    packets: u64
    bytes: u64

flows = Hash[Flow, Stats](max_entries=16)

@xdp
def probe(packet):
    if packet.load(0, u8):
        flows[Flow(source=100, port=10)] = Stats()
        flows[Flow(source=200, port=12)] = Stats(packets=1)
        flows[Flow(source=300, port=99)] = Stats(packets=2)
    best = 0
    for flow, stats in flows.items():
        stats.packets += 1
        if stats.packets > 2:
            del flows[flow]
            continue
        for i in range(4):
            if flow.port == 10 + i:
                best = max(best, flow.source + i)
    out.value = best
    return XDP.DROP
""")
    assert probe.run(bytes([1]) + bytes(63)) == DROP
    assert probe.out() == 202
    assert probe.run() == DROP
    assert probe.out() == 100  # the second has been counted three times now, and is gone
    flows = probe.loaded.maps["flows"].fd
    keys = [struct.pack("<IHH", source, port, 0) for source, port in ((100, 10), (200, 12), (300, 99))]
    assert [sys.map_lookup(flows, key, 16) for key in keys] == [struct.pack("<QQ", 2, 0), None, None]


def test_loops_over_maps_in_loops_over_maps(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)
left = Hash[u32, u64](max_entries=16)
right = Hash[u32, u64](max_entries=16)

@function
def add_all(factor: u64):
    total = 0
    for value in right.values():
        if value == 5:
            continue
        total += value * factor
    return total

@xdp
def probe(packet):
    for i in range(4):
        left[i] = i
        right[i] = i + 3
    total = 0
    for key, value in left.items():
        if key == 2:
            continue
        total += add_all(value + 1)
    out.value = u64(total)
    return XDP.DROP
""")
    assert probe.run() == DROP
    assert probe.out() == sum((value + 1) * sum((3, 4, 6)) for value in (0, 1, 3))


def test_check_tells_what_the_kernel_must_have(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    path.write_text("""
from pyebpf import XDP, Hash, u32, u64, xdp

table = Hash[u32, u64](max_entries=1000)

@xdp
def probe(packet):
    for key in table:
        del table[key]
    return XDP.PASS
""")
    (report,) = check_target(path).programs
    assert [(loop.line, loop.bound, loop.strategy) for loop in report.loops] == [(8, 1000, "entries")]
    assert report.needs.since == (5, 13)
