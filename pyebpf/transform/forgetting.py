"""Let the verifier forget, at the end of each round of a loop, what differs between the ways through the round.

    before                              after
    loop i in 0..40                     loop i in 0..40
      if kind == 1                        if kind == 1
        set at = at + 1                     set at = at + 1
      else                                else
        set at = at + size                  set at = at + size
                                          forget at

The verifier goes through a loop round by round, and through each round once for every state in which it comes to it.
Where the ways through a round leave different ranges in a local that matters, the states never meet: seven ways and
forty rounds are more than it will ever follow, though no run takes more than a few thousand instructions. A local of
which it knows nothing is the same on every way. What the program needs to know of it, its checks find out anew.

Comes in: a checked program. Goes out: the same, with Forgets; the very same object where there is nothing to forget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pyebpf.checks.bounds import bound
from pyebpf.checks.branches import is_known, known_locals
from pyebpf.checks.intervals import Facts, locals_written
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import BoolType, IntType

MANY: Final = 1000
"""Ways enough not to count them any further."""
FEW_STATES: Final = 64
"""So many states at a loop's end aren't worth an instruction of every round."""


def forget_in_loops(program: Program, facts: Facts) -> Program:
    """`program` with a Forget at the end of each loop whose rounds would multiply the verifier's states."""
    known = known_locals(program.body)
    reads = _reads(program.body)

    def change(op: ops.Op) -> ops.Op:
        if not isinstance(op, ops.Loop) or not _multiplies(op, facts, known):
            return op
        forgotten = tuple(_differing(op, known, reads))
        if not forgotten:
            return op
        return replace(op, step=ops.Block((*op.step.ops, ops.Forget(forgotten, op.span))))

    if not any(isinstance(op, ops.Loop) and change(op) is not op for op in ops.walk(program.body)):
        return program
    return rewrite(program, change)


def _multiplies(loop: ops.Loop, facts: Facts, known: frozenset[ops.Local]) -> bool:
    ways = _ways(loop.body, known)
    rounds = bound(loop, facts) or 1
    return ways > 1 and (rounds >= FEW_STATES or ways**rounds > FEW_STATES)


def _ways(block: ops.Block, known: frozenset[ops.Local]) -> int:
    """How many ways lead through `block` to the end of the round, or out of an inner block, up to MANY."""
    total = 1
    for op in block.ops:
        match op:
            case ops.Break() | ops.Return() | ops.Raise():
                return 1 if isinstance(op, ops.Break) and op.label.name != "loop" else 0
            case ops.If() if not is_known(op.condition, known):
                total *= max(_ways(op.then, known) + _ways(op.orelse, known), 1)
            case ops.If():
                total *= max(_ways(op.then, known), _ways(op.orelse, known), 1)
            case ops.Loop():
                total *= MANY if _ways(op.body, known) > 1 or _leaves_early(op, known) else 1
            case ops.Scope():
                total *= max(_ways(op.body, known), 1)
            case ops.Check(failing=ops.Block()):
                total *= 2
            case ops.LocalSet(value=ops.Compare() | ops.Not() | ops.Present()) if not is_known(op.value, known):
                total *= 2
            case ops.EqualBytes() | ops.BitLength():
                total *= 2
            case ops.Binary(operator="//" | "%"):
                total *= 2 if isinstance(op.type, IntType) and op.type.signed else 1
            case _:
                continue
        if total >= MANY:
            return MANY
    return total


def _leaves_early(loop: ops.Loop, known: frozenset[ops.Local]) -> bool:
    """Whether a loop can end after different numbers of rounds."""
    tests = [op for op in loop.body.ops if isinstance(op, ops.If) and any(_breaks(op, loop.label))]
    return len(tests) != 1 or not is_known(tests[0].condition, known)


def _breaks(op: ops.Op, label: ops.Label) -> Iterator[bool]:
    for inner in ops.blocks(op):
        for nested in inner.ops:
            if isinstance(nested, ops.Break) and nested.label is label:
                yield True
            yield from _breaks(nested, label)


def _reads(body: ops.Block) -> dict[ops.Local, int]:
    """How often each local is read."""
    found: dict[ops.Local, int] = {}
    for op in ops.walk(body):
        if isinstance(op, ops.LocalGet):
            found[op.local] = found.get(op.local, 0) + 1
    return found


def _differing(loop: ops.Loop, known: frozenset[ops.Local], reads: dict[ops.Local, int]) -> Iterator[ops.Local]:
    """The locals that the next round may find different, depending on the way through this one."""
    inside: dict[ops.Local, int] = {}
    for block in (loop.body, loop.step):
        for local, count in _reads(block).items():
            inside[local] = inside.get(local, 0) + count
    written = locals_written(loop)
    counters = {op.counting.counter for op in (loop, *_nested(loop)) if op.counting is not None}
    steady = {local for local in written & known if _steady(loop, local)}
    for local in sorted(
        written - counters - steady, key=lambda local: (local.span.line, local.span.column, local.name)
    ):
        lives = reads.get(local, 0) > inside.get(local, 0) or _first(loop.body, local) == "read"
        if lives and isinstance(local.type, IntType | BoolType):
            yield local


def _nested(loop: ops.Loop) -> Iterator[ops.Loop]:
    for block in (loop.body, loop.step):
        for op in ops.walk(block):
            if isinstance(op, ops.Loop):
                yield op


def _steady(loop: ops.Loop, local: ops.Local) -> bool:
    """Whether every round writes `local` in the same way, whatever happens in it."""
    on_every_way = [op for op in loop.step.ops if isinstance(op, ops.LocalSet) and op.local is local]
    writes = [op for block in (loop.body, loop.step) for op in ops.walk(block) if _writes(op, local)]
    return len(on_every_way) == len(writes) or (_unbroken(loop.body) and len(_top(loop.body, local)) == len(writes))


def _writes(op: ops.Op, local: ops.Local) -> bool:
    return isinstance(op, ops.LocalSet) and op.local is local


def _top(block: ops.Block, local: ops.Local) -> list[ops.Op]:
    return [op for op in block.ops if _writes(op, local)]


def _unbroken(body: ops.Block) -> bool:
    """Whether no Continue skips a part of the round."""
    return not any(isinstance(op, ops.Continue) for op in ops.walk(body))


def _first(block: ops.Block, local: ops.Local) -> str:
    """What a round does first with `local`: "read" on some way, surely "set", or nothing ("")."""
    for op in block.ops:
        if isinstance(op, ops.LocalGet) and op.local is local:
            return "read"
        if _writes(op, local):
            return "set"
        inner = [_first(each, local) for each in ops.blocks(op)]
        if "read" in inner:
            return "read"
        if (
            isinstance(op, ops.If)
            and all(
                each == "set" or (block.ops and isinstance(block.ops[-1], ops.ENDS))
                for each, block in zip(inner, ops.blocks(op), strict=True)
            )
            and "set" in inner
        ):
            return "set"
        if isinstance(op, ops.Scope) and inner == ["set"]:
            return "set"
    return ""
