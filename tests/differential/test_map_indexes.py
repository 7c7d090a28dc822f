"""Indexes of the classes Array and PerCpuArray below zero: from the end, as those of CPython's lists."""

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
    c: u16[4]

rows = Array[Row](max_entries=8)
cells = Array[u64](max_entries=8)
own = PerCpuArray[u32](max_entries=8)

@xdp
def probe(packet):
    i = packet.load(0, i8)
    n = packet.load(1, u8)
    for k in range(8):
        cells[k] = 100 + k
        own[k] = 200 + k
        rows[k].a = 300 + k
        rows[k].b = 0
        for j in range(4):
            rows[k].c[j] = 9
"""
TAIL: Final = """
    for k in range(8):
        out[k] = cells[k]
        out[k + 8] = own[k]
        out[k + 16] = rows[k].a + sum(rows[k].c)
        out[k + 24] = u64(rows[k].b)
    return XDP.DROP
"""
BODIES: Final = {
    "constants": """
    cells[-1] += n
    cells[-8] = cells[-2]
    own[-1] = own[-8] % 1000 + n
    own[-3] -= 1
    rows[-1].b = n
    rows[-8].a += 7
    rows[-2].c[-1] = n
    row = rows[-4]
    row.a = 5
""",
    "read": """
    cells[0] = cells[i]
    own[0] = own[i]
    cells[1] = rows[i].a
""",
    "assigned": """
    cells[i] = n
    own[i] = n
    rows[i] = Row(a=n, b=-1)
""",
    "added to": """
    cells[i] += n
    cells[i] -= 3
    own[i] += n
    rows[i].a += 3
    rows[i].b -= n
    rows[i].c[i] += 1
""",
    "other operators": """
    cells[i] ^= n
    own[i] ^= 2
    rows[i].a |= 64
""",
    "known to be below zero": """
    if -8 <= i < 0:
        cells[i] += 1
        own[i] += 1
        rows[i].b += 1
""",
    "of 64 bits": """
    wide = i64(i) * 1_000_000_007
    cells[wide] = 1
""",
    "caught": """
    try:
        cells[i] = 7
        rows[i - 3].a = 7
        own[i + 3] = 7
    except IndexError:
        cells[2] = 99
""",
    "through a tuple": """
    cells[i], own[-1] = own[-2], n
    a, b = cells[i], rows[i].a
    cells[5] = a + b
""",
}
PACKETS: Final = [
    bytes([i & 255, n, *bytes(62)]) for i in (-128, -12, -9, -8, -7, -1, 0, 3, 7, 8, 127) for n in (1, 40)
]


@pytest.mark.parametrize("target", [None, (5, 10)], ids=str)
@pytest.mark.parametrize("name", BODIES)
def test_indexes(kernel: Kernel, name: str, target: tuple[int, int] | None, tmp_path: Path) -> None:
    twice.check_same(Kernel(kernel.worker, target), HEAD + BODIES[name] + TAIL, PACKETS, tmp_path)


def test_get(kernel: Kernel, tmp_path: Path) -> None:
    """`get` finds what an index finds, and gives None, or the default, where that is an IndexError."""
    text = """
cells = Array[u64](max_entries=8)
rows = Array[Pair](max_entries=8)

@xdp
def probe(packet):
    for k in range(8):
        cells[k] = 100 + k
        rows[k].b = 100 + k
    i = packet.load(0, i8)
    out[0] = cells.get(i, 7)
    wide = i64(i) << 40
    out[1] = cells.get(wide, 7)
    found = cells.get(i)
    out[2] = 7 if found is None else found
    row = rows.get(i)
    out[3] = 7 if row is None else row.b
    out[4] = cells.get(-1, 7)
    return XDP.DROP
"""
    text = "@struct\nclass Pair:\n    a: u32\n    b: u32\n" + text
    for packet, (_, fault, numbers) in zip(PACKETS, twice.in_kernel(kernel, text, PACKETS, tmp_path), strict=True):
        index = int.from_bytes(packet[:1], signed=True)
        there = 100 + index % 8 if -8 <= index < 8 else 7
        assert (fault, numbers[:5]) == ("", [there, 100 if index == 0 else 7, there, there, 107]), index
