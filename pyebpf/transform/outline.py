"""Make functions of the loops that the kernel shall run.

    before                                  after
    loop i in 0..1000000 (callback):        run probe__loop_7 at most 1000001 times
      if i < 1000000:                       if exit != 0:
      else:                                   return 3
        break
      if x: return 3                        function probe__loop_7:
      total = total + 1                       if i < 1000000:
    step:                                     else:
      i = i + 1                                 return 1
                                              if x: exit = 1; return 1
                                              total = total + 1
                                              i = i + 1
                                              return 0

Locals and slots that both sides use lie in the caller's frame. Every way out of the loop other than its own end has a
number, which the caller looks at afterwards. What the verifier knows of the shared numbers holds for the first round
only (before Linux 6.7 it looks at one round and believes it of all), so it is made to forget them before and after.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, final

from pyebpf.checks.locks import begun_in
from pyebpf.ir import ops
from pyebpf.ir.module import FunctionKind, Program
from pyebpf.ir.rewrite import renamed
from pyebpf.kernel.maps import MapType
from pyebpf.transform.bounded_indexes import bound_indexes
from pyebpf.transform.calls import Calls
from pyebpf.transform.exits import Exits, leave
from pyebpf.transform.frames import Draft, with_frames
from pyebpf.transform.sharing import Sharing, inside


def outline(program: Program, *, calls: bool) -> Program:
    """`program` with a function for every loop whose strategy isn't "bounded", and if `calls` is true for copies of
    functions that are the same."""
    outliner = _Outliner(program, Sharing(program.body))
    body = outliner.with_crossing(outliner.block(program.body))
    functions = [replace(made, body=bound_indexes(outliner.with_crossing(made.body))) for made in outliner.functions]
    if calls:
        copies = Calls(program.name)
        body = copies.block(body)
        functions = [replace(made, body=copies.block(made.body)) for made in functions] + copies.functions
    return with_frames(program, body, functions) if functions else program


MOST_EACH_ROUND: Final = 128
"""Bytes of memory, besides locals, that every round makes the verifier forget; three instructions for eight."""


@final
@dataclass
class _Outliner:
    program: Program
    sharing: Sharing
    functions: list[Draft] = field(default_factory=list)
    crossing: dict[ops.Value, ops.Local] = field(default_factory=dict)
    """Values that are computed outside of a function and used inside: the local that brings each there."""

    def block(self, block: ops.Block) -> ops.Block:
        """`block` with every loop inside it dealt with, the innermost first."""
        result: list[ops.Op] = []
        for op in block.ops:
            result += self.op(op)
        return ops.Block(tuple(result))

    def op(self, op: ops.Op) -> list[ops.Op]:
        match op:
            case ops.If():
                return [replace(op, then=self.block(op.then), orelse=self.block(op.orelse))]
            case ops.Scope():
                return [replace(op, body=self.block(op.body))]
            case ops.Check(failing=ops.Block() as failing):
                return [replace(op, failing=self.block(failing))]
            case ops.Loop():
                loop = replace(op, body=self.block(op.body), step=self.block(op.step))
                return self.extract(op, loop) if op.is_function else [loop]
            case _:
                return [op]

    def extract(self, original: ops.Loop, loop: ops.Loop) -> list[ops.Op]:
        """Make a function of `loop`, which was `original`; what stands in its place."""
        span, bound = loop.span, loop.bound
        assert bound is not None
        name = f"{self.program.name}__loop_{span.line}" + (f"_{len(self.functions)}" if self.functions else "")
        round_end, entries = ops.Label("round"), ops.entries_of(loop)
        begun = begun_in(op for block in (inside(loop), loop.step) for op in ops.walk(block))
        exits = Exits(loop.label, round_end, begun, entries is not None)
        body, step = exits.block(inside(loop)), exits.block(loop.step)
        # Numbers that a round leaves to the next are forgotten, so that all rounds are the same to the verifier. It
        # compares them exactly here, down to which are copies of each other, or a constant apart.
        again = self.sharing.forget(original, MOST_EACH_ROUND)
        whole = ops.Block((ops.Scope(round_end, body, span), *step.ops, *again, leave(0, span)))
        kind: FunctionKind = "loop"
        if entries is not None:
            kind = "records" if entries.map.type == MapType.USER_RINGBUF else "entries"
        self.functions.append(Draft(name, self.brought_in(whole), span, kind))
        # Once more than the bound: the last time, the loop's own test fails, and its `else` runs.
        run = ops.Run(name, bound + 1, span, entries)
        forget = [self.sharing.forget(original) for _ in range(2)]
        replacement = [*exits.before(span), *forget[0], run, *forget[1], *exits.after(span)]
        if entries is None:
            return replacement
        test = loop.body.ops[1]
        assert isinstance(test, ops.If)
        return [ops.Scope(loop.label, ops.Block((*replacement, *test.orelse.ops)), span)]

    def brought_in(self, block: ops.Block) -> ops.Block:
        """`block` with what is computed outside of it computed again, or read from a local."""
        defined = {op for op in ops.walk(block) if ops.is_value(op)}
        used = dict.fromkeys(value for op in ops.walk(block) for value in ops.operands(op))
        names: dict[ops.Op, ops.Value] = {}
        first: list[ops.Op] = []
        for value in used:
            if value not in defined and not isinstance(value, ops.Const | ops.Null):
                names[value] = self.bring(value, first, names)
        return ops.Block((*first, *renamed(block, names).ops))

    def bring(self, value: ops.Value, first: list[ops.Op], names: dict[ops.Op, ops.Value]) -> ops.Value:
        """`value` inside of a function, by ops that are added to `first`."""
        if value in names:
            return names[value]
        brought: ops.Value
        match value:
            case (
                ops.SlotAddress() | ops.VariableAddress() | ops.ZeroAddress() | ops.ContextPointer() | ops.KsymAddress()
            ):
                brought = replace(value)
            case ops.MemberAddress():
                brought = replace(value, base=self.bring(value.base, first, names))
            case _:
                if value not in self.crossing:
                    self.crossing[value] = ops.Local("outside", value.type, value.span)
                local = self.crossing[value]
                brought = ops.LocalGet(local, local.type, value.span)
        names[value] = brought
        first.append(brought)
        return brought

    def with_crossing(self, block: ops.Block) -> ops.Block:
        """`block` with each crossing value put into its local as soon as it is computed."""
        result: list[ops.Op] = []
        for op in block.ops:
            if isinstance(op, ops.If):
                op = replace(op, then=self.with_crossing(op.then), orelse=self.with_crossing(op.orelse))
            elif isinstance(op, ops.Scope):
                op = replace(op, body=self.with_crossing(op.body))
            elif isinstance(op, ops.Loop):
                op = replace(op, body=self.with_crossing(op.body), step=self.with_crossing(op.step))
            elif isinstance(op, ops.Check) and op.failing is not None:
                op = replace(op, failing=self.with_crossing(op.failing))
            result.append(op)
            if ops.is_value(op) and op in self.crossing:
                result.append(ops.LocalSet(self.crossing[op], op, op.span))
        return ops.Block(tuple(result))
