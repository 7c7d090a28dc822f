"""Packets that are read in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import ops
from pyebpf.simulator.memory import Memory, Pointer, Word

MOST_ADVANCE: Final = 0xFFFF


def value(
    op: ops.PacketData | ops.PacketLength | ops.PacketAdvance | ops.PacketFits,
    packet: Memory,
    pointer: Callable[[ops.Value], Pointer],
    number: Callable[[ops.Value], int],
) -> Word:
    """What `op` computes; `pointer` and `number` give the values of its operands."""
    match op:
        case ops.PacketData():
            return Pointer(packet, 0)
        case ops.PacketLength():
            return len(packet.data)
        case ops.PacketAdvance():
            amount = number(op.amount)
            if not 0 <= amount <= MOST_ADVANCE:
                raise InternalError(f"a packet pointer moves by {amount}, against its check")
            return pointer(op.pointer).plus(amount)
        case ops.PacketFits():
            return int(pointer(op.pointer).offset + op.size <= len(packet.data))
