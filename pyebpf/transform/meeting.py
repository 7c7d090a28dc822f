"""Have the verifier's ways meet wherever the program's do.

    before                              after
    %1 = load row.a                     %1 = load row.a
    if %1 > 5                           set a = %1
      set x = 1                         if get a > 5
    %2 = %1 // get y                      set x = 1
                                        forget a, x
                                        %2 = get a // get y
                                        set quotient = %2
                                        forget quotient

Each way through an `if`, an inner loop or a signed division leaves the verifier with other knowledge of the numbers
that were tested or computed there. A program that does many such things in turn has the product of all of them to
follow. Where nothing is known after each, there are only as many ways as there are things to do. It costs two
instructions for each number and each place, so it is done only to programs that are too much otherwise.

Comes in: a checked program. Goes out: the same, with more locals, and Forgets. Facts about values have to be found
anew.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final, final

from pyebpf.checks.bounds import bound
from pyebpf.checks.branches import is_known, known_locals
from pyebpf.checks.facts import Facts, locals_read, locals_written
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import renamed, rewrite, with_blocks
from pyebpf.ir.types import BoolType, IntType
from pyebpf.transform.forgetting import in_order, tested
from pyebpf.transform.references import always_set

BRANCHING: Final = (ops.BitLength, ops.EqualBytes)
"""Ops whose own code goes different ways. Signed divisions do, too."""


def meet_everywhere(program: Program, facts: Facts) -> Program:
    """`program` with a Forget wherever ways come together."""

    def counted(op: ops.Op) -> ops.Op:
        # The verifier is to know nothing of what they count with, so they count themselves.
        if isinstance(op, ops.Loop) and op.bound is None and not op.is_endless and facts.reachable(op):
            return replace(op, bound=bound(op, facts), guarded=True)
        return op

    body = rewrite(program, counted).body
    body = _Demoting(body).block(body)
    return replace(program, body=_Meeting(body).block(body))


@final
class _Demoting:
    """Puts values that tests say something of into locals, which can be forgotten. What addresses are made of stays:
    the verifier must know of it what a check has told."""

    def __init__(self, body: ops.Block) -> None:
        every = list(ops.walk(body))
        uses = Counter(value for op in every for value in ops.operands(op))
        compared = {value for op in every if isinstance(op, ops.Compare) for value in ops.operands(op)}
        addressing = {op.index for op in every if isinstance(op, ops.ElementAddress)}
        addressing |= {op.amount for op in every if isinstance(op, ops.PacketAdvance)}
        self._locals = {
            op: ops.Local("kept", op.type, op.span)
            for op in every
            if ops.is_value(op) and isinstance(op.type, IntType) and not isinstance(op, ops.Const | ops.LocalGet)
            if op not in addressing and ((uses[op] > 1 and op in compared) or branches(op))
        }
        self._renewed: dict[ops.Op, ops.Value] = {}

    def block(self, block: ops.Block) -> ops.Block:
        result: list[ops.Op] = []
        for op in block.ops:
            names: dict[ops.Op, ops.Value] = {}
            for value in dict.fromkeys(ops.operands(op)):
                if value in self._locals:
                    names[value] = read = ops.LocalGet(self._locals[value], value.type, value.span)
                    result.append(read)
                elif value in self._renewed:
                    names[value] = self._renewed[value]
            inner = with_blocks(op, self.block)
            changed = renamed(ops.Block((inner,)), names).ops[0] if names else inner
            result.append(changed)
            if ops.is_value(op) and ops.is_value(changed) and changed is not op:
                self._renewed[op] = changed
            if op in self._locals and ops.is_value(changed):
                result.append(ops.LocalSet(self._locals[op], changed, op.span))
        return ops.Block(tuple(result))


@final
class _Meeting:
    """Adds the Forgets."""

    def __init__(self, body: ops.Block) -> None:
        every = list(ops.walk(body))
        counters = {op.counting.counter for op in every if isinstance(op, ops.Loop) and op.counting is not None}
        counters |= {op.counter for op in every if isinstance(op, ops.Scope) and op.counter is not None}
        # What else holds constants are flags, which make ways differ. But where names refer to things, a flag may say
        # whether there is one, and the verifier must know both.
        self._refers = not always_set(body)
        self._known = known_locals(body) if self._refers else known_locals(body) & counters
        self._reads = locals_read(body)

    def block(self, block: ops.Block) -> ops.Block:
        result: list[ops.Op] = []
        for op in block.ops:
            result.append(with_blocks(op, self.block))
            forget = tuple(in_order(self._left_different(op), self._reads))
            if forget:
                result.append(ops.Forget(forget, op.span))
        return ops.Block(tuple(result))

    def _left_different(self, op: ops.Op) -> set[ops.Local]:
        """The numbers of which the ways through `op` may know different things."""
        return {local for local in self._may_differ(op) if not (self._refers and isinstance(local.type, BoolType))}

    def _may_differ(self, op: ops.Op) -> set[ops.Local]:
        match op:
            case ops.LocalSet(value=ops.Compare() | ops.Not() | ops.Present() | ops.EqualBytes()):
                return set() if is_known(op.value, self._known) else {op.local}
            case ops.LocalSet() if branches(op.value):
                return {op.local}
            case ops.If() if not is_known(op.condition, self._known) and _goes_on(op.then) and _goes_on(op.orelse):
                pass
            case ops.Loop() | ops.Scope():
                pass
            case _:
                return set()
        found = (locals_written(op) | tested(op)) - self._known
        inside = locals_read(*ops.blocks(op))
        return {local for local in found if self._reads[local] > inside[local] and _is_number(local)}


def branches(op: ops.Op) -> bool:
    """Whether the code of `op` itself goes different ways."""
    division = isinstance(op, ops.Binary) and op.operator in ("//", "%") and op.type.signed
    return division or isinstance(op, BRANCHING)


def _is_number(local: ops.Local) -> bool:
    return isinstance(local.type, IntType | BoolType)


def _goes_on(block: ops.Block) -> bool:
    return not (block.ops and isinstance(block.ops[-1], ops.ENDS))
