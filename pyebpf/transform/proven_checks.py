"""Drop checks that can't fail, as far as the kernel's verifier sees that too.

    before                                  after
    check 3 < 16 else IndexError            x = load a[3]
    x = load a[3]

The verifier's view decides, not ours: it must be able to follow why the check isn't needed, in the instructions that
LLVM makes. LLVM drops a mask that it finds needless, for reasons that the verifier doesn't know. So the check of an
index stays, unless the index is of a form that reaches the verifier as it is: a mask (which the code generator
protects), a small field, or the counter of a loop.
"""

from __future__ import annotations

from pyebpf import layout
from pyebpf.checks.facts import Facts
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.ir.sizes import sizes
from pyebpf.ir.types import PointerType

_SMALL = 2
"""Bytes of fields whose range the verifier knows by their size."""


def is_proven(check: ops.Check, verifier: Facts, unclear: frozenset[ops.Value]) -> bool:
    """Whether the check's condition always holds. `unclear`: indexes whose bounds the verifier may lose."""
    if not verifier.reachable(check):
        return True
    if any(value in unclear or _exceeds(value, check.condition) for value in ops.operands(check.condition)):
        return False
    return verifier.always(check.condition) is True


def _exceeds(value: ops.Value, condition: ops.Value) -> bool:
    """Whether a masked index is small enough only by what was masked. Of that the verifier may know less: 6.11 to 6.16
    forget the upper end of a number that is compared with the same number plus a constant."""
    match value, condition:
        case ops.Binary(operator="&", right=ops.Const(value=mask)), ops.Compare(left=left, right=ops.Const(value=most)):
            if left is not value or condition.operator not in ("<", "<="):
                return True
            return mask > most - (condition.operator == "<")
        case _:
            return False


def unclear_indexes(program: Program) -> frozenset[ops.Value]:
    """What is added to an address and could lose its bounds on the way to the verifier."""
    all_ops = tuple(ops.walk(program.body))
    counters = _counters(all_ops)
    indexes = {op.index for op in all_ops if isinstance(op, ops.ElementAddress)}
    indexes |= {op.amount for op in all_ops if isinstance(op, ops.PacketAdvance)}
    indexes |= {size for op in all_ops if isinstance(op, ops.Call | ops.KfuncCall) for size in sizes(op)}
    return frozenset(index for index in indexes if not _is_clear(index, counters))


def _is_clear(index: ops.Value, counters: frozenset[ops.Local]) -> bool:
    match index:
        case ops.Const():
            return True
        case ops.Binary(operator="&", right=ops.Const(value=mask)):
            return mask >= 0
        case ops.Load(address=address, bits=0):
            type = address.type.target if isinstance(address.type, PointerType) else None
            return isinstance(type, layout.Integer) and type.size <= _SMALL and not type.big_endian
        case ops.LocalGet(local=local):
            return local in counters
        case _:
            return False


def _counters(all_ops: tuple[ops.Op, ...]) -> frozenset[ops.Local]:
    """Locals that only ever hold constants, or what a loop counts from a constant, and what such loops count with."""
    counting = {
        op.counting.counter
        for op in all_ops
        if isinstance(op, ops.Loop) and op.counting and isinstance(op.counting.start, ops.Const)
    }
    written: dict[ops.Local, bool] = {}
    for op in all_ops:
        if isinstance(op, ops.Forget):
            written.update(dict.fromkeys(op.locals, False))
        if isinstance(op, ops.LocalSet):
            value = op.value
            plain = isinstance(value, ops.Const) or (isinstance(value, ops.LocalGet) and value.local in counting)
            own = op.local in counting and isinstance(value, ops.Const | ops.Binary)
            written[op.local] = written.get(op.local, True) and (plain or own)
    return frozenset(local for local, plain in written.items() if plain)
