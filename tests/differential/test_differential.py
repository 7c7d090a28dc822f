"""CPython, the simulator and the kernel give the same answer for a function, and the same fault on the same line.

`PYEBPF_EXAMPLES=2000 pytest tests/differential` tries that many programs, other ones each time.
"""

from __future__ import annotations

import operator
import os

import pytest
from generate import ELEMENTS, FIELDS, I64, WORDS, Generator
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from running import Inputs, Kernel, run_python
from simulated import run_simulated
from trial import REFUSED

from pyebpf import CompileError
from pyebpf.ir.ranges import exact

pytestmark = pytest.mark.kernel

OPERATIONS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
    "<<": operator.lshift, ">>": operator.rshift, "&": operator.and_, "|": operator.or_, "^": operator.xor,
}  # fmt: skip
EXAMPLES = int(os.environ.get("PYEBPF_EXAMPLES", "0"))


def number(low: int, high: int) -> st.SearchStrategy[int]:
    edges = [value for value in (low, low + 1, high - 1, high, 0, 1, 7, 8) if low <= value <= high]
    near = st.integers(max(low, -300), min(high, 300))
    return st.one_of(near, st.sampled_from(edges), st.integers(low, high))


inputs = st.builds(
    lambda numbers, first, array, name, table: Inputs((*numbers, first), array, name, table),
    st.tuples(*(number(*range) for range in FIELDS.values())),
    st.booleans(),
    st.tuples(*(number(0, 2**16 - 1) for _ in range(ELEMENTS))),
    st.sampled_from(WORDS),
    st.dictionaries(st.integers(0, 3), number(*I64), max_size=4),
)


@settings(
    max_examples=EXAMPLES or 100,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],  # explaining takes many times as long as finding
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@given(random=st.randoms(use_true_random=False), cases=st.lists(inputs, min_size=1, max_size=6))
def test_kernel_simulator_and_python_agree(kernel: Kernel, random: object, cases: list[Inputs]) -> None:
    probe, python = Generator(random, exact).program()  # type: ignore[arg-type]
    try:
        simulated = run_simulated(probe, cases)
        for case, outcome in zip(cases, simulated, strict=True):
            assert outcome == run_python(python, case), f"the front end is wrong: {case}\n{probe}\n{python}"
        outcomes = kernel.run(probe, cases)
    except CompileError as error:
        assume(not {diagnostic.code for diagnostic in error.diagnostics} <= REFUSED)
        raise
    for case, outcome, same in zip(cases, outcomes, simulated, strict=True):
        assert outcome == same, f"the code generator is wrong: {case}\n{probe}\n{python}"


@given(st.sampled_from(tuple(OPERATIONS)), st.data())
@settings(max_examples=400, derandomize=True, deadline=None)
def test_ranges_hold_every_result(sign: str, data: st.DataObject) -> None:
    """What the type of an operation says is true of its values."""
    left = sorted(data.draw(st.tuples(number(*I64), number(*I64))))
    right = sorted(data.draw(st.tuples(number(-100, 100), number(-100, 100))))
    if sign in ("<<", ">>"):
        right = [abs(value) for value in right]
        right.sort()
    x, y = data.draw(st.integers(*left)), data.draw(st.integers(*right))
    assume(not (sign in ("//", "%") and y == 0))
    low, high = exact(sign, (left[0], left[1]), (right[0], right[1]))  # type: ignore[arg-type]
    if sign == "<<" and y > 64:
        return  # wraps around whatever it is
    assert low <= OPERATIONS[sign](x, y) <= high
