"""Hash maps in `sum`, `any`, `all`, `min`, `max`, `len`, generator expressions and `enumerate`: as CPython's dict.

The kernel's order of entries is another one than a dict's, so nothing here depends on it."""

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

h = Hash[u32, u64](max_entries=16)
signed = Hash[i32, i16](max_entries=16)
rows = Hash[u32, Row](max_entries=16)
texts = Hash[char[4], u32](max_entries=16)
cells = Array[u64](max_entries=8)
seen = Array[u64](max_entries=16)

@function
def largest(least):
    return max((v for v in h.values() if v >= least), default=None)

@xdp
def probe(packet):
    n = packet.load(0, i8)
    m = packet.load(1, u8)
    for k in range(6):
        if k < m:
            h[k] = k * k + m
            signed[k - 3] = n - k
            rows[k] = Row(a=k * 7, b=n)
        else:
            if k in h:
                del h[k]
            if k - 3 in signed:
                del signed[k - 3]
            if k in rows:
                del rows[k]
        cells[k] = k
    for k in range(16):
        seen[k] = 0
    texts["ab"] = 3
    texts["xyz"] = m
"""
TAIL: Final = """
    return XDP.DROP
"""
BODIES: Final = {
    "sums": """
    out[0] = sum(h.values())
    out[1] = sum(h)
    out[2] = sum(h.keys(), start=4)
    out[3] = sum(v * k for k, v in h.items())
    out[4] = u64(sum(signed.values()) + sum(k * v for k, v in signed.items()))
    out[5] = sum(1 for k, v in h.items() if v % 2 == 1 and k > 1)
    out[6] = u64(sum((v for v in signed.values()), -9))
""",
    "any and all": """
    out[0] = any(k == 3 for k in h)
    out[1] = any(h.values())
    out[2] = all(h)
    out[3] = all(v < 12 for v in h.values() if v != n)
    out[4] = any(v == n for v in signed.values())
    out[5] = any(row.a == 14 and row.b == n for row in rows.values())
    if any(k > 2 for k in h) and not all(v > 1 for v in h.values()):
        out[6] = 1
""",
    "smallest and largest": """
    out[0] = max(h.values(), default=7)
    out[1] = min(h, default=7)
    out[2] = u64(min((v * k for k, v in signed.items()), default=-1))
    v = largest(9)
    out[3] = 999 if v is None else v
    out[4] = max(row.a for row in rows.values())
""",
    "length": """
    out[0] = len(h)
    out[1] = len(signed.items()) + 10 * len(rows.values())
    h[77] = 1
    out[2] = u64(len(h) - len(texts))
    del h[77]
    for i in range(len(h.keys())):
        out[i + 3] = 1
""",
    "enumerated": """
    total = 0
    for i, (k, v) in enumerate(h.items()):
        if k == 2:
            continue
        total += k * v
        seen[i] += 1
    out[0] = total
    other = 0
    for i, row in enumerate(rows.values(), -2):
        row.a += 100
        other += i + row.b
    for i, k in enumerate(h, start=m):
        other += i
    out[1] = u64(other)
    out[2] = sum(seen)
    out[3] = sum(i for i, v in enumerate(h.values()))
    out[4] = u64(sum(i * j for i, (j, k) in enumerate(enumerate(signed), 3)))
    out[5] = sum(row.a for row in rows.values())
""",
    "left early": """
    found = 0
    for i, k in enumerate(h):
        if i == 3:
            found = 50
            break
    else:
        found = 60
    out[0] = found
    for k in range(3):
        if any(v == k + m for v in h.values()):
            continue
        out[k + 1] = 1
    for i, v in enumerate(h.values()):
        if m > 5 and i == 5:
            return XDP.PASS
    out[5] = 1
""",
    "inside of each other": """
    out[0] = u64(sum(x * y for x in h for y in rows))
    out[1] = sum(x * y for x in range(3) for y in h.values() if y > x)
    out[2] = sum(1 for k in h if any(row.a == k * 7 for row in rows.values()))
    out[3] = sum(sum(v for v in h.values() if v > k) for k in rows)
    total = 0
    for k in h:
        for i, j in enumerate(rows):
            total += k * i + j
    out[4] = u64(total)
""",
    "keys of text": """
    out[0] = any(k == "ab" for k in texts)
    out[1] = sum(len(k) * v for k, v in texts.items())
    out[2] = sum(len(k) + i for i, k in enumerate(texts))
    out[3] = "xyz" in texts.keys()
    out[4] = m in h.keys() or 2 in h.keys()
""",
}
PACKETS: Final = [bytes([n & 255, m, *bytes(62)]) for n in (-100, -1, 0, 1, 5) for m in (0, 1, 3, 4, 6, 9)]


@pytest.mark.parametrize("target", [None, (5, 15)], ids=str)
@pytest.mark.parametrize("name", BODIES)
def test_entries(kernel: Kernel, name: str, target: tuple[int, int] | None, tmp_path: Path) -> None:
    twice.check_same(Kernel(kernel.worker, target), HEAD + BODIES[name] + TAIL, PACKETS, tmp_path)
