"""`sum`, `any`, `all`, `min`, `max`, `len` and `in` over all that can be gone through, in the kernel and in CPython."""

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
    flags: u8[3]
    names: char[4][2]

class Color(IntEnum):
    RED = 3
    GREEN = 5
    BLUE = 300

tables = Array[Table](max_entries=1)
slots = Array[u64](max_entries=5)
seen = Hash[u32, u64](max_entries=8)
PORTS = (22, 80, 443)
MANY = tuple(i * i % 17 for i in range(20))

@function
def note(x):
    out[20] += 1
    return x

@xdp
def probe(packet):
    n = packet.load(0, u8)
    m = packet.load(1, u8)
    t = tables[0]
    for at in range(6):
        t.cells[at] = at * 7 % 5 + n
    for at in range(4):
        e = t.entries[at]
        e.key = at
        e.count = (at * 3 + m) % 7
        e.live = e.count > 2
    t.entries[2].name = "bash"
    for at in range(5):
        t.signed[at] = at - 2
        slots[at] = at * n
    t.flags[0] = n > 3
    t.flags[1] = m > 3
    t.flags[2] = n > m
    t.names[1] = "abc"
    x = 5
"""

PACKETS = [bytes([n, m, *bytes(62)]) for n, m in ((0, 0), (1, 200), (3, 4), (4, 3), (7, 1), (200, 3), (255, 255))]

EXPRESSIONS = [
    "sum(t.cells)",
    "sum(t.signed)",
    "sum(t.signed, n) + sum(t.signed, start=-m)",
    "sum(PORTS) + sum((n, m, 7)) + sum(()) + sum(t.flags)",
    "sum(slots)",
    "sum(range(n & 7)) + sum(range(10, n & 7, -2)) + sum(reversed(range(5)))",
    "sum(e.count for e in t.entries if e.live)",
    "sum(e.count * i for i, e in enumerate(t.entries, 1) if e.live if i != 2)",
    "sum(x * y for x in t.cells for y in range(x & 3))",
    "sum(x * x for x in PORTS if x < 100) + x",
    "sum(x for x in MANY if x > 3)",
    "sum(a * b for a, b in zip(t.cells, t.signed))",
    "sum(1 for e in t.entries if any(c == e.key + n for c in t.cells))",
    "sum(sum(x for x in range(y)) for y in range(4))",
    "sum(x for x in Color)",
    "sum(10 // (x - 3) for x in t.cells)",
    "sum(note(x) for x in PORTS) + sum(note(x) for x in t.cells)",
    "sum(u64(x & 15) << 56 for x in t.cells)",
    "any(t.flags) * 2 + all(t.flags)",
    "any(x == m for x in t.cells)",
    "any(note(x) == 2 + n for x in t.cells) + out[20] * 10",
    "all(note(x) < 4 + n for x in t.cells) + out[20] * 10",
    "any(10 // (x - 3) == 5 for x in t.cells)",
    "all((n, m, 1)) + any((n, m)) * 2 + any(()) * 4 + all(()) * 8",
    "any(x == n for x in PORTS) + all(x != n for x in (1, 3, 200)) * 2",
    "any(e.name == 'bash' for e in t.entries if e.key == n)",
    "any(x and x > 2 for x in t.signed) + any(range(n & 1)) * 2",
    "any((y := c) > n + 2 for c in t.cells) + (y if n >= 0 else 0)",
    "min(t.cells) * 100 + max(t.cells)",
    "min(t.signed) + max(t.signed) * 10 + i64(max(slots)) * 100",
    "min(x * x for x in t.signed) + max(x * 3 % 5 for x in t.cells) * 10",
    "max(e.count for e in t.entries if e.live)",
    "max((e.count for e in t.entries if e.live), default=77)",
    "min((e.key for e in t.entries if e.live), default=m)",
    "1 if max((e.count for e in t.entries if e.live), default=None) is None else 2",
    "min(range(n & 3, 9)) + max(range(n & 3, 9))",
    "max(range(n & 3))",
    "min(PORTS) + max((n, m, 5)) + min((7,))",
    "min(u64(x & 255) << 56 for x in t.cells)",
    "len(range(n)) + len(range(n, m)) * 3 + len(range(200, n, -3)) * 7 + len(range(3, 90, (m & 3) + 1))",
    "any((True, any(note(x) > 2 for x in t.cells))) + all((n > 300, all(note(x) for x in PORTS))) + out[20]",
    "any(True for x in t.cells) + all(False for x in t.cells) * 2 + any(any(True for y in PORTS) for x in slots)",
    "len(range(2, 17, 3)) + len(PORTS) + len(t.cells) + len(slots) + len(Color)",
    "(n in t.cells) + (m + 1 not in t.cells) * 2 + (-1 in t.signed) * 4 + (n in t.signed) * 8",
    "(n in slots) + (m in slots) * 2",
    "(n in range(3, 7)) + (m in range(3, 201)) * 2 + (n in range(3)) * 4",
    "(n in range(1, 201, 3)) + (m in range(200, 0, -4)) * 2 + (n in range(m)) * 4 + (n in range(m, 0, -1)) * 8",
    "(n in range(m & 7, 255, (m & 3) + 1)) + (i64(n) - 4 in range(-9, 5, 2)) * 2",
    "(u64(n & 63) << 57 in range(2**64 - 1)) + (i64(n) - 3 in range(-2**63, 2**63 - 1, 3)) * 2",
    "(u64(n & 63) << 57 in range(5, 2**64 - 1, 7)) + (-n in range(2**62, -2**63, -5)) * 2",
    "('abc' in t.names) + ('bash' in t.names) * 2",
    "(n in (1, m)) + (n in PORTS)",
    "sum(x for x in t.cells[1:4]) + (n in t.cells[2:])",
    "sum(k for k in range(5) if k not in seen) + any(k in seen for k in range(3))",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_reduction(kernel, tmp_path: Path, expression: str) -> None:  # type: ignore[no-untyped-def]
    text = f"{DECLARATIONS}    out[0] = u64({expression})\n    out[1] = x\n    return XDP.DROP\n"
    check_same(kernel, text, PACKETS, tmp_path)
