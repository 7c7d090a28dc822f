"""Check the indexes in a function that were certain in the loop it was made of.

    before                          after
    loop at in 0..3:                (a round of it)
      %1 = at                       %1 = at
      %2 = cells[%1] of 3           check u64(%1) < 3, or leave the function
                                    %2 = cells[%1] of 3

The verifier follows the counter of a loop from round to round; in a function it knows nothing of it.
"""

from __future__ import annotations

from dataclasses import replace

from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import BOOL, U64, IntType
from pyebpf.layout import U64 as UNSIGNED
from pyebpf.transform.exits import leave, number


def bound_indexes(body: ops.Block) -> ops.Block:
    """`body`, of a function, with a check for every index that no check of its own stands before."""
    counters = frozenset(
        op.counting.counter
        for op in ops.walk(body)
        if isinstance(op, ops.Loop) and op.counting is not None and isinstance(op.counting.start, ops.Const)
    )
    return _block(body, counters, frozenset())


def _block(block: ops.Block, counters: frozenset[ops.Local], checked: frozenset[ops.Value]) -> ops.Block:
    result: list[ops.Op] = []
    for op in block.ops:
        if isinstance(op, ops.ElementAddress) and op.index not in checked and not _certain(op, counters):
            result += _check(op)
            checked |= {op.index}
        if isinstance(op, ops.Check):
            checked |= _upper(op.condition)
        result.append(_inside(op, counters, checked))
    return ops.Block(tuple(result))


def _inside(op: ops.Op, counters: frozenset[ops.Local], checked: frozenset[ops.Value]) -> ops.Op:
    match op:
        case ops.If():
            then = _block(op.then, counters, checked | _upper(op.condition))
            return replace(op, then=then, orelse=_block(op.orelse, counters, checked))
        case ops.Scope():
            return replace(op, body=_block(op.body, counters, checked))
        case ops.Loop():
            body, step = (_block(inner, counters, checked) for inner in (op.body, op.step))
            return replace(op, body=body, step=step)
        case _:
            return op


def _certain(op: ops.ElementAddress, counters: frozenset[ops.Local]) -> bool:
    """Whether the verifier sees that the index is inside."""
    match op.index:
        case ops.Const():
            return True
        case ops.LocalGet(local=local):
            return local in counters
        case ops.Binary(operator="&", right=ops.Const(value=mask)):
            return 0 <= mask < op.length
        case ops.Load(type=IntType() as type, bits=0):
            return type.low >= 0 and type.high < op.length
        case _:
            return False


def _upper(condition: ops.Value) -> frozenset[ops.Value]:
    """What a condition keeps below a constant."""
    constant = isinstance(condition, ops.Compare) and isinstance(condition.right, ops.Const)
    if isinstance(condition, ops.Compare) and constant and condition.operator in ("<", "<="):
        return frozenset({condition.left})
    return frozenset()


def _check(op: ops.ElementAddress) -> list[ops.Op]:
    span = op.span
    bits = ops.Convert(op.index, UNSIGNED, U64, span)
    inside = ops.Compare("<", bits, number(op.length, span), BOOL, span)
    return [bits, inside, ops.Check(inside, Fault.INDEX, (), span, ops.Block((leave(1, span),)))]
