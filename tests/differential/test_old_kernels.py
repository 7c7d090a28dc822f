"""What older verifiers want of the code's shape, seen in the code itself; `tests/guests` asks these kernels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running import Kernel
from trial import make

from pyebpf import CompileError
from pyebpf.object.read import read_object

JUMP_CLASSES, CALL, EXIT, ALWAYS, TWO_SLOTS = (5, 6), 0x85, 0x95, 0x05, 0x18


def edges(code: bytes, at: int) -> list[tuple[int, bool]]:
    """Where instruction `at` may go on, in the verifier's order, and whether it may go back there."""
    operation = code[8 * at]
    if operation == EXIT:
        return []
    if operation == TWO_SLOTS:
        return [(at + 2, False)]
    if operation & 7 not in JUMP_CLASSES or operation == CALL:
        return [(at + 1, False)]
    target = at + 1 + int.from_bytes(code[8 * at + 2 : 8 * at + 4], "little", signed=True)
    return [(target, True)] if operation == ALWAYS else [(at + 1, True), (target, True)]


def refused_edges(code: bytes) -> Iterator[tuple[int, int]]:
    """Edges back to an instruction that is being followed, made by one that isn't a jump: refused up to Linux 6.8."""
    state = {0: "open"}
    stack = [(0, iter(edges(code, 0)))]
    while stack:
        at, left = stack[-1]
        for target, jump in left:
            if target not in state:
                state[target] = "open"
                stack.append((target, iter(edges(code, target))))
                break
            if state[target] == "open" and not jump:
                yield at, target
        else:
            state[at] = "done"
            stack.pop()


@pytest.mark.kernel
def test_nothing_falls_back_into_a_loop(kernel: Kernel) -> None:
    tried = 0
    for number in (28, 41, *range(100, 112)):
        try:
            obj = read_object(kernel.compile(make(f"1:{number}", 1).probe))
        except CompileError:
            continue
        for program in obj.programs:
            assert not list(refused_edges(program.function.code)), number
            tried += 1
    assert tried > 5
