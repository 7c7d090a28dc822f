"""Tests of pointers, combined in every way that LLVM might or: `(p | q) != 0` is nothing that the verifier takes."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import twice
from running import Kernel

pytestmark = pytest.mark.kernel

PACKETS = [bytes([number, *bytes(63)]) for number in (0, 1, 2, 4, 7, 8, 11, 15)]
HEAD = """
table = Hash[u32, i64](max_entries=8)

@xdp
def probe(packet):
    bits = packet.load(0, u8)
    for key in range(4):
        if (bits >> key) & 1:
            table[key] = key - 2
        elif key in table:
            del table[key]
    n = packet.load(1, u8) + bits
    x, y = i64(n), 7
    a, b, c = table.get(0), table.get(1), table.get(2)
    found = False
"""
CONDITIONS = (
    "0 in table", "1 in table", "2 not in table", "3 in table", "a is None", "b is not None", "c is None", "n", "n > 3",
    "found", "u8(1 in table) == 1", "i64(2 in table)", "not (3 in table)", "(0 in table) | (1 in table)",
    "(a is None) & (n != 0)", "(b is None) ^ (c is None)", "(a is None) == (3 in table)",
)  # fmt: skip
SET = "if {p}:\n        x = 64"
STATEMENTS = (
    "if {p}:\n        x = 64\n    else:\n        x = y",
    "if {p}:\n        y = x",
    "if {p} and {q}:\n        x = 64",
    "if {p} or {q}:\n        x = 5",
    "if not ({p} or {q}) and {r}:\n        y = 64",
    "found = {p} or {q}",
    "found = found and {p}",
    "if found:\n        x += 1",
    "x = 64 if {p} else x",
    "y = (3 if {p} else 64) if {q} else x",
    "x += ({p}) + ({q})",
    "x = i64({p}) | i64({q})",
    "y = max(i64({p}), y)",
    "x = 64 if {p} else 64 if {q} else 64 if {r} else x",
    "match {p}, {q}:\n        case 1, 1 | 2:\n            x = 64",
    "if {p}:\n        if {q}:\n            x = 9",
    "out[3] = u64(64 if {p} else x)",
)


def body(random: Random) -> str:
    """Statements, half of which set the same if a test holds: two of those in a row are what LLVM combines."""
    statements = []
    for _ in range(random.randint(2, 12)):
        p, q, r = random.sample(CONDITIONS, 3)
        statements.append(random.choice((SET, random.choice(STATEMENTS))).format(p=p, q=q, r=r))
    return "\n    ".join([*statements, "out[0], out[1], out[2] = u64(x), u64(y), u64(found)", "return XDP.DROP"])


@pytest.mark.parametrize("target", [None, (6, 18)], ids=["all", "6.18"])
@pytest.mark.parametrize("number", range(24))
def test_tests_of_pointers_are_not_combined(
    kernel: Kernel, number: int, target: tuple[int, int] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "target", target)
    twice.check_same(kernel, f"{HEAD}    {body(Random(number))}\n", PACKETS, tmp_path)
