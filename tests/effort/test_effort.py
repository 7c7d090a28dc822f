"""The model of the verifier beside the verifier: it finds as many instructions, within what the compiler relies on."""

from __future__ import annotations

import platform
import struct
from pathlib import Path
from random import Random

import multiplying
import pytest
from generate import Generator

from pyebpf import CompileError, building
from pyebpf.building import ENOUGH
from pyebpf.compiler import compile_target as compiled
from pyebpf.effort import measure, rules_for
from pyebpf.ir.ranges import exact
from pyebpf.kernel.versions import parse_version
from pyebpf.loader import sys
from pyebpf.loader.load import load_object
from pyebpf.object.specs import Object

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted([*(ROOT / "samples").glob("*.py"), *(ROOT / "tests" / "ports" / "programs").glob("*.py")])
MANY = 1_000_000
RUNNING = parse_version(platform.release())
FEWEST, MOST = 0.6, 3.0
"""Times the verifier's own count. The compiler takes programs of 100,000, or of 200,000 when nothing else helps, the
kernel a million."""

pytestmark = pytest.mark.kernel


def counts(made: Object) -> dict[str, tuple[int, int]]:
    """For each program the instructions of the model, and those of the kernel."""
    with load_object(made) as loaded:
        verified = {
            name: struct.unpack_from("=I", sys.obj_get_info_by_fd(program.fd), 216)[0]
            for name, program in loaded.programs.items()
        }
    efforts = {program.name: measure(made, program, MANY, rules_for(RUNNING)) for program in made.programs}
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
    assert 0.9 * kernel <= ours <= 1.5 * kernel, f"{ours} for {kernel}"


def test_ways_that_would_multiply_are_made_to_meet(tmp_path: Path) -> None:
    """As it stands the model gives it up, so another plan is taken, which costs the kernel less."""
    path = tmp_path / "probe.py"
    path.write_text(multiplying.PROGRAM)
    ((ours, kernel),) = counts(compiled(path)).values()
    assert ours <= ENOUGH and kernel <= ENOUGH


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


ROUNDS = """
from pyebpf import XDP, Array, Global, Hash, u32, u64, xdp

table = Hash[u32, u64](max_entries=64)
out = Global[u64](0)

@xdp
def probe(packet):
    a = b = c = u64(0)
    for key, value in table.items():
        if value > 5:
            a = value
        if value & 1:
            b = a + 1
        if value < 1000:
            c = b ^ 3
        table[u32(key & 7)] = c
    out.value = a + b + c
    return XDP.PASS
"""


def test_kernels_have_rules_of_their_own(tmp_path: Path) -> None:
    """A function that a helper runs: once before 6.7, round by round since; by ever stricter rules."""
    path = tmp_path / "probe.py"
    path.write_text(ROUNDS)
    made = compiled(path)
    found = {kernel: measure(made, made.programs[0], MANY, rules_for(kernel)) for kernel in ((6, 6), (6, 12), None)}
    once, rounds, strict = (effort.instructions for effort in found.values())
    assert all(effort.complete for effort in found.values())
    assert once < rounds < strict


def test_what_takes_too_long_by_every_plan_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the loop that costs most. Programs that take a quarter of a million are too slow to try here."""
    monkeypatch.setattr(building, "ENOUGH", 500)
    monkeypatch.setattr(building, "LAST", 900)
    monkeypatch.setattr(building, "WITH_FUNCTIONS", 900)
    path = tmp_path / "probe.py"
    path.write_text(multiplying.PROGRAM)
    with pytest.raises(CompileError) as caught:
        compiled(path)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E0253"
