"""What the rewrites make of checked programs: golden cases of source and of the IR that goes to the code generator."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import Case, cases

from pyebpf.compiler import emit

HERE = Path(__file__).parent
PRELUDE = """\
from pyebpf import *
from pyebpf import Ethernet, IPv4, Vlan

total = Global[u64](0)

"""


@pytest.mark.parametrize("case", cases(*sorted(HERE.glob("*.test"))), ids=str)
def test_optimized(case: Case, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    path = tmp_path / "probe.py"
    path.write_text(PRELUDE + case.source)
    printed = emit(path, "ir")
    assert isinstance(printed, str)
    (stage,) = case.stages
    case.check(stage, printed.partition("\n\n")[2], pytestconfig)
