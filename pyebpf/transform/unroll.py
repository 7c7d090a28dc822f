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
from typing import final

from pyebpf.checks.bounds import bound
from pyebpf.checks.facts import Facts
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import with_blocks


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
        copying, end = _Copying(loop.label), ops.Label("round")
        body = copying.block(loop.body, end)
        if not (body.ops and isinstance(body.ops[-1], ops.ENDS)):
            body = ops.Block((*body.ops, ops.Break(end, loop.span)))
        found += [ops.Scope(end, body, loop.span), *copying.block(loop.step, end).ops]
    whole = ops.Block((*found, ops.Break(loop.label, loop.span)))
    return ops.Scope(loop.label, whole, loop.span, rounds=count)


@final
class _Copying:
    """Makes a copy of a round: values and labels of its own stand for those inside it."""

    def __init__(self, loop: ops.Label) -> None:
        self._loop = loop
        self._names: dict[ops.Op, ops.Value] = {}
        self._labels: dict[ops.Label, ops.Label] = {}

    def block(self, block: ops.Block, end: ops.Label) -> ops.Block:
        """A copy of `block`; `end` is where the round ends."""
        return ops.Block(tuple([self.op(op, end) for op in block.ops]))

    def op(self, op: ops.Op, end: ops.Label) -> ops.Op:
        made: ops.Op = op
        match op:
            case ops.Scope():
                made = replace(op, label=self.renamed(op.label))
            case ops.Continue() if op.label is self._loop:
                return ops.Break(end, op.span)
            case ops.Break() | ops.Continue():
                made = replace(op, label=self._labels.get(op.label, op.label))
        renewed = {name: self.renew(getattr(made, name), end) for name in ops.RENEWABLE[type(op)]}
        new = replace(made, **renewed)  # type: ignore[arg-type]
        if ops.is_value(op) and ops.is_value(new):
            self._names[op] = new
        return new

    def renamed(self, label: ops.Label) -> ops.Label:
        self._labels[label] = ops.Label(label.name)
        return self._labels[label]

    def renew(self, item: object, end: ops.Label) -> object:
        if isinstance(item, ops.Block):
            return self.block(item, end)
        if isinstance(item, tuple) and any(ops.is_value(part) for part in item):
            return tuple(self._names.get(part, part) for part in item)
        return self._names.get(item, item) if ops.is_value(item) else item
