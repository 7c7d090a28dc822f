"""Loops over all that can be gone through, in the kernel and in CPython."""

from __future__ import annotations

from pathlib import Path

import pytest
from twice import check_same

pytestmark = pytest.mark.kernel

DECLARATIONS = """\
@struct
class Entry:
    key: u32
    count: u64
    live: bool
    name: char[8]

@struct
class Table:
    entries: Entry[4]
    cells: u32[6]
    signed: i8[5]

class Color(IntEnum):
    RED = 3
    GREEN = 5
    BLUE = 300

tables = Array[Table](max_entries=1)
slots = Array[u64](max_entries=5)
own = PerCpuArray[u32](max_entries=3)
first = Hash[u32, u64](max_entries=8)
second = Hash[u32, u64](max_entries=8)
PORTS = (22, 80, 443)
PAIRS = ((1, 2), (3, 4), (5, 6))
MANY = tuple(i * i % 17 for i in range(40))
WORDS = ("a", "bc", "def")

@function
def both(a, b):
    return a.count * 10 + b.count

@xdp
def probe(packet):
    n = packet.load(0, u8)
    m = packet.load(1, u8)
    t = tables[0]
    for at in range(6):
        t.cells[at] = at * 7 % 5
    for at in range(4):
        t.entries[at].count = at + 1
    for at in range(5):
        t.signed[at] = at - 2
        slots[at] = at * at
    total = 0
"""

AGAIN = """\
o = first.get(0)
if o is not None:
    while n > 0:
        n //= 2
        if n == m:
            continue
        o += 1"""

MATCHED = """\
o = first.get(0)
if o is not None:
    while n > 0:
        n //= 2
        match max(o, m):
            case 7 | 9:
                o += 1"""

OPTIONS = """\
at = 0
while at < 40:
    kind = packet.load(at, u8)
    if kind == 200:
        break
    if kind == 0:
        at += 1
        continue
    total = total * 3 + kind
    if kind == m:
        at += 2
    else:
        if at & 1:
            at += 3
            continue
        at += max(kind & 7, 1)
out[1] = at"""
INNER = """\
at = 0
while at < 12:
    for x in t.cells:
        if x == 4:
            break
        if x == at:
            continue
        total += x
    try:
        total += first[n] // at
    except (KeyError, ZeroDivisionError):
        at += 1
        continue
    finally:
        total += 1
    at += 2"""
PACKETS = [bytes([n, m, *bytes(62)]) for n, m in ((0, 0), (1, 200), (3, 4), (7, 1), (200, 3), (255, 255))]


@pytest.mark.parametrize(
    "body",
    [
        "for x in t.cells:\n    total = total * 3 + x",
        "while n > 0:\n    n //= 2\n    if n == m:\n        continue\n    total += (first.get(0) or 7)",
        AGAIN,
        MATCHED,
        OPTIONS,
        INNER,
        "for x in t.signed:\n    total += x\nout[1] = u64(x)",
        "for x in t.cells:\n    if x == n:\n        break\n    total += x\nelse:\n    total += 1000\nout[1] = x",
        "for x in t.cells:\n    t.cells[5] = n\n    total = total * 2 + x",
        "for e in t.entries:\n    e.count += n\nfor e in t.entries:\n    total += e.count\nout[1] = e.count",
        "for e in t.entries:\n    if e.count == m:\n        continue\n    e.live = True\n    total += e.count",
        "for x in u32[3]():\n    total += 1 + x",
        "cells = t.cells\nfor x in cells:\n    cells = t.cells\n    total += x",
        "for i, x in enumerate(t.cells):\n    total += i * x\nout[1] = i",
        "for i, x in enumerate(t.cells, start=n):\n    total += i * x",
        "for i, e in enumerate(t.entries, 5):\n    e.count += i\n    total += e.count",
        "for i, j in enumerate(range(2, 20, 3)):\n    total += i * j",
        "for i, j in enumerate(range(min(n, 9)), 1):\n    total += i * j",
        "for i, (a, b) in enumerate(zip(t.cells, t.signed)):\n    total += i * a * 100 + b",
        "for a, b in zip(t.cells, range(n)):\n    total = total * 2 + a + b",
        "for a, b, c in zip(t.cells, range(n, 100, 3), slots):\n    total = total * 2 + a + b + c",
        "for e, x in zip(t.entries, PORTS):\n    e.count = x\n    total = total * 3 + e.count",
        "for a, b in zip(PORTS, MANY):\n    total = total * 3 + a * b",
        "for pair in zip(PORTS, t.cells):\n    total = total * 3 + pair[0] * pair[1]",
        "t3 = (n, m, 3)\nfor x in t3:\n    total = total * 3 + x\nfor x in t3[1:]:\n    total += x",
        "for x in reversed(t.cells):\n    total = total * 3 + x\nout[1] = x",
        "for i in reversed(range(n & 7)):\n    total = total * 3 + i",
        "for i in reversed(range(n & 7, 9)):\n    total = total * 3 + i",
        "for i in reversed(range(m & 7, 20, 3)):\n    total = total * 3 + i",
        "for i in reversed(range(m & 15, -4, -3)):\n    total = total * 3 + i + 5",
        "for i in reversed(range(1, 10, 4)):\n    total = total * 3 + i",
        "for x in reversed(PORTS):\n    total = total * 3 + x",
        "for i, x in enumerate(reversed(slots)):\n    total = total * 3 + i * x",
        "for x in (1, 2, 3):\n    total = total * 5 + x\nout[1] = x",
        "for x in (n, m, n + m):\n    n = 5\n    total = total * 5 + x",
        "for x in (n == m, n < m, 7):\n    total = total * 5 + x",
        "for x in PORTS:\n    if x == 80:\n        continue\n    total += x\nelse:\n    total += 1",
        "for x in PORTS:\n    if x == 80 + n:\n        break\n    total += x\nelse:\n    total += 1",
        "for x in MANY:\n    if x == n:\n        break\n    total = u32(total * 3 + x)\nout[1] = x",
        "for x in ():\n    total += 1\nelse:\n    total = 5",
        "for a, b in PAIRS:\n    total = total * 3 + a * b",
        "for (a, b) in ((1, 2), (3, n)):\n    total = total * 3 + a * b",
        "for a, (b, c) in ((1, (2, 3)), (4, (5, 6))):\n    total = total * 3 + a * b - c",
        "for x in Color:\n    total = total * 3 + x",
        "for w in WORDS:\n    total = total * 3 + (w == 'bc')",
        "for e in (t.entries[0], t.entries[2]):\n    e.count += n\n    total += e.count",
        "for a, b in ((t.entries[0], t.entries[1]), (t.entries[2], t.entries[3])):\n    total += both(a, b)",
        "for table in (first, second):\n    table[1] = n\n    total += table[1] + len(PORTS)",
        "for e, i in zip((t.entries[0], t.entries[1], t.entries[3]), range(n)):\n    e.count += i\n    total += i",
        "for i, (w, j) in enumerate(zip(WORDS, range(m & 3))):\n    total += i + (w == 'bc')\nelse:\n    total += 100",
        "total = sum(e.count * i for e, i in zip((t.entries[0], t.entries[1]), range(n)))",
        """a, c = t.entries[0], t.entries[1]
a.name = "one"
c.name = "two"
for w, i in zip((a.name, c.name, a.name), range(9)):
    c.name = "new"
    a.name = w
    total = total * 5 + (w == "one") + 2 * (w == "two") + i""",
        "for x in slots:\n    total = total * 3 + x",
        "for x in slots:\n    slots[4] = m\n    total = total * 3 + x",
        "own[1] = n\nfor x in own:\n    total = total * 3 + x",
        "for x in slots:\n    for y in t.cells:\n        if y > x:\n            break\n        total += y",
        "for i in range(0, 20, max(n, 1)):\n    total = total * 2 + i",
        "for i in range(n, 60, min(m, 9) + 1):\n    total += i",
        "step = (n & 3) + 2\nfor i in range(-5, 20, step):\n    total += i\nout[1] = step",
        "for i in range(20, 0, -((n & 3) + 1)):\n    total = total * 2 + i",
        "for i in range(2**63 - 5, 2**63 - 1, 3):\n    total += i & 7",
        "for i in range(-2**63 + 9, -2**63, -4):\n    total += i & 7",
        "for i in range(2**64 - 5, 2**64 - 1, 3):\n    total += i & 7",
        "for i in range(max(u64(n) << 56, 2**64 - 9), 2**64 - 1, 7):\n    total += i & 7",
        "for i in range(u64(n & 7), 0, -2):\n    total = total * 2 + i",
        "for i in range(5):\n    i += 1\n    total += i",
        "x = 9\nfor x in t.cells:\n    pass\nout[1] = x",
        "x = 9\nfor x in range(n & 3):\n    total += x\nout[1] = x",
        "for i in range(3):\n    for i in range(2):\n        total += i\n    total = total * 2 + i",
        """for x in (1, 2):
    for y in (3, 4, n):
        if y == 4:
            continue
        if x == m:
            break
        total = total * 7 + x * y
    else:
        total += 1""",
        """for x in (0, 1, 2):
    try:
        total += 10 // x
    except ZeroDivisionError:
        continue
    finally:
        total += 1""",
        "for x in (2, 1, n):\n    total += 10 // x",
        "for t.cells[0] in (5, 6):\n    total += t.cells[0]",
    ],
)  # fmt: skip
def test_loop(kernel, tmp_path: Path, body: str) -> None:  # type: ignore[no-untyped-def]
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    check_same(kernel, f"{DECLARATIONS}{lines}    out[0] = u64(total)\n    return XDP.DROP\n", PACKETS, tmp_path)
