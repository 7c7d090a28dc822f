"""Tests of pointers that the language needs none of any more, but the verifier does.

    for i in range(3):                  In the second round it is known that `p` isn't None, and the test is left out.
        if p is None or p.f == x:       Where the verifier was made to forget what the first test said (`forgetting`),
            break                       or reads it from memory (loops that are functions), it can't know that.

Comes in: a program of which branches were taken out. Goes out: the same, with tests where the verifier knows too
little; it ends where one fails, which never happens.
"""

from __future__ import annotations

from pyebpf.checks.facts import Facts
from pyebpf.checks.intervals import analyze
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import BOOL, PointerType
from pyebpf.transform.dead_branches import the_end
from pyebpf.transform.held import given_back


def is_told_less(body: ops.Block, language: Facts, verifier: Facts) -> bool:
    """Whether the verifier may know less of pointers than the language does."""
    return any(_is_less(op, language, verifier) for op in ops.walk(body))


def _is_less(op: ops.Op, language: Facts, verifier: Facts) -> bool:
    if not (language.reachable(op) and verifier.reachable(op)):
        return False
    match op:
        case ops.If():
            low, high = language.intervals[op]
            return low == high and verifier.intervals[op] != (low, high)
        case ops.NotNull() | ops.Prove(type=PointerType()):
            return verifier.interval(op)[0] < 1
    return False


def retested(program: Program, default: int) -> Program:
    """`program` with a test before each pointer that must not be null, as far as the verifier doesn't know of it."""
    verifier = analyze(program, "verifier")

    def unclear(op: ops.Op) -> bool:
        return isinstance(op, ops.NotNull) and verifier.reachable(op) and verifier.interval(op)[0] < 1

    before = given_back(program.body, unclear)
    tested: set[ops.Op] = set()

    def change(op: ops.Op) -> ops.Op | tuple[ops.Op, ...]:
        if not isinstance(op, ops.NotNull) or op in tested:
            return op
        held = before.get(op)
        if held is None:  # nothing is unclear, or the program can't end there
            return op
        tested.add(op)
        present = ops.Present(op.pointer, BOOL, op.span)
        end = ops.Block((*held, *the_end(op, default)))
        return present, ops.If(present, ops.Block(()), end, op.span), op

    return rewrite(program, change)
