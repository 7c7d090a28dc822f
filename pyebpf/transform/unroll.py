"""Write out the rounds of short loops, one after the other.

    before                      after
    i = 0                       i = 0
    loop (bound 2, unrolled):   scope loop (2 rounds):
      if i < 2:                   scope round:
        pass                        BODY
      else:                       i = i + 1
        break loop                scope round:
      BODY                          BODY
    step:                         i = i + 1
      i = i + 1

Which loops these are is a choice of the checks. In each round the counter is one number, known beforehand, and so are
its tests and whatever else hangs on it.
"""

from __future__ import annotations

from dataclasses import replace

from pyebpf.checks.bounds import bound
from pyebpf.checks.facts import Facts
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import Change, Copier, with_blocks


def unroll(program: Program, facts: Facts) -> Program:
    """`program` with its loops of the strategy "unrolled" written out; the same object if there are none."""
    loops = [op for op in ops.walk(program.body) if isinstance(op, ops.Loop) and op.strategy == "unrolled"]
    if not any(facts.reachable(loop) for loop in loops):
        return program
    return replace(program, body=_written_out(program.body, facts))


def _written_out(block: ops.Block, facts: Facts) -> ops.Block:
    found: list[ops.Op] = []
    for op in block.ops:
        if isinstance(op, ops.Loop) and op.strategy == "unrolled" and facts.reachable(op):
            found.append(_rounds(op, facts))
        else:
            found.append(with_blocks(op, lambda inner: _written_out(inner, facts)))
    return ops.Block(tuple(found))


def _rounds(loop: ops.Loop, facts: Facts) -> ops.Scope:
    """One scope for each round, and what is left of the last test."""
    count = bound(loop, facts)
    assert count is not None
    found: list[ops.Op] = []
    for _ in range(count + 1):
        end = ops.Label("round")
        copier = Copier(_own_labels(loop.label, end))
        body = copier.block(loop.body)
        if not (body.ops and isinstance(body.ops[-1], ops.ENDS)):
            body = ops.Block((*body.ops, ops.Break(end, loop.span)))
        found += [ops.Scope(end, body, loop.span), *copier.block(loop.step).ops]
    whole = ops.Block((*found, ops.Break(loop.label, loop.span)))
    counter = loop.counting.counter if loop.counting is not None else None
    return ops.Scope(loop.label, whole, loop.span, rounds=count, counter=counter)


def _own_labels(loop: ops.Label, end: ops.Label) -> Change:
    """In a copy of a round, which ends at `end`: labels of its own stand for those inside it."""
    labels: dict[ops.Label, ops.Label] = {}

    def change(op: ops.Op) -> ops.Op:
        match op:
            case ops.Scope():
                labels[op.label] = ops.Label(op.label.name)
                return replace(op, label=labels[op.label])
            case ops.Continue() if op.label is loop:
                return ops.Break(end, op.span)
            case ops.Break():
                return replace(op, label=labels.get(op.label, op.label))
            case _:
                return op

    return change
