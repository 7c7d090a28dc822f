"""`a if test else b` where a side may be None: numbers, references, text and tuples, as CPython chooses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import twice
from running import Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")]

HEAD: Final = """
@struct
class Row:
    a: u32
    b: i64

names = Hash[u32, char[4]](max_entries=8)
table = Hash[u32, Row](max_entries=8)
rows = Array[Row](max_entries=4)
numbers = Hash[u32, i32](max_entries=8)
large = Hash[u32, u64](max_entries=8)
flags = Hash[u32, bool](max_entries=8)

@function
def above(x, least):
    if x > least:
        return x
    return None

@function
def either(x, y):
    return y if x is None else x

@function
def row_of(n):
    return table.get(n) if n > 1 else None

@xdp
def probe(packet):
    i = packet.load(0, i8)
    n = packet.load(1, u8)
    for k in range(3):
        table[k] = Row(a=10 + k, b=k - 1)
        rows[k] = Row(a=20 + k)
        numbers[k] = k - 1
        large[k] = 2**64 - 3 + k
        flags[k] = k == 1
        names[k] = "ab"
"""
TAIL: Final = """
    return XDP.DROP
"""
BODIES: Final = {
    "a number or None, again and again": """
    r = above(i, 5)
    r = above(1, i) if r is None else r
    r = above(n, 2) if r is None else r
    out[0] = 999 if r is None else u64(r)
    r = r if r is not None else above(i, -100)
    if r is not None:
        out[1] = u64(r)
    out[2] = u64((-1 if r is None else r) + 7)
""",
    "get on both sides": """
    v = numbers.get(n) if i > 2 else numbers.get(1)
    w = numbers.get(n) if i > 2 else None
    x = None if i > 2 else numbers.get(n)
    y = numbers.get(n, 5) if i > 2 else numbers.get(n)
    out[0] = 77 if v is None else u64(v)
    out[1] = 77 if w is None else u64(w)
    out[2] = 77 if x is None else u64(x)
    out[3] = 77 if y is None else u64(y)
    out[4] = (x if x is not None else 3) in (1, 3)
    out[5] = u64((numbers.get(n) if i > 0 else numbers.get(2)) or 9)
""",
    "all of u64, and truth": """
    v = large.get(n) if i > 2 else 5
    out[0] = 4 if v is None else v
    w = flags.get(n) if i > 2 else None
    out[1] = 2 if w is None else w
    out[2] = 1 if w else 0
    out[3] = either(v, 8)
    out[4] = either(large.get(n), large[0])
    out[5] = v is None
    out[6] = (n > 0 if v is None else v > 9) or w is None
""",
    "references": """
    p = table.get(n) if i > 2 else None
    if p is not None:
        p.a += 1
        out[0] = p.a
    q = None if i > 4 else table.get(n)
    if q is None:
        out[1] = 1
    else:
        q.b += 100
        out[1] = u64(q.b)
    r = rows[n] if n < 3 else None
    r = rows[0] if r is None else r
    r.a += 50
    s = table.get(n) if p is None else p
    out[2] = 0 if s is None else s.a
    out[3] = sum(row.a for row in rows)
    out[4] = sum(table[k].a for k in range(3))
    out[5] = p is None or q is None
    t = row_of(n)
    t = row_of(n + 1) if t is None else t
    out[6] = 0 if t is None else t.a
    out[7] = 0 if (row_of(2) if i > 0 else row_of(n + 1)) is None else 1
""",
    "on the stack": """
    own = Row(a=3)
    p = own if i > 2 else None
    if p is not None:
        p.a = 9
    out[0] = own.a
    out[1] = 1 if p is None else p.a
""",
    "inside of each other": """
    v = numbers.get(n) if i > 2 else (numbers.get(n + 1) if i > 0 else None)
    out[0] = 77 if v is None else u64(v)
    w = (above(i, 3) if n > 0 else None) if i != 1 else 40
    out[1] = 77 if w is None else u64(w)
    p = table.get(n) if i > 2 else (rows[1] if i > 0 else None)
    out[2] = 0 if p is None else p.a
""",
    "text": """
    t = "abc" if i > 2 else None
    out[0] = 9 if t is None else len(t)
    u = names.get(n) if i > 2 else names.get(1)
    out[1] = 9 if u is None else len(u)
    names[1] = "xyz"
    v = "some" if u is None else u
    out[2] = len(v) + (v == "ab")
    out[3] = 1 if t is not None and t == "abc" else 0
""",
    "tuples with what may be None": """
    t = (1, numbers.get(n)) if i > 2 else None
    if t is not None:
        a, b = t
        out[0] = 7 if b is None else u64(b)
    else:
        out[0] = 8
    u = (table.get(n), 2) if i > 2 else (None, 3)
    out[1] = u[1] + (0 if u[0] is None else u[0].a)
    w = (numbers.get(n), i) if i > 2 else (4, None)
    out[2] = (w[0] is None) + 2 * (w[1] is None)
""",
    "only what is chosen is evaluated": """
    seen = 0

    def look(key):
        nonlocal seen
        seen += 1
        return numbers.get(key)

    v = look(n) if i > 2 else None
    w = look(n) if v is None else v
    out[0] = seen
    out[1] = 7 if w is None else u64(w)
""",
}
PACKETS: Final = [bytes([i & 255, n, *bytes(62)]) for i in (-7, 0, 1, 3, 6, 100) for n in (0, 1, 2, 3, 200)]


@pytest.mark.parametrize("target", [None, (5, 10)], ids=str)
@pytest.mark.parametrize("name", BODIES)
def test_choices(kernel: Kernel, name: str, target: tuple[int, int] | None, tmp_path: Path) -> None:
    twice.check_same(Kernel(kernel.worker, target), HEAD + BODIES[name] + TAIL, PACKETS, tmp_path)
