"""Of very many locals only some are known at a time: less is then said of the others, and never too little allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyebpf.checks import intervals
from pyebpf.compiler import lower_target

LOCALS = 200
HEAD = "from pyebpf import *\nvalues = Array[u64](max_entries=8)\n\n@xdp\ndef probe(packet):\n"


def many() -> str:
    """Locals that are set, then changed by loops and branches, then read."""
    lines = [f"x{number} = packet.load({number}, u8) & {number}" for number in range(LOCALS)]
    for number in range(0, LOCALS, 20):
        lines += [
            f"if x{number + 1} > 3:",
            f"    x{number} = {number}",
            f"for i in range(x{number + 2}):",
            f"    x{number + 3} += 1",
            f"    late{number} = x{number + 4} + 7",
            f"    if late{number} > 9 and x{number + 5}:",
            "        continue",
            f"    x{number + 6} = late{number}",
        ]
    lines += [f"values[1] += u64(x{number} + (x{number} > 90))" for number in range(LOCALS)]
    return HEAD + "".join(f"    {line}\n" for line in [*lines, "return XDP.PASS"])


@pytest.mark.parametrize("most", [1, 10, 100])
def test_what_is_dropped_may_be_anything(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "many.py"
    path.write_text(many())
    program = next(iter(lower_target(path).module.programs))
    known = intervals.analyze(program, "language")
    monkeypatch.setattr(intervals, "MOST_KNOWN", most)
    less = intervals.analyze(program, "language")
    assert less.intervals != known.intervals
    assert less.intervals.keys() >= known.intervals.keys()
    for op, (low, high) in known.intervals.items():
        assert less.intervals[op][0] <= low and high <= less.intervals[op][1], op
    for loop, entry in known.entries.items():
        for local, (low, high) in entry.intervals.items():
            found = less.entries[loop].get(local)
            assert found[0] <= low and high <= found[1], local
