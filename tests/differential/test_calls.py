"""@functions that are called from several places: one function of the object, or a copy in each; the same results."""

from __future__ import annotations

import pytest

from pyebpf.loader.load import LoadedObject

pytestmark = pytest.mark.kernel

PASS, DROP = 2, 1

MIX = """
out = Global[u64](0)

@function
def mix(a, b, c):
    x = a
    y = b
    x = (x * 31 + y) & 0xffff_ffff
    y = (y * 17 ^ x) & 0xffff_ffff
    x = (x * 13 + c) & 0xffff_ffff
    y = (y * 11 ^ x) & 0xffff_ffff
    x = (x * 31 + y) & 0xffff_ffff
    y = (y * 17 ^ x) & 0xffff_ffff
    x = (x * 13 + c) & 0xffff_ffff
    y = (y * 11 ^ x) & 0xffff_ffff
    if x % 5 == 3:
        return 1000 // (c - 7)
    assert c != 77
    return x ^ y
"""


def mix(a: int, b: int, c: int) -> int:
    x, y = a, b
    for _ in range(2):
        x = (x * 31 + y) & 0xFFFF_FFFF
        y = (y * 17 ^ x) & 0xFFFF_FFFF
        x = (x * 13 + c) & 0xFFFF_FFFF
        y = (y * 11 ^ x) & 0xFFFF_FFFF
    if x % 5 == 3:
        return 1000 // (c - 7)
    assert c != 77
    return x ^ y


def functions(loaded: LoadedObject) -> list[str]:
    return [function.name for function in loaded.spec.functions]


def test_copies_become_one_function(load) -> None:  # type: ignore[no-untyped-def]
    probe = load(
        MIX
        + """
@xdp
def probe(packet):
    a = packet.load(0, u8)
    b = packet.load(1, u8)
    total = mix(a, b, packet.load(2, u8))
    total += mix(b, a, packet.load(3, u8))
    total += mix(a, a, packet.load(4, u8)) - mix(a, total & 0xff, packet.load(5, u8))
    out.value = u64(total)
    return XDP.DROP
"""
    )
    assert functions(probe.loaded) == ["probe__mix_0"]
    faults: dict[str, int] = {}
    for seed in range(60):
        a, b, *rest = packet = [(seed * 37 + i * i * 11 + seed * i) % (9 if seed % 3 else 256) for i in range(6)]
        if seed % 7 == 0:
            packet[5] = rest[3] = 77
        try:
            total = mix(a, b, rest[0])
            total += mix(b, a, rest[1])
            third = mix(a, a, rest[2])
            total += third - mix(a, total & 0xFF, rest[3])
        except (ZeroDivisionError, AssertionError) as error:
            assert probe.run(bytes(packet) + bytes(58)) == PASS
            faults[type(error).__name__] = faults.get(type(error).__name__, 0) + 1
            continue
        assert probe.run(bytes(packet) + bytes(58)) == DROP
        assert probe.out() == total % 2**64
    assert faults
    assert probe.faults() == faults


def test_faults_are_caught_where_the_call_stands(load) -> None:  # type: ignore[no-untyped-def]
    probe = load(
        MIX
        + """
@xdp
def probe(packet):
    a = packet.load(0, u8)
    c = packet.load(1, u8)
    n = packet.load(2, u8)
    total = 0
    for i in range(6):
        try:
            total += mix(a, i, c)
        except ZeroDivisionError:
            total += 1
    try:
        total += mix(a, n, c)
        total += mix(c, n, c)
        total += mix(c, i, a)
        total += mix(i, c, c)
    except AssertionError:
        total = 5
    except ZeroDivisionError:
        total += 2
    out.value = u64(total)
    return XDP.DROP
"""
    )
    assert functions(probe.loaded)
    for a in range(0, 256, 5):
        for c in (7, 77, a):
            total: int | None = 0
            n = a ^ c
            try:
                for i in range(6):
                    try:
                        total += mix(a, i, c)  # type: ignore[operator]
                    except ZeroDivisionError:
                        total += 1  # type: ignore[operator]
                try:
                    total += mix(a, n, c)  # type: ignore[operator]
                    total += mix(c, n, c)
                    total += mix(c, i, a)
                    total += mix(i, c, c)
                except AssertionError:
                    total = 5
                except ZeroDivisionError:
                    total += 2  # type: ignore[operator]
            except AssertionError:
                total = None
            assert probe.run(bytes([a, c, n]) + bytes(61)) == (PASS if total is None else DROP)
            if total is not None:
                assert probe.out() == total % 2**64


def test_structs_packets_and_events_pass(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)

@struct
class Row:
    number: u64
    sums: u64[4]

rows = Array[Row](max_entries=4)
events = RingBuf[Row](size=4096)

@function
def add(packet, row, at):
    row.number += 1
    for i in range(4):
        row.sums[i] += packet.load(at + i, u8)
    if row.number > 2:
        row.sums[at & 3] = row.sums[(at + 1) & 3]
    if packet.load(at, u8) == 255:
        row.number += packet.load(at + 60, u8)
    return row.sums[1] + row.sums[2] * 3

@xdp
def probe(packet):
    own = Row()
    total = add(packet, own, 0)
    total += add(packet, own, 4)
    total += add(packet, own, 8)
    total += add(packet, rows[0], 12)
    total += add(packet, rows[1], 16)
    with events.reserve() as event:
        total += add(packet, event, 20)
        total += add(packet, event, 24)
    out.value = total + own.number + rows[0].number
    return XDP.DROP
""")
    rows = {name: [0, 0, 0, 0, 0] for name in ("own", "first", "second", "event")}

    def add(packet: bytes, row: list[int], at: int) -> int:
        row[0] += 1
        for i in range(4):
            row[1 + i] += packet[at + i]
        if row[0] > 2:
            row[1 + (at & 3)] = row[1 + ((at + 1) & 3)]
        if packet[at] == 255:
            row[0] += packet[at + 60]
        return row[2] + row[3] * 3

    places = ("own", 0), ("own", 4), ("own", 8), ("first", 12), ("second", 16), ("event", 20), ("event", 24)
    for packet in (bytes(range(64)), bytes([255, *range(100, 200)]), bytes(i * 7 % 251 for i in range(90))):
        rows["own"], rows["event"] = [0] * 5, [0] * 5
        total = 0
        for name, at in places:
            total += add(packet, rows[name], at)
        assert probe.run(packet) == DROP
        assert probe.out() == (total + rows["own"][0] + rows["first"][0]) % 2**64
