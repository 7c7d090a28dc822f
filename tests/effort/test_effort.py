"""The model of the verifier beside the verifier: it finds as many instructions, within what the compiler relies on."""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random

import multiplying
import pytest
from generate import Generator

from pyebpf import CompileError
from pyebpf.building import LIMITS
from pyebpf.compiler import compile_target as compiled
from pyebpf.effort import measure
from pyebpf.ir.ranges import exact
from pyebpf.kernel.versions import Version
from pyebpf.loader import sys
from pyebpf.loader.load import load_object
from pyebpf.object.specs import Object

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted([*(ROOT / "samples").glob("*.py"), *(ROOT / "tests" / "ports" / "programs").glob("*.py")])
MANY = 1_000_000
FEWEST, MOST = 0.25, 6.0
"""Times the verifier's own count. The compiler takes programs of 100,000, or of 250,000 when nothing else helps: so
four times as many are still not too many."""

pytestmark = pytest.mark.kernel


def counts(made: Object) -> dict[str, tuple[int, int]]:
    """For each program the instructions of the model, and those of the kernel."""
    with load_object(made) as loaded:
        verified = {
            name: struct.unpack_from("=I", sys.obj_get_info_by_fd(program.fd), 216)[0]
            for name, program in loaded.programs.items()
        }
    efforts = {program.name: measure(made, program, MANY) for program in made.programs}
    assert all(effort.complete for effort in efforts.values())
    return {name: (efforts[name].instructions, count) for name, count in verified.items()}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_written_programs(path: Path) -> None:
    for name, (ours, kernel) in counts(compiled(path)).items():
        assert FEWEST * kernel <= ours <= MOST * kernel, f"{name}: {ours} for {kernel}"


def test_random_programs(tmp_path: Path) -> None:
    """Of all together, and of each that is large enough to matter."""
    ours = kernel = 0
    for seed in range(40):
        path = tmp_path / f"probe{seed}.py"
        path.write_text(Generator(Random(f"effort:{seed}"), exact).program()[0])
        try:
            made = compiled(path)
        except CompileError:
            continue
        for one, other in counts(made).values():
            assert one >= FEWEST * other or other < 1000, f"{seed}: {one} for {other}"
            ours, kernel = ours + one, kernel + other
    assert kernel <= ours <= MOST * kernel, f"{ours} for {kernel}"


def test_ways_that_would_multiply_are_made_to_meet(tmp_path: Path) -> None:
    """As it stands the model gives it up, so another plan is taken, which costs the kernel less."""
    path = tmp_path / "probe.py"
    path.write_text(multiplying.PROGRAM)
    ((ours, kernel),) = counts(compiled(path)).values()
    enough = LIMITS[0][1].enough
    assert ours <= enough and kernel <= enough


FLAGS = """
from pyebpf import XDP, Global, Hash, u32, u64, xdp

table = Hash[u32, u64](max_entries=64)
found = Global[u64](0)
total = Global[u64](0)

@xdp
def probe(packet):
    a, b, c, d, e = table.get(0), table.get(1), table.get(2), table.get(3), table.get(4)
    f, g, h, i, j = table.get(5), table.get(6), table.get(7), table.get(8), table.get(9)
    k, l, m, n, o = table.get(10), table.get(11), table.get(12), table.get(13), table.get(14)
    for entry in (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o):
        if entry is not None:
            found.value += 1
    for entry in (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o):
        if entry is not None:
            total.value += entry
    return XDP.PASS
"""


def test_flags_that_would_multiply_are_made_to_meet(tmp_path: Path) -> None:
    """Fifteen entries that are there or not: 32,768 ways, of which the kernel follows a few dozen."""
    path = tmp_path / "probe.py"
    path.write_text(FLAGS)
    ((ours, kernel),) = counts(compiled(path)).values()
    assert ours < 5_000 and kernel < 5_000


STEADY = """
from pyebpf import XDP, Global, u64, xdp

out = Global[u64](0)

@xdp
def probe(packet):
    for i in range(64):
        for j in range(ROUNDS):
            out.value = (out.value ^ i) * 3 + (out.value >> 7) & 0xffffffff
    return XDP.PASS
"""


def test_less_is_taken_where_the_verifier_does_more(tmp_path: Path) -> None:
    """6.1 does up to three times what the model finds, 7.3 up to six times."""
    path = tmp_path / "probe.py"

    def walked(rounds: int, kernel: Version | None) -> int:
        path.write_text(STEADY.replace("ROUNDS", str(rounds)))
        made = compiled(path, kernel=kernel)
        return measure(made, made.programs[0], MANY).instructions

    assert 50_000 < walked(80, (6, 12)) < 100_000
    assert walked(80, (6, 1)) < 50_000 and walked(80, None) < 50_000  # a function
    assert 50_000 < walked(80, (5, 10)) < 100_000  # which has none
    assert 100_000 < walked(230, (5, 10)) < 250_000
    with pytest.raises(CompileError, match="E0253"):
        walked(460, (5, 10))
