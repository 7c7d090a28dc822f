"""Rebuilding a program with some ops left out, replaced, or with other operands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pyebpf.ir import ops
from pyebpf.ir.module import Program

Change = Callable[[ops.Op], "ops.Op | tuple[ops.Op, ...] | ops.Alias | None"]


def rewrite(program: Program, change: Change) -> Program:
    """`program` with every op that `change` names replaced.

    `change` is asked for each op, outer ones first: it answers with the op itself to keep it, another op (a value then
    takes its place as operand), several ops (for an op without a value; they are asked about in turn), an Alias for
    a value that stands for
    it, or None to drop it.
    """
    return replace(program, body=_Rewriter(change).block(program.body))


def renamed(block: ops.Block, names: dict[ops.Op, ops.Value]) -> ops.Block:
    """`block` with other operands: `names` says what takes the place of what."""
    return _Rewriter(lambda op: op, names).block(block)


def with_blocks(op: ops.Op, change: Callable[[ops.Block], ops.Block]) -> ops.Op:
    """`op` with other blocks inside of it."""
    match op:
        case ops.If():
            return replace(op, then=change(op.then), orelse=change(op.orelse))
        case ops.Scope():
            return replace(op, body=change(op.body))
        case ops.Loop():
            return replace(op, body=change(op.body), step=change(op.step))
        case ops.Check(failing=ops.Block() as failing):
            return replace(op, failing=change(failing))
        case _:
            return op


class _Rewriter:
    def __init__(self, change: Change, names: dict[ops.Op, ops.Value] | None = None) -> None:
        self.change = change
        self.renamed: dict[ops.Op, ops.Value] = dict(names or {})

    def block(self, block: ops.Block) -> ops.Block:
        result: list[ops.Op] = []
        for op in block.ops:
            changed = self.change(op)
            match changed:
                case None:
                    continue
                case ops.Alias():
                    self.renamed[op] = self.renamed.get(changed.value, changed.value)
                case tuple():
                    result.extend(self.block(ops.Block(changed)).ops)
                case _:
                    rebuilt = self.rebuild(changed)
                    if rebuilt is not op and ops.is_value(rebuilt):
                        self.renamed[op] = rebuilt
                        self.renamed[changed] = rebuilt
                    result.append(rebuilt)
            if result and isinstance(result[-1], ops.ENDS):
                break
        return ops.Block(tuple(result))

    def rebuild(self, op: ops.Op) -> ops.Op:
        """`op` with its operands and blocks renewed; the same object if nothing changed."""
        changes: dict[str, object] = {}
        for name in ops.RENEWABLE[type(op)]:
            old = getattr(op, name)
            new = self.renew(old)
            if new is not old:
                changes[name] = new
        return replace(op, **changes) if changes else op  # type: ignore[arg-type]

    def renew(self, item: object) -> object:
        if isinstance(item, ops.Block):
            block = self.block(item)
            same = len(block.ops) == len(item.ops) and all(a is b for a, b in zip(block.ops, item.ops, strict=True))
            return item if same else block
        if isinstance(item, ops.Counting):
            start, stop = self.renew(item.start), self.renew(item.stop)
            return item if start is item.start and stop is item.stop else replace(item, start=start, stop=stop)  # type: ignore[arg-type]
        if ops.is_value(item):
            return self.renamed.get(item, item)
        if isinstance(item, tuple) and any(ops.is_value(part) for part in item):
            parts = tuple(self.renew(part) for part in item)
            return item if all(a is b for a, b in zip(parts, item, strict=True)) else parts
        return item


class Copier(_Rewriter):
    """Makes copies: every op is a new one, and stands for the old one as operand in what is copied later.

    `change` as in `rewrite`.
    """

    def rebuild(self, op: ops.Op) -> ops.Op:
        return replace(op, **{name: self.renew(getattr(op, name)) for name in ops.RENEWABLE[type(op)]})  # type: ignore[arg-type]
