"""The ways out of a loop that becomes a function: each gets a number, which the caller looks at after the call."""

from __future__ import annotations

from dataclasses import replace
from typing import final

from pyebpf.checks.locks import Key, Returns, given_back, given_back_last, leads_out
from pyebpf.ir import ops
from pyebpf.ir.rewrite import renamed
from pyebpf.ir.types import BOOL, I64, IntType
from pyebpf.source import Span


def leave(answer: int, span: Span) -> ops.Return:
    """The end of a function: 0 to be run again, 1 not to be."""
    return ops.Return(number(answer, span), span)


def number(value: int, span: Span) -> ops.Const:
    return ops.Const(value, IntType(value, value), span)


def _elsewhere(op: ops.Op) -> list[ops.Op]:
    """`op`, and before it again what says where in the stack something lies."""
    places: dict[ops.Op, ops.Value] = {
        value: replace(value) for value in ops.operands(op) if isinstance(value, ops.SlotAddress)
    }
    return [*places.values(), *renamed(ops.Block((op,)), places).ops]


@final
class Exits:
    """Rewrites what is inside of the loop `label`, and remembers how it can be left."""

    def __init__(
        self,
        label: ops.Label,
        round_end: ops.Label,
        begun: frozenset[Key],
        entries: bool,
        exit: ops.Local | None = None,
        result: ops.Local | None = None,
    ) -> None:
        self._label = label
        self._round_end = round_end
        self._begun = begun
        """What is computed or begun inside."""
        self._entries = entries
        """Whether the loop goes through a map's entries: its `else` stands behind the call, and `break` skips that."""
        self._given = exit, result
        """Where the number of the way out goes, and a result: for copies of a function, that all have the same."""
        self._exit: ops.Local | None = None
        self._result: ops.Local | None = None
        self._ways: list[tuple[object, tuple[ops.Op, ...]]] = []
        """What tells each way out from others, and what the caller does then."""
        self._inner: set[ops.Label] = set()

    def block(self, block: ops.Block) -> ops.Block:
        result: list[ops.Op] = []
        last = given_back_last(block.ops, self._begun) if leads_out(block, self._is_inside) else ()
        places = {value for op in last for value in ops.operands(op) if isinstance(value, ops.SlotAddress)}
        if places:
            places -= {value for op in block.ops if op not in last for value in ops.operands(op)}
        for op in block.ops:
            if op not in last and op not in places:
                result += self._op(op, last)
        return ops.Block(tuple(result))

    def _is_inside(self, label: ops.Label) -> bool:
        return label is self._label or label in self._inner

    def _ends_round(self, op: ops.Break | ops.Continue) -> bool:
        """Whether it only ends this call of the function."""
        return op.label is self._label and not (self._entries and isinstance(op, ops.Break))

    def _op(self, op: ops.Op, last: Returns) -> list[ops.Op]:
        """`last`: what is given back before `op` if it leads out, which the caller does then."""
        match op:
            case ops.If():
                return [replace(op, then=self.block(op.then), orelse=self.block(op.orelse))]
            case ops.Scope():
                self._inner.add(op.label)
                return [replace(op, body=self.block(op.body))]
            case ops.Loop():
                self._inner.add(op.label)
                return [replace(op, body=self.block(op.body), step=self.block(op.step))]
            case ops.Check():
                failing = self.block(op.failing) if op.failing is not None else self._raise(op)
                return [replace(op, cleanup=(), failing=failing)]
            case ops.Break() | ops.Continue():
                return self._jump(op, last)
            case ops.Return():
                return self._return(op, last)
            case ops.Raise():
                return list(self._raise(op, last).ops)
            case _:
                return [op]

    def _jump(self, op: ops.Break | ops.Continue, last: Returns) -> list[ops.Op]:
        if op.label in self._inner:
            return [op]
        if self._ends_round(op):
            return [leave(1, op.span) if isinstance(op, ops.Break) else ops.Break(self._round_end, op.span)]
        return self._out((type(op), op.label), (op,), op.span, last)

    def _return(self, op: ops.Return, last: Returns) -> list[ops.Op]:
        if isinstance(op.value, ops.Const):
            return self._out(("return", op.value.value), (op,), op.span, last)
        if self._result is None:
            self._result = self._given[1] or ops.Local("result", I64, op.span)
        # The type tells the range that the program's result has to be in.
        get = ops.LocalGet(self._result, op.value.type, op.span)
        way = (get, ops.Return(get, op.span))
        return [ops.LocalSet(self._result, op.value, op.span), *self._out("return", way, op.span, last)]

    def _raise(self, op: ops.Check | ops.Raise, last: Returns = ()) -> ops.Block:
        inner = [record for record in op.cleanup if record in self._begun]
        outer = tuple(record for record in op.cleanup if record not in self._begun)
        way = ops.Raise(op.fault, outer, op.span)
        discard = [ops.RingDiscard(record, op.span) for record in inner]
        return ops.Block((*discard, *self._out((op.fault, outer, op.span), (way,), op.span, last)))

    def _out(self, key: object, way: tuple[ops.Op, ...], span: Span, last: Returns) -> list[ops.Op]:
        key = (key, *((type(op), given_back(op)) for op in last))
        if self._exit is None:
            self._exit = self._given[0] or ops.Local("exit", I64, span)
        known = [other for other, _ in self._ways]
        if key not in known:
            known.append(key)
            self._ways.append((key, (*(each for op in last for each in _elsewhere(op)), *way)))
        return [ops.LocalSet(self._exit, number(known.index(key) + 1, span), span), leave(1, span)]

    def before(self, span: Span) -> list[ops.Op]:
        """What the caller does first."""
        return [] if self._exit is None else [ops.LocalSet(self._exit, number(0, span), span)]

    def after(self, span: Span) -> list[ops.Op]:
        """What the caller does when the loop has been left."""
        if self._exit is None:
            return []
        get = ops.LocalGet(self._exit, I64, span)
        *others, (_, last) = self._ways
        chain: list[ops.Op] = []
        for index, (_, way) in enumerate(others):
            this = ops.Compare("==", get, number(index + 1, span), BOOL, span)
            chain += [this, ops.If(this, ops.Block(way), ops.Block(), span)]
        left = ops.Compare("!=", get, number(0, span), BOOL, span)
        return [get, left, ops.If(left, ops.Block((*chain, *last)), ops.Block(), span)]
