"""One comparison for both ends of a range: a negative number is a very large one without a sign.

before                          after
check %1 >= 0 else Fault        %2 = u64(%1)
check %1 <= 65534 else Fault    check %2 <= 65534 else Fault
%3 = advance %0 by %1           %4 = %2, which is in 0..65534
                                %3 = advance %0 by %4
"""

from __future__ import annotations

from dataclasses import replace

from pyebpf.ir import ops
from pyebpf.ir.module import Obligation, Program
from pyebpf.ir.rewrite import rewrite
from pyebpf.ir.types import U64, IntType
from pyebpf.layout import U64 as UNSIGNED

HIGHEST = 2**63 - 1


def join_range_checks(program: Program) -> Program:
    """`program` with each such pair of checks as one."""
    joined: dict[ops.Op, tuple[ops.Op, ...] | None] = {}
    advances: dict[ops.Op, ops.Op] = {}
    for block in _blocks(program.body):
        _join(block.ops, joined, advances)
    if not joined:
        return program

    def change(op: ops.Op) -> ops.Op | tuple[ops.Op, ...] | None:
        return joined[op] if op in joined else advances.get(op, op)

    return rewrite(program, change)


def _join(
    block: tuple[ops.Op, ...], joined: dict[ops.Op, tuple[ops.Op, ...] | None], advances: dict[ops.Op, ops.Op]
) -> None:
    inside: dict[ops.Value, ops.Value] = {}
    """Numbers, and the same as one that is known to be in its range."""
    lower: ops.Check | None = None
    for op in block:
        if isinstance(op, ops.PacketAdvance) and op.amount in inside:
            advances[op] = replace(op, amount=inside[op.amount])
        if isinstance(op, ops.Check):
            if lower is not None and (upper := _upper(lower, op)) is not None:
                value, limit = upper
                unsigned = ops.Convert(value, UNSIGNED, U64, op.span)
                fits = ops.Compare("<=", unsigned, limit, op.condition.type, op.span)  # type: ignore[arg-type]
                known = ops.Prove(unsigned, IntType(0, limit.value), Obligation.NOT_NEGATIVE, op.span)
                joined[lower] = None
                joined[op] = (unsigned, fits, replace(op, condition=fits), known)
                inside[value] = known
            lower = op if _lower(op) is not None else None
        elif not isinstance(op, ops.Const | ops.Compare):
            lower = None


def _lower(check: ops.Check) -> ops.Value | None:
    """The number that mustn't be negative."""
    match check.condition:
        case ops.Compare(operator=">=", left=value, right=ops.Const(value=0)) if check.failing is None:
            return value if isinstance(value.type, IntType) and value.type.high <= HIGHEST else None
        case _:
            return None


def _upper(lower: ops.Check, check: ops.Check) -> tuple[ops.Value, ops.Const] | None:
    """The number of both checks, and what it may be at most."""
    same = (check.fault, check.cleanup, check.span) == (lower.fault, lower.cleanup, lower.span)
    match check.condition:
        case ops.Compare(operator="<=", left=value, right=ops.Const() as limit) if same and check.failing is None:
            return (value, limit) if value is _lower(lower) and limit.value >= 0 else None
        case _:
            return None


def _blocks(block: ops.Block) -> list[ops.Block]:
    return [block, *(inner for op in ops.walk(block) for inner in ops.blocks(op))]
