"""How many instructions an op becomes, about."""

from __future__ import annotations

from typing import NamedTuple

from pyebpf.ir import ops

COSTS: dict[type[ops.Op], int] = {
    ops.Const: 0,
    ops.LocalGet: 0,
    ops.SlotAddress: 0,
    ops.MemberAddress: 0,
    ops.Prove: 0,
    ops.MapAddress: 2,
    ops.CallbackAddress: 50,  # the verifier looks at the callback each time, until it knows it
    ops.NotNull: 0,
    ops.BitLength: 60,
    ops.Entries: 0,
    ops.MapLookup: 6,
    ops.MapUpdate: 7,
    ops.MapDelete: 6,
    ops.RingReserve: 6,
    ops.RingSubmit: 3,
    ops.CountDropped: 4,
    ops.PacketFits: 5,
    ops.Call: 6,
    ops.KfuncCall: 6,
    ops.Check: 2,
    ops.If: 2,
}


class Turns(NamedTuple):
    """What of a block matters to those who count instructions and ways."""

    plain: int
    """Instructions of all other ops together."""
    ops: tuple[ops.Op, ...]
    """Where more than one way may go on, or none, in order."""


def turns(block: ops.Block) -> Turns:
    """`block`, with all that is done one after the other summed up."""
    found = tuple(op for op in block.ops if _turns(op))
    return Turns(sum(cost(op) for op in block.ops) - sum(cost(op) for op in found), found)


def _turns(op: ops.Op) -> bool:
    match op:
        case ops.LocalSet(value=value):
            return isinstance(value, ops.Compare | ops.Not | ops.Present)
        case ops.Binary(operator=operator):
            return operator in ("//", "%")
        case ops.If() | ops.Loop() | ops.Scope() | ops.Check() | ops.BitLength() | ops.EqualBytes():
            return True
        case _:
            return isinstance(op, ops.ENDS)


def roughly(count: int) -> int:
    """An estimated number with the two digits that mean something."""
    unit = int("1" + "0" * max(len(str(count)) - 2, 0))
    return (count + unit // 2) // unit * unit


def cost(op: ops.Op) -> int:
    """Instructions of `op` itself, without the blocks inside."""
    match op:
        case ops.Zero():
            return sum(-(-size // 8) for _, size in op.ranges)
        case ops.Copy():
            return -(-op.size // 8) * 2
        case ops.StoreBytes() | ops.EqualBytes():
            return -(-len(op.data) // 8) * 3
        case ops.Binary(right=ops.Const(value=value)) if not -(1 << 31) <= value < 1 << 31:
            return 2  # the constant goes into a register first
        case _:
            return COSTS.get(type(op), 1)
