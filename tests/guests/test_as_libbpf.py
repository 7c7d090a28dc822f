"""The kernel's own types: this kernel has the same instructions of a guest case by pyebpf as it has by libbpf.

`matrix.py --loader both` asks the other kernels, which also load what this one may refuse.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from as_libbpf import Program, equal_by_both, first_difference, programs
from by_libbpf import Refused, loaded_by_libbpf
from case import FOLDER, PATHS, all_names, import_case, read_case

sys.path[:0] = [path for path in PATHS if path not in sys.path]

from pyebpf import LoadError
from pyebpf.compiler import compile_target
from pyebpf.loader.load import load_object

CASES = [name for name in all_names() if read_case(FOLDER / f"{name}.py").portable]
COMPARED = [name for name in CASES if read_case(FOLDER / f"{name}.py").libbpf]
ONE = Program(b"tag", bytes.fromhex("180100000700000000000000000000009500000000000000"), ((1, 4, 8, 2, 0),))
SOURCE = """
from pyebpf import Hash, pid, raw_tracepoint, u32, u64

counts = Hash[u32, u64](max_entries={entries})


@raw_tracepoint("sys_enter")
def probe(ctx):
    counts[pid()] += {step}
"""


REFUSED = {"policy forbids it": "@fentry", "CONFIG_KALLSYMS_ALL is off": "pyebpf.ksyms"}
"""Why this kernel may refuse a case, and what the case has then."""


@pytest.mark.kernel
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", COMPARED)
def test_same_instructions(name: str) -> None:
    case = read_case(FOLDER / f"{name}.py")
    module = import_case(case.path)
    elf = compile_target(case.path, kernel=case.since).elf
    config = module.config() if hasattr(module, "config") else None
    try:
        equal = equal_by_both(elf, config)
    except LoadError as error:  # fentry may be against this kernel's policy, and it may lack symbols, whoever loads it
        about = next((about for why, about in REFUSED.items() if why in str(error)), "nothing of the kind")
        assert about in case.path.read_text(), error
        with pytest.raises(Refused), loaded_by_libbpf(elf, config):
            pass
    else:
        print(f"{equal.programs} programs, {equal.instructions} instructions")
        assert equal.programs and equal.instructions


def test_every_difference_is_told() -> None:
    assert first_difference(ONE, ONE) == ""
    assert "is missing, by libbpf 95" in first_difference(dataclasses.replace(ONE, code=ONE.code[:-8]), ONE)
    assert "is 9500000000000000, by libbpf 9501" in first_difference(ONE, changed(ONE, 17, 1))
    assert "its maps are" in first_difference(ONE, dataclasses.replace(ONE, maps=((1, 4, 8, 3, 0),)))
    assert "was given other" in first_difference(ONE, dataclasses.replace(ONE, tag=b"other"))


def changed(one: Program, at: int, byte: int) -> Program:
    code = bytearray(one.code)
    code[at] = byte
    return dataclasses.replace(one, code=bytes(code))


@pytest.mark.kernel
def test_other_instructions_are_found(tmp_path: Path) -> None:
    """Two objects that differ in a constant and in the entries of a map."""
    found = []
    for number, (entries, step) in enumerate(((8, 1), (8, 2), (9, 1), (8, 1))):
        path = tmp_path / f"probe_{number}.py"
        path.write_text(SOURCE.format(entries=entries, step=step))
        with load_object(compile_target(path)) as loaded:
            found.append(programs(loaded)["probe"])
    assert "instruction" in first_difference(found[0], found[1])
    assert "its maps are" in first_difference(found[0], found[2])
    assert first_difference(found[0], found[3]) == ""
