"""Ranges of varying ends in enumerate, reversed, zip and len: as many numbers, and the same, as in CPython."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import twice
from running import Kernel

pytestmark = [pytest.mark.kernel, pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")]

HEAD: Final = """
cells = Array[u64](max_entries=8)

@xdp
def probe(packet):
    n = packet.load(0, i8)
    m = packet.load(1, u8)
    s = 0
    t = 0
    for k in range(8):
        cells[k] = k * k
"""
TAIL: Final = """
    out[0] = u64(s)
    out[1] = u64(t)
    return XDP.DROP
"""
BODIES: Final = {
    "to a constant": """
    for i, x in enumerate(range(n, 20)):
        s += i ^ x
        t += 1
""",
    "counted from below zero": """
    for i, j in enumerate(range(n, 20), -3):
        s += i ^ j
        t = i
""",
    "counted from a number": """
    for i, j in enumerate(range(n, 20), n):
        s += i ^ j
    for i, j in enumerate(range(n, n + 9), start=m):
        t += i ^ j
""",
    "backwards": """
    for x in reversed(range(n, n + 50)):
        s = s * 3 + x
    for x in reversed(range(n, m)):
        t = t * 3 + x
""",
    "of one length": """
    for k, x in enumerate(range(n, n + 50)):
        s += k ^ x
        t = x
""",
    "backwards and counted": """
    for k, x in enumerate(reversed(range(n, n + 50))):
        s += k * x
    for k, x in enumerate(reversed(range(30, n, -1)), -7):
        t += k * x
""",
    "down": """
    for k, x in enumerate(range(20, n, -1)):
        s += k * x
    for k, x in enumerate(range(n + 50, n, -1)):
        t += k * x
""",
    "with steps": """
    for k, x in enumerate(range(n, 20, 3)):
        s += k * x
    for k, x in enumerate(range(n + 50, n, -7)):
        t += k * x
    for x in reversed(range(n, n + 50, 3)):
        s = s * 3 + x
    for x in reversed(range(n, -60, -4)):
        t = t * 3 + x
""",
    "beside each other": """
    for x, y in zip(range(n, n + 50), range(m, m + 20)):
        s += x * y
    for x, y in zip(range(n, 20), range(30, n, -1)):
        t += x * y
    for x, cell in zip(range(n, n + 6), cells):
        t += x * u8(cell)
""",
    "elements": """
    for k, x in enumerate(range(max(n, 0), 8)):
        s += cells[x] * (k + 1)
    for x in reversed(range(max(n, 0), 8)):
        t = t * 2 + x
""",
    "length and sums": """
    s = len(range(n, 20)) ^ n
    t = len(range(n, n + 50)) ^ len(range(m, n))
    out[2] = u64(sum(range(n, n + 9)))
    out[3] = u64(sum(k * x for k, x in enumerate(range(n, n + 9))))
    out[4] = any(x == 5 for x in reversed(range(n, 20)))
""",
    "one in the other": """
    for k, (j, x) in enumerate(enumerate(range(n, n + 9)), n):
        s += k * j * x
    for k, x in enumerate(range(max(n, -3), 5)):
        for j, y in enumerate(range(x, x + 4)):
            t += k * j + x * y
""",
    "from the ends of i64": """
    low: i64 = -2**63 + m
    high: i64 = 2**63 - 1 - m
    for x, y, z in zip(range(low, high), range(n, n + 7), range(high, low, -2)):
        s ^= x + y + (z >> 1)
        t += 1
    for x, y in zip(range(high, low), range(9)):
        t += 100
    for x, y in zip(reversed(range(low + 2, high)), range(5)):
        s ^= x + y
    for x in reversed(range(low, low + 5)):
        s ^= x
""",
}
PACKETS: Final = [bytes([n & 255, m, *bytes(62)]) for n in (-128, -61, -1, 0, 7, 19, 20, 127) for m in (0, 1, 20, 255)]


@pytest.mark.parametrize("target", [None, (5, 10)], ids=str)
@pytest.mark.parametrize("name", BODIES)
def test_ranges(kernel: Kernel, name: str, target: tuple[int, int] | None, tmp_path: Path) -> None:
    twice.check_same(Kernel(kernel.worker, target), HEAD + BODIES[name] + TAIL, PACKETS, tmp_path)
