"""Handmade programs of the kinds that verifiers dislike: each loads, and computes what Python would."""

from __future__ import annotations

import struct
from types import SimpleNamespace

import pytest

from pyebpf.loader import sys

pytestmark = pytest.mark.kernel

PASS, DROP = 2, 1


def test_cursor_over_tcp_options(load) -> None:  # type: ignore[no-untyped-def]
    """Options of variable length, one after the other, until the maximum segment size is found."""
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    at = 54
    for _ in range(10):
        kind = packet.load(at, u8)
        if kind == 0:
            break
        if kind == 1:
            at += 1
            continue
        if kind == 2:
            out.value = packet.load(at + 2, be16)
            return XDP.DROP
        at += packet.load(at + 1, u8)
    return XDP.TX
""")
    head = bytes(54)
    assert probe.run(head + bytes([1, 1, 8, 10, *range(8), 2, 4, 5, 0xB4, 0])) == DROP
    assert probe.out() == 0x5B4
    assert probe.run(head + bytes([1, 1, 0]) + bytes(20)) == 3
    assert probe.run(head + bytes([8, 200]) + bytes(20)) == PASS
    assert probe.faults() == {"PacketTooShort": 1}


def test_sum_of_all_bytes(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    total = 0
    for i in range(min(len(packet), 200)):
        total += packet.load(i, u8)
    out.value = total
    return XDP.DROP
""")
    for packet in (bytes(range(64)), bytes(range(200)), bytes([255] * 300)):
        assert probe.run(packet) == DROP
        assert probe.out() == sum(packet[:200])


def test_offset_read_from_the_packet(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    where = packet.load(16, be16)
    out.value = packet.load(where, be16)
    return XDP.DROP
""")
    packet = bytearray(range(64))
    packet[16:18] = (40).to_bytes(2, "big")
    assert probe.run(bytes(packet)) == DROP
    assert probe.out() == 0x2829
    packet[16:18] = (63).to_bytes(2, "big")
    assert probe.run(bytes(packet)) == PASS
    packet[16:18] = (65535).to_bytes(2, "big")
    assert probe.run(bytes(packet)) == PASS
    assert probe.faults() == {"PacketTooShort": 2}


def test_headers_behind_ip_options(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    eth = packet.parse(Ethernet)
    if eth.proto != ETH_P_IP:
        return XDP.TX
    packet.parse(IPv4)
    tcp = packet.parse(Tcp)
    out.value = tcp.dest * 1000 + packet.offset
    return XDP.DROP
""")
    for words in (5, 6, 15):
        ip = bytes([0x40 | words]) + bytes(words * 4 - 1)
        tcp = struct.pack(">HHIIBB", 1, 443, 0, 0, 0x70, 0) + bytes(14)
        assert probe.run(bytes(12) + b"\x08\x00" + ip + tcp) == DROP
        assert probe.out() == 443 * 1000 + 14 + words * 4 + 28
    assert probe.run(bytes(12) + b"\x08\x00" + bytes([0x44]) + bytes(60)) == PASS  # claims 16 bytes
    assert probe.run(bytes(64)) == 3


@pytest.mark.parametrize(
    ("element", "length"),
    [(element, n) for element in ("u8", "u16", "i32", "u64") for n in (1, 3, 7, 8, 12)] + [("u8", 120), ("i32", 100)],
)
def test_variable_index_into_the_stack(load, length: int, element: str) -> None:  # type: ignore[no-untyped-def]
    probe = load(f"""
out = Global[u64](0)

@xdp
def probe(packet):
    cells = {element}[{length}]()
    for i in range({length}):
        cells[i] = {element}(i * 3 % 100)
    index = packet.load(0, i8)
    cells[index] = 101
    total = 0
    for i in range({length}):
        total = total * 3 + cells[i]
    out.value = u64(total)
    return XDP.DROP
""")
    for index in (0, length - 1, length // 2, -1, -length, length, -length - 1, 127, -128):
        cells = [i * 3 % 100 for i in range(length)]
        inside = -length <= index < length
        assert probe.run(struct.pack("<b", index) + bytes(63)) == (DROP if inside else PASS), index
        if inside:
            cells[index] = 101
            total = 0
            for cell in cells:
                total = total * 3 + cell
            assert probe.out() == total % 2**64


def test_variable_index_into_map_and_ring(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Row:
    first: u32
    cells: u16[5]

rows = Array[Row](max_entries=3)
ring = RingBuf[Row](size=4096)
out = Global[u64](0)

@xdp
def probe(packet):
    row = rows[packet.load(0, u8)]
    at = packet.load(1, u8)
    row.cells[at] = u16(row.cells[at] + 7)
    with ring.reserve() as event:
        event.cells[packet.load(2, u8)] = row.cells[packet.load(1, u8)]
        event.first = event.cells[4]
        out.value = event.first
    return XDP.DROP
""")
    assert probe.run(bytes([2, 4, 4]) + bytes(61)) == DROP
    assert probe.out() == 7
    assert probe.run(bytes([2, 4, 4]) + bytes(61)) == DROP
    assert probe.out() == 14
    for wrong in ([3, 0, 0], [0, 5, 0], [0, 0, 5]):
        assert probe.run(bytes(wrong) + bytes(61)) == PASS
    assert probe.faults() == {"IndexError": 3}
    assert probe.run(bytes([1, 4, 4]) + bytes(61)) == DROP
    assert probe.out() == 7


def test_early_return_from_loops_inside_reservations(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Event:
    i: u32
    j: u32

ring = RingBuf[Event](size=1 << 20)  # nobody reads it: it must hold all of the test's events
other = RingBuf[Event](size=1 << 20)
out = Global[u64](0)

@function
def search(packet, limit):
    for i in range(4):
        with ring.reserve() as event:
            event.i = i
            for j in range(4):
                with other.reserve() as inner:
                    inner.j = j
                    if i * 4 + j == limit:
                        return i * 10 + j
                    if j == 2:
                        break
                    assert i != 3
            if i == 2:
                continue
            event.j = 1
    return 99

@xdp
def probe(packet):
    out.value = search(packet, packet.load(0, u8))
    return XDP.DROP
""")

    def expected(limit: int) -> int | None:
        for i in range(4):
            for j in range(4):
                if i * 4 + j == limit:
                    return i * 10 + j
                if j == 2:
                    break
                if i == 3:
                    return None
        return 99

    for limit in [*range(18), 200] * 20:
        answer = expected(limit)
        assert probe.run(bytes([limit]) + bytes(63)) == (PASS if answer is None else DROP)
        if answer is not None:
            assert probe.out() == answer


def test_nearly_all_of_the_stack(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Big:
    words: u64[52]
    name: char[8]

out = Global[u64](0)
saved = Array[Big](max_entries=1)

@xdp
def probe(packet):
    big = Big()
    for i in range(52):
        big.words[i] = u64(i) * packet.load(0, u8)
    big.words[packet.load(1, u8)] += 1
    saved[0] = big
    total = 0
    for i in range(52):
        total += saved[0].words[i]
    out.value = u64(total)
    return XDP.DROP
""")
    assert probe.run(bytes([3, 51]) + bytes(62)) == DROP
    assert probe.out() == sum(i * 3 for i in range(52)) + 1


def test_deep_inlining(load) -> None:  # type: ignore[no-untyped-def]
    functions = "@function\ndef f0(x, y):\n    if x > y:\n        return x - y\n    return x + 1\n"
    for n in range(1, 12):
        functions += f"\n@function\ndef f{n}(x, y):\n    z = f{n - 1}(x, y + 1)\n    return z * 2 if z & 1 else z + y\n"
    probe = load(f"out = Global[i64](0)\n\n{functions}\n@xdp\ndef probe(packet):\n"
                 "    out.value = f11(packet.load(0, u8), packet.load(1, i8))\n    return XDP.DROP\n")  # fmt: skip
    scope: dict[str, object] = {"function": lambda f: f}
    exec(functions, scope)
    for x in (0, 1, 7, 200, 255):
        for y in (-128, -3, 0, 5, 127):
            assert probe.run(struct.pack("<Bb", x, y) + bytes(62)) == DROP
            assert probe.out("<q") == scope["f11"](x, y)  # type: ignore[operator]


def test_optional_through_loops(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
table = Hash[u32, u64](max_entries=16)
out = Global[u64](0)

@xdp
def probe(packet):
    best = None
    for i in range(8):
        key = u32(packet.load(i, u8))
        if key < 4:
            table[key] = 100 + i
        found = table.get(key)
        if found is None:
            continue
        if best is None or found > best:
            best = found
    if best is None:
        return XDP.TX
    out.value = best if best > 3 else 3
    return XDP.DROP
""")
    assert probe.run(bytes([9] * 64)) == 3
    assert probe.run(bytes([9, 9, 1, 9, 2, 9, 9, 9]) + bytes(56)) == DROP
    assert probe.out() == 104


def test_struct_reference_that_may_be_none(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Stats:
    calls: u64
    most: u32

stats = Hash[u32, Stats](max_entries=16)
out = Global[u64](0)

@xdp
def probe(packet):
    key = u32(packet.load(0, u8))
    entry = stats.get(key)
    if entry is None:
        stats[key] = Stats(calls=1)
        entry = stats.get(key)
        if entry is None:
            return XDP.ABORTED
    else:
        entry.calls += 1
    entry.most = max(entry.most, packet.load(1, u8))
    out.value = entry.calls * 1000 + entry.most
    return XDP.DROP
""")
    for calls, most in ((1, 5), (2, 9), (3, 2)):
        assert probe.run(bytes([7, most]) + bytes(62)) == DROP
        assert probe.out() == calls * 1000 + (9 if calls > 1 else 5)


@pytest.mark.parametrize(
    ("start", "statement", "result"),
    [
        (2**64 - 1, "out.value += 1", 0),
        (2**63, "out.value += 2**63", 0),
        (2**64 - 1, "out.value = out.value * out.value", 1),
        (2**63, "out.value = out.value - 1", 2**63 - 1),
        (2**64 - 1, "out.value //= 10", (2**64 - 1) // 10),
        (2**63, "out.value %= 10", 2**63 % 10),
        (2**64 - 1, "out.value = max(out.value, 5)", 2**64 - 1),
        (2**64 - 1, "out.value = 1 if out.value > -1 else 2", 1),
        (2**63, "out.value = 1 if out.value == -(2**63) else 2", 2),
        (2**64 - 1, "out.value >>= 63", 1),
        (2**63, "out.value <<= 1", 0),
        (2**64 - 1, "out.value = ~out.value", 0),
        (2**64 - 1, "out.value = u64(i64(out.value) // 2)", 2**64 - 1),
        (2**63, "out.value = abs(i64(out.value))", 2**63),
    ],
)
def test_at_the_edge_of_64_bits(load, start: int, statement: str, result: int) -> None:  # type: ignore[no-untyped-def]
    probe = load(f"out = Global[u64]({start})\n\n@xdp\ndef probe(packet):\n    {statement}\n    return XDP.DROP\n")
    assert probe.run() == DROP
    assert probe.out() == result


def test_counters_of_maps_wrap_around(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
table = Hash[u32, u64](max_entries=4)
narrow = Hash[u32, u16](max_entries=4)
out = Global[u64](0)

@xdp
def probe(packet):
    table[1] = 2**64 - 1
    table[1] += 2
    narrow[1] = 65535
    narrow[1] += 2
    narrow[2] += 3
    out.value = table[1] * 100 + narrow[1] * 10 + narrow[2]
    return XDP.DROP
""")
    assert probe.run() == DROP
    assert probe.out() == 113


def test_full_map_is_a_memory_error(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
table = Hash[u32, u64](max_entries=4)

@xdp
def probe(packet):
    for i in range(packet.load(0, u8) & 15):
        table[u32(i)] += 1
    return XDP.DROP
""")
    assert probe.run(bytes([4]) + bytes(63)) == DROP
    assert probe.run(bytes([5]) + bytes(63)) == PASS
    assert probe.faults() == {"MemoryError": 1}


def test_long_loop(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    total = 0
    for i in range(5000):
        if i % 7 == 3:
            continue
        total += i ^ 5
    out.value = total
    return XDP.DROP
""")
    assert probe.run() == DROP
    assert probe.out() == sum(i ^ 5 for i in range(5000) if i % 7 != 3)


def test_text_in_all_lengths(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Names:
    short: char[4]
    long: char[12]

names = Array[Names](max_entries=1)
out = Global[u64](0)

@xdp
def probe(packet):
    n = names[0]
    n.short = "abcd"
    n.long = "abcd"
    bits = 0
    if n.short == n.long:
        bits |= 1
    n.long = "abcde"
    if n.short != n.long:
        bits |= 2
    if n.short == "abcd":
        bits |= 4
    copy = n.short
    n.short = "ab"
    if copy == "abcd" and n.short == "ab" and not n.short == "abc":
        bits |= 8
    n.short = ""
    if not n.short:
        bits |= 16
    out.value = bits
    return XDP.DROP
""")
    assert probe.run() == DROP
    assert probe.out() == 31


@pytest.mark.parametrize("shape", ["{n} if x == {n} else ({rest})", "packet.load({n}, u8) or ({rest})"])
def test_choices_inside_choices(load, shape: str) -> None:  # type: ignore[no-untyped-def]
    """Each level is lowered once: time that doubled with every level would never end here."""
    expression = "99"
    for n in range(30, 0, -1):
        expression = shape.format(n=n, rest=expression)
    probe = load(f"""
out = Global[u64](0)

@xdp
def probe(packet):
    x = packet.load(0, u8)
    out.value = {expression}
    return XDP.DROP
""")
    for first in (1, 17, 30, 31):
        packet = bytes([first, *[0] * 20, 7, *[0] * 42])
        assert probe.run(packet) == DROP
        assert probe.out() == (7 if "load" in shape else first if first <= 30 else 99)


def test_text_and_addresses_never_change(load) -> None:  # type: ignore[no-untyped-def]
    """A name keeps the text or address that it was given, whatever is written to where that came from."""
    probe = load("""
@struct
class Names:
    a: char[8]
    b: char[8]

names = Array[Names](max_entries=1)
out = Global[u64](0)

@xdp
def probe(packet):
    eth = packet.parse(Ethernet)
    kept = eth.dest
    eth.dest = eth.source
    eth.source = kept
    eth.dest, eth.source = eth.source, eth.dest
    eth.dest, eth.source = eth.source, eth.dest
    n = names[0]
    n.a = "left"
    n.b = "right"
    n.a, n.b = n.b, n.a
    x, y = n.a, n.b
    x, y = y, x
    n.a, x = x, n.a
    out.value = (n.a == "left") + (n.b == "left") * 2 + (x == "right") * 4 + (y == "right") * 8
    return XDP.DROP
""")
    result, data = probe.changed(bytes(range(64)))
    assert result == DROP
    assert data[:14] == bytes([*range(6, 12), *range(6), 12, 13])
    assert probe.out() == 15


def test_structs_made_from_themselves(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Pair:
    x: u8[2]
    a: char[4]
    b: char[4]

out = Global[u64](0)

@xdp
def probe(packet):
    pair = Pair(a="ab", b="cd")
    pair.x[1] = 7
    for i in range(packet.load(0, u8) & 7):
        pair = Pair(a=pair.b, b=pair.a, x=pair.x)
    out.value = (pair.a == "ab" and pair.b == "cd") + (pair.a == "cd" and pair.b == "ab") * 2 + pair.x[1] * 10
    return XDP.DROP
""")
    for rounds in range(8):
        assert probe.run(bytes([rounds, *[0] * 63])) == DROP
        assert probe.out() == (72 if rounds % 2 else 71)


def test_structs_made_in_loops(load) -> None:  # type: ignore[no-untyped-def]
    """Names may refer to what a round made until the next round makes its own."""
    probe = load("""
@struct
class Point:
    x: u32
    y: u32

out = Global[u64](0)

@function
def moved(point, by):
    return Point(x=point.y, y=u32(point.x + by))

@xdp
def probe(packet):
    best = Point()
    before = Point(x=1)
    for i in range(6):
        if before.x > best.x:
            best = Point(x=before.x, y=before.y)
        here = moved(before, packet.load(i, u8))
        before = here
    out.value = best.x * 1000 + before.x + before.y
    return XDP.DROP
""")
    for packet in (bytes(64), bytes(range(64)), bytes([9, 1, 8, 2, 200, 3]) + bytes(58)):
        assert probe.run(packet) == DROP
        best, before = (0, 0), (1, 0)
        for i in range(6):
            best = max(best, before, key=lambda point: point[0])
            before = (before[1], before[0] + packet[i])
        assert probe.out() == best[0] * 1000 + before[0] + before[1]


def test_augmented_assignment_reads_first(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Pair:
    x: i64
    y: i64

out = Global[i64](0)
bits = Global[u64](8)

@function
def change(pair):
    pair.x = 100
    bits.value = 4
    return 1

@xdp
def probe(packet):
    pair = Pair(x=5)
    pair.x += change(pair)
    pair.y = pair.x
    pair.x -= change(pair) * 2
    bits.value = 8
    bits.value |= change(pair)
    out.value = pair.y * 1000 + i64(bits.value)
    return XDP.DROP
""")
    assert probe.run() == DROP
    assert probe.out("<q") == 6009


def test_none_until_a_struct_is_found(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
@struct
class Stats:
    size: u64

stats = Hash[u32, Stats](max_entries=16)
out = Global[u64](0)

@xdp
def probe(packet):
    largest = None
    for i in range(6):
        entry = stats.get(packet.load(i, u8))
        if entry is None:
            stats[packet.load(i, u8)] = Stats(size=packet.load(i, u8) ^ 5)
        elif largest is None or entry.size > largest.size:
            largest = entry
    if largest is None:
        return XDP.TX
    largest.size += 100
    out.value = largest.size
    return XDP.DROP
""")
    assert probe.run(bytes(range(64))) == 3
    assert probe.run(bytes(range(64))) == DROP
    assert probe.out() == 107
    assert probe.run(bytes([1, 0, 2]) + bytes(61)) == DROP
    assert probe.out() == 207


def test_headers_behind_a_loop_over_vlans(load) -> None:  # type: ignore[no-untyped-def]
    """The cursor moves in a loop, then by a length from the packet."""
    probe = load("""
from pyebpf import Vlan

out = Global[u64](0)

@xdp
def probe(packet):
    proto = packet.parse(Ethernet).proto
    for _ in range(2):
        if proto != 0x8100:
            break
        proto = packet.parse(Vlan).proto
    if proto != ETH_P_IP:
        return XDP.TX
    ip = packet.parse(IPv4)
    if ip.protocol == 6:
        out.value = packet.parse(Tcp).dest * 1000 + packet.offset
    return XDP.DROP
""")
    for vlans in range(4):
        for words in (5, 9):
            ip = bytes([0x40 | words, *[0] * 8, 6]) + bytes(words * 4 - 10)
            tcp = struct.pack(">HHIIBB", 1, 443, 0, 0, 0x50, 0) + bytes(6)
            packet = bytes(12) + b"\x81\x00\x00\x01" * vlans + b"\x08\x00" + ip + tcp
            assert probe.run(packet) == (DROP if vlans < 3 else 3)
            if vlans < 3:
                assert probe.out() == 443 * 1000 + 14 + vlans * 4 + words * 4 + 20


def test_maps_of_bools(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
seen = Hash[u32, bool](max_entries=16)
out = Global[u64](0)

@xdp
def probe(packet):
    key = packet.load(0, u8)
    before = seen.get(key)
    bits = 0 if before is None else 1 if before else 2
    seen[key] = bits == 0
    bits += 10 if seen.get(key, False) else 20
    bits += 100 if seen.get(99) else 200
    bits += 1000 if seen.pop(key + 1) is None else 2000
    out.value = bits
    return XDP.DROP
""")
    for key, result in ((1, 1210), (1, 1221), (1, 1222), (0, 2210), (1, 1210)):
        assert probe.run(bytes([key, *[0] * 63])) == DROP
        assert probe.out() == result


def test_indexes_that_are_always_negative(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[i64](0)

@xdp
def probe(packet):
    cells = i16[7]()
    for i in range(7):
        cells[i] = i * i
    n = packet.load(0, i64)
    out.value = cells[-(n % 7) - 1] * 100 + cells[-(n % 3) - 2]
    return XDP.DROP
""")
    for n in (0, 1, 6, 7, -1, -(2**63), 2**63 - 1):
        assert probe.run(struct.pack("<q", n) + bytes(56)) == DROP
        cells = [i * i for i in range(7)]
        assert probe.out("<q") == cells[-(n % 7) - 1] * 100 + cells[-(n % 3) - 2]


def test_printed_text_that_may_be_out_of_reach(load) -> None:  # type: ignore[no-untyped-def]
    """Reading it can be a fault while the printed record is reserved, which is given back then."""
    load("""
from pyebpf import comm, current_task, raw_tracepoint

@struct
class Event:
    pid: u32

ring = RingBuf[Event](size=4096)

@raw_tracepoint("sys_enter")
def probe(ctx):
    with ring.reserve() as event:
        event.pid = 1
        print(f"{comm()} {current_task().real_parent.comm}")
""")


def test_printed_addresses(load) -> None:  # type: ignore[no-untyped-def]
    load("""
from pyebpf import current_task, tracepoint

@tracepoint("syscalls:sys_enter_openat")
def probe(ctx):
    print(f"{ctx.filename:#x} {current_task().mm}", current_task(), ctx.filename)
""")


def test_kernel_pointers_that_may_be_none(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
from pyebpf import current_task, raw_tracepoint, tid

out = Global[u64](0)

@function
def ancestor(number):
    task = current_task()
    for _ in range(20):
        if task.tgid == number:
            return task
        task = task.real_parent
    return None

@raw_tracepoint("sys_enter")
def probe(ctx):
    task = current_task()
    first = None
    for _ in range(20):
        if first is None or task.tgid < first.tgid:
            first = task
        task = task.real_parent
    nobody = first if ctx.args[0] else None
    task = ancestor(1)
    bits = 0 if task is None else 1
    task = None if first is None else ancestor(ctx.args[1])
    bits += 2 if nobody is None else 4
    bits += 8 if task is None else 16
    out.value = bits * 100 + first.tgid
""")
    for first, number, bits in ((0, 1, 1 + 2 + 16), (1, 2**31, 1 + 4 + 8)):
        context = struct.pack("<2Q", first, number)
        sys.prog_test_run(probe.loaded.programs["probe"].fd, context=context, repeat=0)
        assert probe.out() == bits * 100


def test_fields_of_packed_structs(load) -> None:  # type: ignore[no-untyped-def]
    """They lie at odd addresses, where the verifier allows no wide access to the stack and nothing atomic."""
    probe = load("""
@struct(packed=True)
class Row:
    kind: u8
    count: u32
    cells: u16[3]
    wide: u64

rows = Hash[Row, Row](max_entries=4)
out = Global[u64](0)

@xdp
def probe(packet):
    row = Row(kind=packet.load(0, u8), count=packet.load(1, u32), wide=packet.load(8, u64))
    row.cells[packet.load(0, u8) % 3] = 7
    if row not in rows:
        rows[row] = row.copy()
    found = rows[row]
    found.count += 5
    found.wide -= row.count
    rows[row].cells[1] += 9
    out.value = (found.wide ^ found.count) + rows[row].cells[1] + row.cells[1]
    return XDP.DROP
""")
    for packet in (bytes(64), bytes(range(64)), bytes([255] * 64)):
        assert probe.run(packet) == DROP
        kind, count, wide = packet[0], *struct.unpack_from("<I3xQ", packet, 1)
        first = 7 if kind % 3 == 1 else 0
        wide, count = (wide - count) % 2**64, (count + 5) % 2**32
        assert probe.out() == ((wide ^ count) + first + 9 + first) % 2**64


def test_abs_of_what_is_never_positive(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    x: i32 = -(packet.load(0, u8) != 7)
    out.value = 1 if (packet.load(1, u8) == 1) >= abs(x) else 2
    return XDP.DROP
""")
    for first, second in ((7, 0), (7, 1), (0, 0), (0, 1)):
        assert probe.run(bytes([first, second, *[0] * 62])) == DROP
        assert probe.out() == (1 if (second == 1) >= abs(-(first != 7)) else 2)


def test_indexes_that_always_count_from_the_end(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    values = u32[8]()
    for i in range(8):
        values[i] = u32(i + 10)
    out.value = min(values[(packet.load(0, u8) & 3) - 8], 12)
    return XDP.DROP
""")
    for index in range(4):
        assert probe.run(bytes([index, *[0] * 63])) == DROP
        assert probe.out() == min(range(10, 18)[index - 8], 12)


def test_else_of_a_loop_over_data(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    out.value = 0
    for i in range(1, min(packet.load(0, u32), 4)):
        if i == packet.load(4, u8):
            break
    else:
        out.value = 7
    return XDP.DROP
""")
    for count in (0, 1, 2, 3, 4, 5, 2**32 - 1):
        for stop in range(5):
            assert probe.run(struct.pack("<IB59x", count, stop)) == DROP
            assert probe.out() == (0 if 1 <= stop < min(count, 4) else 7)


@pytest.mark.parametrize("kind", ["Hash", "PerCpuHash", "Array", "PerCpuArray"])
@pytest.mark.parametrize("value", ["u64", "i64", "u32", "u16", "i8"])
def test_counting_down(load, kind: str, value: str) -> None:  # type: ignore[no-untyped-def]
    types = value if "Array" in kind else f"u32, {value}"
    probe = load(f"""
from pyebpf import PerCpuArray, PerCpuHash

left = {kind}[{types}](max_entries=4)
out = Global[i64](0)

@xdp
def probe(packet):
    left[1] = 100
    left[1] -= packet.load(0, u8) & 63
    left[1] -= 1
    out.value = i64(left[1])
    return XDP.DROP
""")
    for taken in (0, 5, 63):
        assert probe.run(bytes([taken, *[0] * 63])) == DROP
        assert probe.out("<q") == 99 - taken


@pytest.mark.parametrize("test", ["n > 0", "n > 1", "n >= 1", "n >= 7", "n != 0", "n > 1000", "5 < n"])
@pytest.mark.parametrize("change", ["n //= 2", "n >>= 1", "n >>= 3", "n //= 10", "n &= n - 1"])
def test_numbers_that_shrink(load, test: str, change: str) -> None:  # type: ignore[no-untyped-def]
    """A loop that halves what it tests ends, whatever the number is at first."""
    probe = load(f"""
out = Global[u64](0)

@xdp
def probe(packet):
    n = packet.load(0, u64)
    steps = 0
    while {test}:
        {change}
        steps += 1
    out.value = steps
    return XDP.DROP
""")
    for start in (0, 1, 2, 6, 7, 1000, 1001, 2**31, 2**63, 2**64 - 1):
        n, steps = start, 0
        scope = {"n": n}
        while eval(test, scope):
            exec(change, scope)
            steps += 1
        assert probe.run(struct.pack("<Q", start) + bytes(56)) == DROP
        assert probe.out() == steps, start


def test_rounds_that_differ(load) -> None:  # type: ignore[no-untyped-def]
    """Each round goes one of two ways, which the verifier must not tell apart for ever."""
    probe = load("""
out = Global[u64](0)

@xdp
def probe(packet):
    n = packet.load(0, u32)
    steps = 0
    for _ in range(400):
        if n == 1:
            break
        if n % 2 == 0:
            n = n // 2
        else:
            n = n * 3 + 1
        steps += 1
    out.value = steps
    return XDP.DROP
""")
    for start in (1, 2, 27, 97, 871, 77031, 2**32 - 1):
        n, steps = start, 0
        while n != 1 and steps < 400:
            n, steps = n // 2 if n % 2 == 0 else n * 3 + 1, steps + 1
        assert probe.run(struct.pack("<I", start) + bytes(60)) == DROP
        assert probe.out() == steps
    assert probe.verified() < 100_000


def test_a_state_machine_over_a_packet(load) -> None:  # type: ignore[no-untyped-def]
    """Truth values, counters and what was seen last, all changed on some ways and not on others."""
    text = """
@xdp
def probe(packet):
    open = False
    odd = False
    seen = 0
    total = 0
    last = 0
    for i in range(100):
        x = packet.load(i, u8)
        if x == 1:
            open = True
        if x % 16 == 2:
            odd = not odd
        if x > 100:
            seen += 1
        if x > last:
            total += x
        last = x
        if open and odd:
            seen += 7
        if seen > 60 and total > 70:
            table[seen % 16] += 1
    out.value = seen + total
    return XDP.DROP
"""
    probe = load("out = Global[u64](0)\ntable = Array[u64](max_entries=16)\n" + text)
    expected = [0] * 16
    for packet in (bytes(range(100)), bytes([1, 2, 200] * 40), bytes([2, 1, 130, 18, 34] * 30)):
        scope = {"packet": packet, "out": SimpleNamespace(value=0), "table": expected}
        body = text.partition(":\n")[2].replace("packet.load(i, u8)", "packet[i]").replace("return XDP.DROP", "pass")
        exec("if True:\n" + body, scope)
        assert probe.run(packet) == DROP
        assert probe.out() == scope["out"].value
    assert [probe.entry("table", number) for number in range(16)] == expected
    assert probe.verified() < 200_000


def test_what_two_lookups_found_is_combined(load) -> None:  # type: ignore[no-untyped-def]
    """LLVM would or the two addresses, and compare the result with null."""
    probe = load(
        """
table = Hash[u32, u64](max_entries=8)
out = Global[u64](0)

@xdp
def probe(packet):
    a, b = u32(packet.load(0, u8)), u32(packet.load(1, u8))
    out.value = ((a in table) | (b in table)) + 2 * ((a in table) & (b in table)) + 4 * ((a in table) ^ (b in table))
    return XDP.DROP
"""
    )
    probe.put("table", (1).to_bytes(4, "little"), bytes(8))
    probe.put("table", (2).to_bytes(4, "little"), bytes(8))
    for a, b in ((1, 2), (1, 7), (7, 2), (7, 8)):
        one, two = a < 3, b < 3
        assert probe.run(bytes([a, b]) + bytes(62)) == DROP
        assert probe.out() == (one | two) + 2 * (one & two) + 4 * (one ^ two)
