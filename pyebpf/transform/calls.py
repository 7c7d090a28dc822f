"""Make one function of the copies of a @function that are the same.

    before                                  after
    scope checksum:                         given = %1
      (the body, for %1)                    call probe__checksum
      result = %9                           result = answer
    scope checksum.2:                       given = %21
      (the body, for %21)                   call probe__checksum
      result.2 = %29                        result.2 = answer

                                            function probe__checksum:
                                              %30 = given
                                              (the body, for %30)
                                              answer = %38

A @function is lowered into each caller, for the types that it is called with. Where that made large copies that compute
the same, one is enough. What goes in and comes out lies in the caller's frame, so there may be any number of arguments.
The verifier follows each call as it would follow the copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, final

from pyebpf.checks.locks import begun_in
from pyebpf.ir import ops
from pyebpf.ir.rewrite import renamed, with_blocks
from pyebpf.ir.types import I64
from pyebpf.transform.bounded_indexes import bound_indexes
from pyebpf.transform.exits import Exits, leave
from pyebpf.transform.frames import Draft
from pyebpf.transform.sameness import Copy, given_type
from pyebpf.transform.sharing import things

WORTH: Final = 60
"""Ops that must be saved in all."""
CALL: Final = 8
"""Ops that a call takes, and three for each thing that goes in or comes out."""


@final
@dataclass
class Calls:
    """Looks for copies in one program; collects the functions that are made of them."""

    program: str
    functions: list[Draft] = field(default_factory=list)

    def block(self, body: ops.Block) -> ops.Block:
        """`body`, of the program or of one of its functions, with calls instead of copies."""
        while True:
            copies = self._worthwhile(body)
            if not copies:
                return body
            body = self._replace(body, copies)

    def _worthwhile(self, body: ops.Block) -> list[Copy]:
        """The copies that save most."""
        uses = Counter(thing for op in ops.walk(body) for thing in things(op))
        groups: dict[Hashable, list[Copy]] = {}
        for scope in _scopes(body):
            copy = Copy(scope, uses)
            groups.setdefault(copy.key, []).append(copy)
        best = max(groups.values(), key=_saved, default=[])
        return best if best and _saved(best) >= WORTH else []

    def _replace(self, body: ops.Block, copies: list[Copy]) -> ops.Block:
        first = copies[0]
        name = f"{self.program}__{first.scope.function}_{len(self.functions)}"
        given = [ops.Local("given", given_type(value.type), value.span) for value in first.values]
        shared = [
            same[0] if len(set(same)) == 1 else ops.Local(same[0].name, same[0].type, same[0].span)
            for same in zip(*(copy.locals for copy in copies), strict=True)
        ]
        exit, result = _exits_locals(first)
        calls: dict[ops.Op, list[ops.Op]] = {}
        for copy in copies:
            exits = _exits(copy, exit, result)
            inside = exits.block(copy.scope.body)
            if copy is first:
                self.functions.append(Draft(name, _body(copy, inside, given, shared), copy.scope.span, "call"))
            calls[copy.scope] = _call(copy, name, given, shared, exits)
        return _with_calls(body, calls)


def _scopes(block: ops.Block) -> Iterator[ops.Scope]:
    for op in block.ops:
        if isinstance(op, ops.Scope) and op.function:
            yield op
        for inner in ops.blocks(op):
            yield from _scopes(inner)


def _saved(copies: list[Copy]) -> int:
    """Ops that are saved by one function instead of all copies."""
    size = sum(1 for op in ops.walk(copies[0].scope.body) if not isinstance(op, ops.Const))
    call = CALL + 3 * (len(copies[0].values) + len(copies[0].locals))
    return (len(copies) - 1) * size - len(copies) * call


def _exits_locals(copy: Copy) -> tuple[ops.Local, ops.Local]:
    return ops.Local("exit", I64, copy.scope.span), ops.Local("result", I64, copy.scope.span)


def _exits(copy: Copy, exit: ops.Local, result: ops.Local) -> Exits:
    begun = begun_in(ops.walk(copy.scope.body))
    return Exits(copy.scope.label, ops.Label("never"), begun, False, exit, result)


def _body(copy: Copy, inside: ops.Block, given: list[ops.Local], shared: list[ops.Local]) -> ops.Block:
    """The function: what it is given is read first."""
    reads = [ops.LocalGet(local, local.type, local.span) for local in given]
    names: dict[ops.Op, ops.Value] = dict(zip(copy.values, reads, strict=True))
    other = {old: new for old, new in zip(copy.locals, shared, strict=True) if old is not new}
    whole = ops.Block((*_with_locals(inside, other).ops, leave(0, copy.scope.span)))
    if inside.ops and isinstance(inside.ops[-1], ops.ENDS):
        whole = ops.Block(whole.ops[:-1])
    return bound_indexes(ops.Block((*reads, *renamed(whole, names).ops)))


def _call(copy: Copy, name: str, given: list[ops.Local], shared: list[ops.Local], exits: Exits) -> list[ops.Op]:
    """What stands in the place of a copy."""
    span = copy.scope.span
    before: list[ops.Op] = [ops.LocalSet(local, value, span) for local, value in zip(given, copy.values, strict=True)]
    after: list[ops.Op] = []
    read = {op.local for op in ops.walk(copy.scope.body) if isinstance(op, ops.LocalGet)}
    written = {op.local for op in ops.walk(copy.scope.body) if isinstance(op, ops.LocalSet)}
    for own, local in zip(copy.locals, shared, strict=True):
        if own is not local and own in read:
            old = ops.LocalGet(own, own.type, span)
            before += [old, ops.LocalSet(local, old, span)]
        if own is not local and own in written:
            new = ops.LocalGet(local, local.type, span)
            after += [new, ops.LocalSet(own, new, span)]
    return [*before, *exits.before(span), ops.Run(name, 1, span, None, True), *after, *exits.after(span)]


def _with_calls(block: ops.Block, calls: dict[ops.Op, list[ops.Op]]) -> ops.Block:
    result: list[ops.Op] = []
    for op in block.ops:
        result += calls[op] if op in calls else [with_blocks(op, lambda inner: _with_calls(inner, calls))]
    return ops.Block(tuple(result))


def _with_locals(block: ops.Block, names: dict[ops.Local, ops.Local]) -> ops.Block:
    """`block` with other locals. Values stay the same ops to those that use them, so they are renamed at once."""
    values: dict[ops.Op, ops.Value] = {}

    def change(block: ops.Block) -> ops.Block:
        return ops.Block(tuple(with_blocks(one(op), change) for op in block.ops))

    def one(op: ops.Op) -> ops.Op:
        if isinstance(op, ops.LocalGet) and op.local in names:
            values[op] = new = replace(op, local=names[op.local])
            return new
        if isinstance(op, ops.LocalSet) and op.local in names:
            return replace(op, local=names[op.local])
        if isinstance(op, ops.Forget):
            return replace(op, locals=tuple(names.get(local, local) for local in op.locals))
        return op

    return renamed(change(block), values)
