"""Drop what the verifier would forget for nothing: what nobody reads before it is set, or forgotten, once more.

before                          after
if kind == 2                    if kind == 2
  set at = at + 4                 set at = at + 4
  forget at                     forget at
forget at                       return 0
forget kind
return 0

Each is a read of memory and an addition, in code and in what the verifier follows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias, final

from pyebpf.ir import ops
from pyebpf.ir.module import Program

_Locals: TypeAlias = frozenset[ops.Local]
"""What is read, on some way on, before it is set or forgotten."""


def drop_needless_forgets(program: Program) -> Program:
    """`program` without the Forgets that make no difference."""
    if not any(isinstance(op, ops.Forget) for op in ops.walk(program.body)):
        return program
    body, _ = _Backwards().block(program.body, frozenset())
    return replace(program, body=body)


@final
class _Backwards:
    """Goes from the end to the start."""

    def __init__(self) -> None:
        self.breaks: dict[ops.Label, _Locals] = {}
        self.continues: dict[ops.Label, _Locals] = {}

    def block(self, block: ops.Block, after: _Locals) -> tuple[ops.Block, _Locals]:
        """The block without needless Forgets, and what is read from its start on; `after`: from its end on."""
        found: list[ops.Op] = []
        for op in reversed(block.ops):
            changed, after = self.op(op, after)
            if changed is not None:
                found.append(changed)
        return ops.Block(tuple(reversed(found))), after

    def op(self, op: ops.Op, after: _Locals) -> tuple[ops.Op | None, _Locals]:
        match op:
            case ops.LocalGet():
                return op, after | {op.local}
            case ops.LocalSet():
                return op, after - {op.local}
            case ops.Forget():
                wanted = tuple(local for local in op.locals if local in after)
                return (replace(op, locals=wanted) if wanted else None), after - set(op.locals)
            case ops.If():
                then, before_then = self.block(op.then, after)
                orelse, before_orelse = self.block(op.orelse, after)
                return replace(op, then=then, orelse=orelse), before_then | before_orelse
            case ops.Scope():
                self.breaks[op.label] = after
                body, before = self.block(op.body, after)
                return replace(op, body=body), before
            case ops.Loop():
                return self.loop(op, after)
            case ops.Check() if op.failing is not None:
                failing, before = self.block(op.failing, frozenset())
                return replace(op, failing=failing), before | after
            case ops.Break():
                return op, self.breaks[op.label]
            case ops.Continue():
                return op, self.continues[op.label]
            case ops.Return() | ops.Raise():
                return op, frozenset()
            case _:
                return op, after

    def loop(self, op: ops.Loop, after: _Locals) -> tuple[ops.Op, _Locals]:
        """Round by round, until another round finds nothing new."""
        head = after
        while True:
            self.breaks[op.label] = after
            step, before_step = self.block(op.step, head)
            self.continues[op.label] = before_step
            body, before = self.block(op.body, before_step)
            if before <= head:
                return replace(op, body=body, step=step), head
            head |= before
