"""Corners of the language, each run by CPython and by the kernel, on numbers at the ends of their ranges and text."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import twice
from running import Kernel

pytestmark = pytest.mark.kernel

NUMBERS = (
    (-(2**63), -1, 2**63 - 1, 1),
    (2**63 - 1, -(2**63), -1, -(2**63)),
    (0, -(2**31), 2**31, 2**32),
    (-1, 1, -128, 127),
    (-7, 3, 7, -3),
    (5, -(2**63), 64, 63),
)
PACKETS = [
    *(struct.pack("<4q", *numbers).ljust(64, bytes([numbers[0] & 255])) for numbers in NUMBERS),
    bytes(range(64)),
    bytes([1, 2, 3, 250, 7, 0, 128, 9] * 8),
    b"GET /a/b?x=1 caf\xc3\xa9 \xe2\x82\xac end\0junk".ljust(64, b"z"),
]
MAPS = """
counts = Hash[u32, u64](max_entries=8)
slots = Array[u64](max_entries=4)
"""
BODIES = {
    "lookups_or_ed_by_way_of_names": """
    total, a, b = 0, packet.load(0, u8) & 3, packet.load(1, u8) & 3
    counts[2] = 5
    for i in range(100):
        here = (i := (a in counts)) | abs(b in counts)
        total += here & (b in counts)
        total += here + i
    out[0] = u64(total)
""",
    "closure_nonlocal": """
    total = 0
    last = -1
    def add(n, times=2):
        nonlocal total, last
        total += n * times
        last = n
        return total
    add(packet.load(0, u8))
    add(3, times=packet.load(1, u8))
    out[0] = total
    out[1] = last & 255""",
    "closure_loopvar": """
    fs = 0
    for i in range(3):
        def get():
            return i * 10
        fs += get()
    def late():
        return i + 100
    out[0] = fs + late()""",
    "default_late": """
    k = 5
    def f(a, b=k):
        return a * 10 + b
    k = 7
    out[0] = f(1)""",
    "default_mut": """
    x = packet.load(0, u8)
    def f(a=x):
        return a
    x += 1
    out[0] = f() * 1000 + x""",
    "chained_effects": """
    n = 0
    def next():
        nonlocal n
        n += 1
        return n
    out[0] = 0 < next() < next() < next() > 5
    out[1] = n
    out[2] = 1 < next() < 2 < next()
    out[3] = n""",
    "walrus_gen": """
    out[0] = any((last := packet.load(i, u8)) > 100 for i in range(8))
    out[1] = last""",
    "match_guard_fault": """
    counts[1] = 5
    match packet.load(0, u8), 3:
        case x, y if counts[x] > 3:
            out[0] = 1
        case x, 3:
            out[0] = 2 + x""",
    "bool_int": """
    b = packet.load(0, u8) > 3
    out[0] = int(b) + True + (b + b) * 10 + (not b)
    out[1] = b * 7
    out[2] = -b & 255
    out[3] = ~b & 255
    out[4] = b << 3
    out[5] = max(b, 0)
    out[6] = min(b, True)
    out[7] = (b & True) | False
    out[8] = b == 1
    out[9] = b is True if False else 4""",
    "tern": """
    a = packet.load(0, u8)
    b = packet.load(1, u8)
    out[0] = 1 if a > b else 2 if a == b else 3 if a + 1 == b else 4
    out[1] = (a if a else b) if b else (7 if not a else 8)""",
    "loopvar_after2": """
    i = 77
    for i in range(packet.load(0, u8) % 5):
        pass
    out[0] = i""",
    "loopvar_modified": """
    n = 0
    for i in range(5):
        n += i
        i += 10
    out[0] = n * 100 + i""",
    "textcmp": """
    t = packet.load(0, char[16])
    u = packet.load(0, char[8])
    out[0] = (t == u) + (t < u) * 10 + (t <= "GET /a/b") * 100 + ("GET /a/b" == u) * 1000 + (u != "GET") * 10000
    out[1] = t.startswith(u) + u.startswith(t) * 10 + t.endswith("") * 100""",
    "fstr2": """
    t: char[8] = packet.load(0, char[8])
    v: char[48] = f"[{t:>10}][{t:.3}][{t:*^12.4}]"
    h = 0
    for c in v:
        h = u32(h * 31 + ord(c))
    out[0] = h
    out[1] = len(v)""",
    "boolfmt": """
    b = packet.load(0, u8) > 3
    t: char[8] = f"{b}"
    out[0] = 1 if t == "True" else 2 if t == "False" else 3
    u: char[8] = f"{b:d}"
    out[1] = 1 if u == "1" else 2 if u == "0" else 3""",
    "closure_in_loop_modifies": """
    n = 0
    xs = u32[4]()
    def put(i, v):
        nonlocal n
        if v > 100:
            return False
        xs[i % 4] = v
        n += 1
        return True
    for i in range(8):
        if not put(i, packet.load(i, u8)):
            break
    else:
        n += 1000
    out[0] = n
    out[1] = sum(xs)""",
    "closure_given": """
    def apply(f, x):
        return f(x) + f(x + 1)
    k = packet.load(0, u8)
    def g(v):
        return v * k
    out[0] = apply(g, 3)
    k = 100
    out[1] = apply(g, 3)""",
    "optional_tuple": """
    def f(x):
        if x > 100:
            return None
        return x, x + 1
    t = f(packet.load(0, u8))
    if t is not None:
        p, q = t
        out[0] = p * 256 + q
    else:
        out[0] = 7""",
    "cond_assign_types": """
    if packet.load(0, u8) > 100:
        v = packet.load(0, u8)
    else:
        v = -1
    out[0] = u64(v)
    v = True
    out[1] = v""",
    "nested_break": """
    n = 0
    for i in range(5):
        for j in range(5):
            if j == i: continue
            if j > packet.load(i, u8) % 6: break
            n += 1
        else:
            n += 100
            continue
        if n > 300: break
    out[0] = n""",
    "try_in_loop": """
    n = 0
    for i in range(8):
        try:
            n += 100 // packet.load(i, u8)
            if n > 500:
                break
        except ZeroDivisionError:
            n += 1
            continue
        finally:
            n += 10
    out[0] = n""",
    "match_misc": """
    x = packet.load(0, u8)
    y = packet.load(1, i8)
    match x, y:
        case 0, 0: r = 1
        case (1 | 2 as a), b if b < 0: r = u64(a - b)
        case a, (3 | 250): r = 300 + a
        case 255, -1: r = 77
        case _: r = 5
    out[0] = r
    match x > 3:
        case True: out[1] = 1
        case False: out[1] = 2
    match (x, (y, 7)):
        case (p, (q, 7)) if p == q: out[2] = 1
        case (p, (_, z)): out[2] = p + z""",
    "chained_assign": """
    a = b = c = packet.load(0, u8)
    a += 1
    out[0] = a * 3 + b + c
    s: u8 = 3
    s = s + 4
    out[1] = s""",
    "floordiv_neg": """
    a = packet.load(0, i8)
    b = packet.load(1, i8)
    if b:
        out[0] = u64(a // b)
        out[1] = u64(a % b)
        out[2] = u64(a // -3 + a % -3)
        out[3] = u64(-a // b)
    out[4] = u64(a ** 2 - b ** 3)
    out[5] = u64((a & b) | ~a ^ b)
    out[6] = (a < b) == (b > a) != (a == b)""",
    "sums": """
    out[0] = sum(packet.load(i, u8) for i in range(10) if i % 2)
    out[1] = max(packet.load(i, i8) for i in range(10)) + 200
    out[2] = min((packet.load(i, u8) for i in range(10) if packet.load(i, u8) > 300), default=9)
    out[3] = any(packet.load(i, u8) == 3 for i in range(10)) + 2 * all(packet.load(i, u8) for i in range(10))
    out[4] = sum(i * j for i in range(3) for j in range(i))
    out[5] = sum((packet.load(0, u8), 2, 3), 10)""",
    "crc": """
    crc = 0xffffffff
    for i in range(32):
        crc ^= packet.load(i, u8)
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
    out[0] = crc ^ 0xffffffff""",
    "prng": """
    s = packet.load(0, u64) | 1
    for _ in range(50):
        s ^= (s << 13) & 0xffffffffffffffff
        s ^= s >> 7
        s ^= (s << 17) & 0xffffffffffffffff
    out[0] = s""",
    "gcd": """
    a = packet.load(0, u32)
    b = packet.load(4, u32)
    for _ in range(64):
        if b == 0:
            break
        a, b = b, a % b
    out[0] = a""",
    "big_loop_finally": """
    n = 0
    for i in range(30000):
        try:
            if i % 10000 == 9999:
                n += 100 // (packet.load(0, u8) % 3)
            if i == packet.load(1, u8) * 200:
                break
        except ZeroDivisionError:
            n += 7
            continue
        finally:
            n += 1
    else:
        n += 1_000_000
    out[0] = u64(n)
    out[1] = i""",
    "divs": """
    a = packet.load(0, i64)
    b = packet.load(8, i64)
    if b:
        out[0] = u64(a // b)
        out[1] = u64(a % b)
    out[2] = u64(a // -1)
    out[3] = u64(a % -1)
    out[4] = u64(a // 7) + u64(a % 7)
    out[5] = u64(a // -8)
    out[6] = u64(a % -8)
    out[7] = u64(a // 8)
    q, r = divmod(a, 1000)
    out[8] = u64(q)
    out[9] = r""",
    "divu": """
    a = packet.load(0, u64)
    b = packet.load(8, u64)
    c = packet.load(8, i32)
    out[0] = a // b if b else 5
    out[1] = a % b if b else 5
    if c > 0:
        out[2] = a // c
        out[3] = a % c""",
    "cmp": """
    a = packet.load(0, i64)
    b = packet.load(8, u64)
    c = packet.load(16, i32)
    out[0] = (a < b) + (a == b) * 2 + (a > b) * 4 + (c < b) * 8 + (b < a) * 16 + (c <= a) * 32 + (b >= c) * 64
    out[1] = 1 if a < b < c or c < a else 2
    out[2] = 1 if -1 < b else 3
    out[3] = 1 if a in (1, -1, 5, 2**63 - 1) else 2
    out[4] = 1 if b in (2**64 - 1, 2**63) else 2""",
    "minmax": """
    a = packet.load(0, i64)
    b = packet.load(8, i32)
    c = packet.load(16, u32)
    out[0] = u64(min(a, b, c))
    out[1] = u64(max(a, b, c, -5))
    d = packet.load(24, u64)
    out[2] = max(d, c)
    out[3] = min(d, 2**63)""",
    "shifts": """
    a = packet.load(0, i64)
    s = packet.load(16, i8)
    d = packet.load(0, u64)
    if s >= 0:
        out[0] = u64(a >> s)
        out[1] = d >> s
        out[2] = u64(a << s)
        out[3] = u64(d << s)
        out[4] = u64(1 << s)
        out[5] = u64(-1 << s)
        out[6] = u64(-1 >> s)
    try:
        out[7] = u64(a >> s)
    except ValueError:
        out[7] = 5""",
    "conv": """
    a = packet.load(0, i64)
    out[0] = u8(a) + u16(a) + u32(a)
    out[1] = u64(i8(a))
    out[2] = u64(i16(a) * i32(a))
    out[3] = u64(i32(u32(a)))
    out[4] = u64(i64(u64(a)))
    out[5] = bool(a)
    out[6] = int(a > 3)
""",
    "mul": """
    a = packet.load(0, i64)
    b = packet.load(8, i64)
    out[0] = u64(a * b)
    out[1] = u64(a + b)
    out[2] = u64(a - b)
    out[3] = u64(a ** 3)
    out[4] = u64(packet.load(8, i32) * packet.load(0, i32))""",
    "order_of_evaluation": """
    n = 0
    def t(v):
        nonlocal n
        n = n * 10 + v
        return v
    def f(a, b, c):
        return a * 100 + b * 10 + c
    out[0] = f(t(1), c=t(2), b=t(3))
    out[1] = n
    n = 0
    out[t(9)] = t(5)
    out[2] = n
    n = 0
    out[t(8)] += t(2)
    out[3] = n
    n = 0
    a, out[t(3)] = t(1), t(2)
    out[4] = n
    n = 0
    out[5] = t(1) + t(2) * t(3)
    out[6] = n
    n = 0
    out[7] = (t(1) if t(2) else t(3)) and t(0) or t(4)
    out[10] = n""",
    "text_times_a_number": """
    t: char[24] = "ab" * 3 + "-" * 2
    out[0] = len(t)
    out[1] = t == "ababab--"
""",
}


@pytest.mark.parametrize("name", BODIES)
def test_corner(kernel: Kernel, name: str, tmp_path: Path) -> None:
    text = f"{MAPS}\n@xdp\ndef probe(packet):{BODIES[name]}\n    return XDP.DROP\n"
    twice.check_same(kernel, text, PACKETS, tmp_path)
