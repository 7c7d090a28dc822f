"""Drop what nobody uses: values without effect, and writes to locals that are never read.

before                          after
%1 = local offset               set cursor = %0
%2 = %1 + 14
set offset = %2
set cursor = %0
"""

from __future__ import annotations

from dataclasses import replace

from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.kernel.never_null import CURRENT

EFFECTS = (ops.MapUpdate, ops.MapDelete, ops.RingReserve, ops.Call, ops.KfuncCall, ops.MapLookup, ops.NextEntry)
"""Values that do something besides. (A lookup moves an LRU entry to the front.)"""


def has_effect(op: ops.Op) -> bool:
    """Whether `op`, a value or not, does something that is needed even where nobody uses the value."""
    if isinstance(op, ops.Call):
        return op.helper not in CURRENT
    return isinstance(op, EFFECTS) or not (ops.is_value(op) or isinstance(op, ops.LocalSet))


def remove_unused(program: Program) -> Program:
    """Everything that something with an effect needs, and nothing else."""
    needed, read = _needed(program.body)

    def change(op: ops.Op) -> ops.Op | None:
        if isinstance(op, ops.LocalSet):
            return op if op.local in read else None
        if isinstance(op, ops.Forget):
            left = tuple(local for local in op.locals if local in read)
            return replace(op, locals=left) if left else None
        if ops.is_value(op) and not has_effect(op):
            return op if op in needed else None
        return op

    return rewrite(program, change)


def _needed(body: ops.Block) -> tuple[set[ops.Op], set[ops.Local]]:
    """Values needed in the end, and locals that are read for them."""
    everything = list(ops.walk(body))
    writes: dict[ops.Local, list[ops.LocalSet]] = {}
    for op in everything:
        if isinstance(op, ops.LocalSet):
            writes.setdefault(op.local, []).append(op)
    needed: set[ops.Op] = set()
    read: set[ops.Local] = set()
    pending: list[ops.Op] = [op for op in everything if has_effect(op)]
    while pending:
        op = pending.pop()
        if op in needed:
            continue
        needed.add(op)
        pending.extend(ops.operands(op))
        if isinstance(op, ops.LocalGet) and op.local not in read:
            read.add(op.local)
            pending.extend(writes.get(op.local, ()))
    return needed, read
