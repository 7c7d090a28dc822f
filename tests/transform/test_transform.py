"""What the rewrites make of checked programs: golden cases of source and of the IR that goes to the code generator."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import Case, cases

from pyebpf import compiler
from pyebpf.checks import check_module
from pyebpf.compiler import emit
from pyebpf.ir.printer import print_module
from pyebpf.transform import optimize

HERE = Path(__file__).parent
PRELUDE = """\
from pyebpf import *
from pyebpf import Ethernet, IPv4, Vlan

total = Global[u64](0)

"""


def in_memory(path: Path) -> str:
    """The IR where the stack is too small for all numbers."""
    return print_module(optimize(check_module(compiler._module(compiler.resolve(path), None), None), in_memory=True))


@pytest.mark.parametrize("case", cases(*sorted(HERE.glob("*.test"))), ids=str)
def test_optimized(case: Case, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    path = tmp_path / "probe.py"
    path.write_text(PRELUDE + case.source)
    (stage,) = case.stages
    printed = emit(path, "ir") if stage.name == "optimized" else in_memory(path)
    assert isinstance(printed, str)
    case.check(stage, printed.partition("\n\n")[2], pytestconfig)
