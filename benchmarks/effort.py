"""What the compiler thinks the kernel's verifier will do, beside what it does.

    python benchmarks/effort.py [--random 200]

For each sample, each ported program of the tests and some random programs: the instructions that `pyebpf.effort` goes
through and those that the running kernel's verifier processed. The compiler takes a program of at most 100,000 (200,000
if nothing else helps), and the kernel a million. The promise is that the model finds at least 0.6 times as many.
Needs root and Linux 5.16.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import warnings
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from common import ROOT, Result, table

sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "differential")]

from generate import Generator
from instructions import verified

from pyebpf import CompileError
from pyebpf.compiler import compile_target
from pyebpf.effort import measure as walk
from pyebpf.effort import rules_for
from pyebpf.ir.ranges import exact
from pyebpf.kernel.versions import parse_version

LEAST: Final = 0.6
MANY: Final = 1_000_000
RUNNING: Final = parse_version(platform.release())
PROGRAMS: Final = (*sorted((ROOT / "samples").glob("*.py")), *sorted((ROOT / "tests/ports/programs").glob("*.py")))


def sources(folder: Path, count: int) -> list[Path]:
    """The random programs of one seed, as files."""
    made = []
    for number in range(count):
        path = folder / f"random{number}.py"
        path.write_text(Generator(Random(f"effort:{number}"), exact).program()[0])
        made.append(path)
    return made


def compare(path: Path, folder: Path) -> list[tuple[str, int, int]]:
    """Of each program in a file: its name, the model's count and the kernel's. Nothing of one that isn't accepted."""
    try:
        made = compile_target(path)
    except CompileError:
        return []
    (folder / "made.o").write_bytes(made.elf)
    kernel = verified(folder / "made.o")
    return [
        (f"{path.stem}: {each.name}", walk(made, each, MANY, rules_for(RUNNING)).instructions, kernel[each.name])
        for each in made.programs
        if each.name in kernel
    ]


def measure(count: int = 200) -> Result:
    """The promise: every program is found to cost at least 0.6 times what it costs the kernel."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = [row for path in PROGRAMS for row in compare(path, folder)]
        random = [row for path in sources(folder, count) for row in compare(path, folder)]
    shown = [(name, f"{ours:,}", f"{kernel:,}", f"{ours / kernel:.2f}") for name, ours, kernel in written]
    print(table(("program", "model", "verifier", "ratio"), shown))
    lines = []
    for kind, rows in (("written", written), ("random", random)):
        ratios = sorted(ours / kernel for _, ours, kernel in rows)
        total = sum(ours for _, ours, _ in rows) / sum(kernel for _, _, kernel in rows)
        lines.append(
            f"{len(rows)} {kind}: ratio {ratios[0]:.2f} at least, {median(ratios):.2f} in the middle, "
            f"{ratios[-1]:.2f} at most, {total:.2f} of all together"
        )
    least = min(ours / kernel for _, ours, kernel in (*written, *random))
    return Result(least >= LEAST, "; ".join(lines))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--random", type=int, default=200, metavar="N", help="random programs")
    result = measure(parser.parse_args().random)
    print(f"\n{'kept' if result.kept else 'NOT KEPT'}: {result.figures}")
    return 0 if result.kept else 1


if __name__ == "__main__":
    sys.exit(main())
