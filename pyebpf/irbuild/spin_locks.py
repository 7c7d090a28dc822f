"""Spin locks: `with entry.lock:`. While one is held the program may compute, read and write, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyebpf import layout
from pyebpf.diagnostics import maps as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import I64, Region
from pyebpf.irbuild import expressions
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.open_blocks import Held
from pyebpf.irbuild.operands import describe, reference
from pyebpf.syntax import tree

CALLS = (
    ops.MapLookup,
    ops.MapUpdate,
    ops.MapDelete,
    ops.RingReserve,
    ops.RingSubmit,
    ops.RingDiscard,
    ops.Call,
    ops.KfuncCall,
    ops.NextEntry,
)
"""What the kernel forbids while a lock is held."""


def lower_with(b: Builder, item: tree.WithItem, body: Callable[[], None]) -> bool:
    """`with entry.lock:`; False if the item is no lock."""
    if not isinstance(item.value, tree.Attribute | tree.Name | tree.Subscript):
        return False
    span = item.span
    lock = expressions.evaluate(b, item.value)
    pointer = reference(lock)
    if pointer is None or pointer.target != layout.SPIN_LOCK:
        b.error(errors.WithNeedsReserve(item.value.span, describe(lock)))
    if pointer.region is not Region.MAP:
        b.error(errors.LockNotShared(item.value.span))
    if item.target is not None:
        b.error(type_errors.WrongType(item.target.span, "no name for a lock", f"`{item.target.span.text}`", ""))
    assert ops.is_value(lock)
    b.call("spin_lock", (lock,), I64, span)

    def release() -> None:
        b.call("spin_unlock", (lock,), I64, span)

    with b.block() as inside:
        b.unwinding.append(Held(release, len(b.labels)))
        try:
            body()
        finally:
            b.unwinding.pop()
        if b.reachable:
            release()
    _check(b, ops.Block(tuple(inside)))
    b.append(inside)
    return True


def _check(b: Builder, block: ops.Block) -> None:
    """A diagnostic for every call of the kernel, a line once."""
    told: set[int] = set()
    for op in _while_held(block):
        if not isinstance(op, CALLS) or op.span.line in told:
            continue
        told.add(op.span.line)
        nested = isinstance(op, ops.Call) and op.helper == "spin_lock"
        b.sink.add(errors.TwoLocks(op.span) if nested else errors.CallUnderLock(op.span, _text(op)))


def _text(op: ops.Op) -> str:
    """What is called; of an entry only the key stands at the op."""
    if isinstance(op, ops.MapLookup | ops.MapUpdate | ops.MapDelete) and op.map.name not in op.span.text:
        return f"{op.map.name}[{op.span.text}]"
    return op.span.text


def _while_held(block: ops.Block) -> Iterator[ops.Op]:
    """The ops up to where the lock is given back, on each way."""
    for op in block.ops:
        if isinstance(op, ops.Call) and op.helper == "spin_unlock":
            return
        yield op
        for inner in ops.blocks(op):
            yield from _while_held(inner)
