"""Loops that halve the distance between two locals: in as many rounds as are promised, with what CPython finds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
import twice
from running import Kernel

from pyebpf.compiler import check_target

pytestmark = [pytest.mark.kernel, pytest.mark.filterwarnings("ignore::pyebpf.CompileWarning")]

HEAD: Final = """
@struct
class Table:
    n: u16
    values: u16[100]

tables = Array[Table](max_entries=1)

@xdp
def probe(packet):
    wanted = packet.load(0, u8)
    t = tables[0]
    t.n = packet.load(1, u8) % 101
    for i in range(100):
        t.values[i] = i * packet.load(2, u8)
    n = min(t.n, 100)
    found = -1
"""
TAIL: Final = """
    out[0] = u64(low)
    out[1] = u64(found)
    return XDP.DROP
"""
LOOPS: Final = {
    "the first that isn't less": """
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if t.values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
""",
    "with both ends inside": """
    low, high = 0, n - 1
    while low <= high:
        middle = low + (high - low) // 2
        if t.values[middle] == wanted:
            found = middle
            break
        if t.values[middle] > wanted:
            high = middle - 1
        else:
            low = middle + 1
""",
    "going on from two places": """
    low, high = 0, n
    while True:
        if high <= low:
            break
        middle = (high + low) >> 1
        if t.values[middle] < wanted:
            low = middle + 1
            continue
        high = middle
        found = middle
    else:
        found = 300
""",
    "two bounds at once": """
    low, high, left = 0, n, 5
    while low < high and left > 0:
        middle = ((high - low) >> 1) + low
        left -= 1
        if t.values[middle] <= wanted:
            low = middle + 1
        else:
            high = middle
""",
    "below zero": """
    low, high = -50, n - 51
    while low < high:
        middle = (low + high) // 2
        if t.values[middle + 50] < wanted:
            low = middle + 1
        else:
            high = middle
    low += 50
""",
}
PACKETS: Final = [
    bytes([wanted, count, step, *bytes(61)])
    for wanted in (0, 1, 7, 98, 99, 255)
    for count in (0, 1, 2, 63, 64, 99, 100)
    for step in (0, 1, 2)
]


@pytest.mark.parametrize("target", [None, (5, 10), (6, 18)], ids=str)
@pytest.mark.parametrize("name", LOOPS)
def test_bisection(kernel: Kernel, name: str, target: tuple[int, int] | None, tmp_path: Path) -> None:
    twice.check_same(Kernel(kernel.worker, target), HEAD + LOOPS[name] + TAIL, PACKETS, tmp_path)


def test_as_many_rounds_as_the_distance_has_bits(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(twice.IMPORTS + HEAD + LOOPS["the first that isn't less"] + TAIL)
    (report,) = check_target(tmp_path / "probe.py").programs
    assert [loop.bound for loop in report.loops] == [100, 8]  # 100 has 7 bits; the test is made once more
