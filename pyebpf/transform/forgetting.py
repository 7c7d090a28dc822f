"""Let the verifier forget, at the end of each round of a loop, what differs between the ways through the round.

    before                              after
                                        forget at
    loop i in 0..40                     loop i in 0..40
      if kind == 1                        if kind == 1
        set at = at + 1                     set at = at + 1
      else                                else
        set at = at + size                  set at = at + size
                                          forget at

The verifier goes through a loop round by round, and through each round once for every state in which it comes to it.
Where the ways through a round leave different ranges in a local that matters, the states never meet: seven ways and
forty rounds are more than it will ever follow, though no run takes more than a few thousand instructions. A local of
which it knows nothing is the same on every way, also in the first round, which would leave traces of its own in memory
otherwise. What the program needs to know of it, its checks find out anew.

Comes in: a checked program. Goes out: the same, with Forgets; the very same object where there is nothing to forget.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyebpf.checks.branches import known_locals
from pyebpf.checks.intervals import Facts, locals_written
from pyebpf.checks.ways import multiplies
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import BoolType, IntType


def forget_in_loops(program: Program, facts: Facts) -> Program:
    """`program` with a Forget at the end of each loop whose rounds would multiply the verifier's states."""
    known = known_locals(program.body)
    reads = _reads(program.body)

    settled: set[ops.Op] = set()

    def change(op: ops.Op) -> ops.Op | tuple[ops.Op, ...]:
        if (
            not isinstance(op, ops.Loop)
            or op in settled
            or op.strategy != "bounded"
            or not multiplies(op, facts, known)
        ):
            return op
        forgotten = tuple(_differing(op, known, reads))
        if not forgotten:
            return op
        forget = ops.Forget(forgotten, op.span)
        loop = replace(op, step=ops.Block((*op.step.ops, forget)))
        settled.add(loop)
        return forget, loop

    if not any(isinstance(op, ops.Loop) and change(op) is not op for op in ops.walk(program.body)):
        return program
    return rewrite(program, change)


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
