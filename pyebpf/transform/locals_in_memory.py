"""Keep numbers in memory rather than in registers, where a program has more of them than its stack holds.

before                          after
set total = %1                  store &total, %1
...                             ...
%2 = total                      %2 = load &total

That memory is then moved to the module's per-CPU map like other local memory. The verifier knows nothing of what is
read from there, so what it must follow stays as it is: indexes, sizes, what loops count, and the tests in loops that it
goes through round by round; and so does what it knows exactly.

Comes in: a program that every rewrite by what is known of its numbers is done with. Goes out: the same, with slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pyebpf.checks.branches import known_locals
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import renamed
from pyebpf.ir.types import IntType, PointerType, Region
from pyebpf.layout import I64, U64
from pyebpf.source import Span


def keep_locals_in_memory(program: Program) -> Program:
    """`program` with a slot for each number that the verifier needn't follow."""
    written = {op.local: None for op in ops.walk(program.body) if isinstance(op, ops.LocalSet)}
    followed = _followed(program.body) | known_locals(program.body)
    slots = {local: _slot(local) for local in written if isinstance(local.type, IntType) and local not in followed}
    names: dict[ops.Op, ops.Value] = {}
    start: list[ops.Op] = []
    for slot in slots.values():  # what is read before it is written is 0
        zero = ops.Const(0, IntType(0, 0), slot.span)
        address = _address(slot, program.span)
        start += [zero, address, ops.Store(address, zero, program.span)]
    body = _block(program.body, slots, names)
    return replace(program, body=renamed(ops.Block((*start, *body.ops)), names))


def _slot(local: ops.Local) -> ops.Slot:
    assert isinstance(local.type, IntType)
    return ops.Slot(local.name, I64 if local.type.low < 0 else U64, local.span)


def _address(slot: ops.Slot, span: Span) -> ops.SlotAddress:
    return ops.SlotAddress(slot, PointerType(slot.type, Region.STACK), span)


def _block(block: ops.Block, slots: dict[ops.Local, ops.Slot], names: dict[ops.Op, ops.Value]) -> ops.Block:
    found: list[ops.Op] = []
    for op in block.ops:
        match op:
            case ops.LocalGet() if op.local in slots:
                address = _address(slots[op.local], op.span)
                names[op] = ops.Load(address, op.type, op.span)
                found += [address, names[op]]
            case ops.LocalSet() if op.local in slots:
                address = _address(slots[op.local], op.span)
                found += [address, ops.Store(address, op.value, op.span)]
            case ops.Forget():
                left = tuple(local for local in op.locals if local not in slots)
                found += [replace(op, locals=left)] if left else []
            case ops.If():
                then, orelse = (_block(inner, slots, names) for inner in (op.then, op.orelse))
                found.append(replace(op, then=then, orelse=orelse))
            case ops.Loop():
                body, step = (_block(inner, slots, names) for inner in (op.body, op.step))
                found.append(replace(op, body=body, step=step))
            case ops.Scope():
                found.append(replace(op, body=_block(op.body, slots, names)))
            case ops.Check() if op.failing is not None:
                found.append(replace(op, failing=_block(op.failing, slots, names)))
            case _:
                found.append(op)
    return ops.Block(tuple(found))


def _followed(body: ops.Block) -> frozenset[ops.Local]:
    """The locals on which something depends that the verifier must follow."""
    sets: dict[ops.Local, list[ops.Value]] = {}
    for op in ops.walk(body):
        if isinstance(op, ops.LocalSet):
            sets.setdefault(op.local, []).append(op.value)
    found = {op.counting.counter for op in ops.walk(body) if isinstance(op, ops.Loop) and op.counting is not None}
    pending = [*_seeds(body, False), *(value for local in found for value in sets.get(local, ()))]
    seen: set[ops.Value] = set()
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        pending += ops.operands(value)
        if isinstance(value, ops.LocalGet) and value.local not in found:
            found.add(value.local)
            pending += sets.get(value.local, ())
    return frozenset(found)


def _seeds(block: ops.Block, inside: bool) -> Iterator[ops.Value]:
    """Values that the verifier must follow. `inside`: of a loop that it goes through round by round."""
    for op in block.ops:
        match op:
            case ops.ElementAddress():
                yield op.index
            case ops.PacketAdvance():
                yield op.amount
            case ops.Call() | ops.KfuncCall():
                yield from op.arguments
            case ops.If() if inside:
                yield op.condition
            case ops.Loop() if op.counting is not None and not op.is_function:
                yield from (op.counting.start, op.counting.stop)
        for inner in ops.blocks(op):
            yield from _seeds(inner, inside or (isinstance(op, ops.Loop) and not op.is_function))
