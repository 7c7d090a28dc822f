"""Programs as users write them that were refused once, by the kernel's verifier, or needlessly by a check."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import twice
from running import Kernel

from pyebpf import CompileError

pytestmark = [pytest.mark.kernel, pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")]

FOUND: Final = {
    "the address of a field of an element on the stack": """
@struct
class Item:
    k: u16
    t: char[6]
@xdp
def probe(packet):
    n = packet.load(0, u8)
    m = packet.load(1, u8)
    items = Item[16]()
    items[n & 15].t = "abc"
    i = m & 15
    out[3] = len(items[i].t)
    return XDP.DROP
""",
    "structs and arrays inside of elements on the stack": """
@struct
class Inner:
    a: u16
    b: u32
@struct
class Item:
    k: u16
    i: Inner
@struct
class W:
    k: u16
    t: u8[2]
h = Hash[char[4], u64](max_entries=8)
@struct
class Key:
    k: u32
    t: char[4]
@xdp
def probe(packet):
    n = packet.load(0, u8)
    m = packet.load(1, u8)
    items = Item[8]()
    p = items[n & 7].i
    p.a = m
    p.b = n
    out[0] = items[m & 7].i.a
    ws = W[8]()
    ws[n & 7].t[m & 1] = 7
    w = ws[m & 7].t
    out[1] = w[n & 1]
    out[2] = sum(len(x.t) for x in ks) if (ks := Key[5]())[n % 5].k == 0 else 7
    ks[n % 5].t = "xyz"
    h[ks[m % 5].t] = n
    out[4] = len(ks[m % 5].t)
    return XDP.DROP
""",
    "a length of which fewer bits are needed": """
@xdp
def probe(packet):
    b = u32(len(packet))
    out[0] = u16(len(packet))
    out[1] = u8(len(packet))
    out[2] = b
    out[3] = u32(len(packet)) ^ u32(packet.load(0, u32))
    return XDP.DROP
""",
    "a length among much else": """
@struct
class S:
    n: u32
    m: i16
a_ = Hash[u32, S](max_entries=16)
rows = Array[S](max_entries=3)

@xdp
def probe(packet):
    b, e = packet.load(1, i8), 0
    u = u8[5]()
    u[3] = 7
    for k_ in range(4):
        a_[k_] = S(n=k_, m=k_ - 2)
    rows[i8(e)].m = i16(len(packet))
    out[0] = u[b]
    return XDP.DROP
""",
    "text whose loops are written out, where the ways meet": """
@struct
class T:
    a: char[12]
    b: char[25]
    n: u32
ts = Hash[char[12], T](max_entries=8)
@xdp
def probe(packet):
    n = packet.load(0, u8)
    m = packet.load(1, u8)
    s: char[12] = f"k{n & 255}-é"[:5]
    t: char[25] = s + "/" + s
    k: char[12] = "bash"
    ts[k] = T(a=s, b=t, n=len(t))
    e = ts[k]
    out[0] = len(e.b)
    out[1] = u64(e.b.find("/"))
    out[2] = u64(e.b.startswith(s))
    out[3] = u64(e.b.endswith((s, "x")))
    out[4] = u64(e.b[:len(s)] == s)
    out[5] = u64(e.b[-1:] == s[-1:])
    out[6] = u64(e.b.rfind("k"))
    out[7] = e.b.count("k")
    out[8] = u64(s < t) + 2 * u64(s <= s) + 4 * u64(t > s)
    out[9] = ord(e.b[n % len(e.b)])
    out[10] = u64("-" in e.b) + 2 * u64("zz" in e.b)
    u: char[25] = e.b[2:-2]
    return XDP.DROP
""",
    "what counts the rounds of one loop bounds another": """
@xdp
def probe(packet):
    n = most = 0
    for i in range(30):
        if packet.load(i, u8) & 1:
            n += 1
            for j in range(i):
                most += j
    for i in range(n):
        out[0] += packet.load(i, u8)
    t, u = 0, 1
    for i in range(60):
        t, u = u, t + i
        if t > 100:
            t -= 100
    out[1], out[2] = u64(t), most
    while n > 0:
        n -= 1
        out[3] += n
    return XDP.DROP
""",
    "sums of sums and of products": """
@struct
class Entry:
    k: u32

@struct
class Row:
    values: u16[3]

@xdp
def probe(packet):
    rows = Row[4]()
    rows[packet.load(0, u8) & 3].values[1] = 65535
    out[0] = sum(sum(row.values) for row in rows)
    entries = Entry[40]()
    entries[packet.load(0, u8) & 31].k = 2**32 - 1
    out[1] = sum(e.k * i for i, e in enumerate(entries))
    return XDP.DROP
""",
    "text that a function returns": """
@function
def protocol(number) -> char[8]:
    if number == 6:
        return "tcp"
    if number == 17:
        return "udp"
    return "other"

@function
def signed(number, width) -> "char[48]":
    return f"{number}" if number < 9 else f"{number}:{width}"

@xdp
def probe(packet):
    name = protocol(packet.load(0, u8) & 31)
    other = protocol(packet.load(1, u8) + 10)
    out[0], out[1] = len(name), u64(name == other)
    out[2] = u64(signed(packet.load(1, u8), 3) == "7")
    out[3] = u64(protocol(17) == "udp")
    return XDP.DROP
""",
    "names that are assigned where a fault arrives": """
c = Hash[u32, u64](max_entries=8)

@function
def risky(n):
    key = 7
    w = 100 // n
    return w + key

@xdp
def probe(packet):
    k = packet.load(0, u8) & 3
    if k in c:
        del c[k]
    try:
        key = k
        c[key] = c[key] + 1
    except KeyError:
        c[key] = 1
    y = packet.load(1, u8)
    try:
        try:
            z = 100 // y
        finally:
            w = y + 1
    except ZeroDivisionError:
        z = w
    try:
        n = risky(y)
        t = 5
    except ZeroDivisionError:
        n = w
    else:
        n += t
    out[0], out[1], out[2], out[3] = c[k], z, w, n
    return XDP.DROP
""",
}
RECORDS_HEAD: Final = """
@struct
class Ev:
    n: u64
ring = RingBuf[Ev](size=1 << 16)
h = Hash[u32, u64](max_entries=8)
"""
RECORDS: Final = {
    "a loop over entries that is left with a record": RECORDS_HEAD
    + """
@xdp
def probe(packet):
    out[0] = 1
    h[1] = packet.load(0, u8)
    with ring.reserve() as e:
        for k, v in h.items():
            if v == 255:
                return XDP.TX
            e.n += v
    return XDP.DROP
""",
    "a long loop that is left with a record": """
@struct
class Ev:
    b: u16[64]
ring = RingBuf[Ev](size=1 << 20)

@xdp
def probe(packet):
    out[0] = 1
    with ring.reserve() as e:
        for i in range(20000):
            e.b[i & 63] = i
            if e.b[(i * 3) & 63] == 1000:
                return XDP.TX
    return XDP.DROP
""",
    "records on many ways out of long loops": RECORDS_HEAD
    + """@function
def inner(e, m):
    for k, v in h.items():
        if v == m:
            return k
        e.n += 10 // v
    return 7
@xdp
def probe(packet):
    h[1] = packet.load(0, u8)
    x = 0
    try:
        with ring.reserve() as e:
            x = inner(e, packet.load(1, u8))
            for i in range(5000):
                if i == x:
                    raise KeyError
                assert e.n < 100000
                if packet.load(2, u8) == i:
                    return i & 3
            e.n += 1
    except (KeyError, ZeroDivisionError):
        x = 3
    except AssertionError:
        x = 4
    out[0] = x
    for k in range(300):
        with ring.reserve() as e:
            for i in range(300):
                if i * k == 8000:
                    break
            else:
                continue
            e.n = i
            x += 1
    out[1] = x
    return XDP.DROP
""",
    "a record that is written on the way out": RECORDS_HEAD
    + """@xdp
def probe(packet):
    out[0] = 1
    h[1] = packet.load(0, u8)
    x = 0
    with ring.reserve() as e:
        try:
            for k, v in h.items():
                if v == 255:
                    return XDP.TX
                e.n += v
        finally:
            e.n += 1
    return XDP.DROP
""",
}
TOO_MUCH: Final = {"text whose loops are written out, where the ways meet"}
"""For Linux 5.10: what would do isn't sure to, by what is known here of its verifier."""
PACKETS: Final = [
    bytes([bits, x, *bytes([3, 255]), *bytes(60)]) for bits in (0, 15, 38, 85, 240, 255) for x in (0, 1, 2, 7)
]


@pytest.mark.parametrize("target", [None, (5, 10), (6, 18)], ids=str)
@pytest.mark.parametrize("name", FOUND)
def test_what_was_refused(kernel: Kernel, name: str, target: tuple[int, int] | None, tmp_path: Path) -> None:
    if target == (5, 10) and name in TOO_MUCH:
        with pytest.raises(CompileError, match="E0253"):
            twice.check_same(Kernel(kernel.worker, target), FOUND[name], PACKETS, tmp_path)
        return
    twice.check_same(Kernel(kernel.worker, target), FOUND[name], PACKETS, tmp_path)


@pytest.mark.parametrize("target", [None, (6, 18)], ids=str)
@pytest.mark.parametrize("name", RECORDS)
def test_records_are_given_back_behind_functions(
    kernel: Kernel, name: str, target: tuple[int, int] | None, tmp_path: Path
) -> None:
    twice.check_same(Kernel(kernel.worker, target), RECORDS[name], PACKETS, tmp_path)
