"""Loops that are written out round by round, in the kernel and in CPython."""

from __future__ import annotations

from pathlib import Path

import pytest
from running import Kernel
from twice import check_same

from pyebpf.compiler import emit

pytestmark = pytest.mark.kernel

RANGES = ("range(1)", "range(2)", "range(3, 5)", "range(5, 0, -2)", "range(-2, 2)", "range(1, 2, 9)")
BODIES = {
    "plain": "total = total * 3 + i",
    "continue": "if i == n:\n    continue\ntotal += i + 1",
    "break": "if i == n:\n    break\ntotal += i + 1",
    "faults": "total += 60 // (i - n)",
    "changes its counter": "total += i\ni = n\ntotal += i",
    "returns": "if i == n:\n    return XDP.DROP\ntotal += 1",
    "walrus": "total += (k := i + n)\ntotal += k",
}
PROGRAM = """\
@xdp
def probe(packet):
    n = packet.load(0, u8)
    total = 0
    for i in {range}:
{body}
    else:
        total += 1000
    out[0] = u64(total)
    out[1] = u64(i + 10)
    return XDP.PASS
"""
PACKETS = [bytes([n, *bytes(63)]) for n in (0, 1, 2, 3, 4, 5, 255)]


def text(span: str, body: str) -> str:
    indented = "\n".join(f"        {line}" for line in body.split("\n"))
    return PROGRAM.format(range=span, body=indented)


@pytest.mark.parametrize("span", RANGES)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_short_loops(kernel: Kernel, span: str, body: str, tmp_path: Path) -> None:
    check_same(kernel, text(span, body), PACKETS, tmp_path)


def test_they_are_written_out(tmp_path: Path) -> None:
    path = tmp_path / "probe.py"
    header = "from pyebpf import XDP, Array, u8, u64, xdp\nout = Array[u64](max_entries=2)\n"
    for span, rounds in zip(RANGES, (1, 2, 2, 3, 4, 1), strict=True):
        path.write_text(header + text(span, BODIES["plain"]))
        assert f"({rounds} rounds):" in str(emit(path, "ir"))
