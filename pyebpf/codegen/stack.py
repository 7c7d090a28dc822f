"""How much stack a program takes at most. The kernel gives 512 bytes; LLVM ends the process when that is not enough."""

from __future__ import annotations

from typing import Final

from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.layout import round_up

LIMIT: Final = 504
"""Bytes of slots at most: the kernel gives 512 (`MAX_BPF_STACK`), of which LLVM leaves the last word unused."""


def stack_size(program: Program) -> int:
    """Bytes of all slots of `program`, each rounded up to eight; registers that LLVM has to spill come on top."""
    return sum(round_up(slot.type.size, 8) for slot in slots(program))


def slots(program: Program) -> tuple[ops.Slot, ...]:
    """The stack memory of `program`, in the order of first use."""
    found: dict[ops.Slot, None] = {}

    def walk(block: ops.Block) -> None:
        for op in block.ops:
            if isinstance(op, ops.SlotAddress):
                found.setdefault(op.slot)
            for inner in ops.blocks(op):
                walk(inner)

    walk(program.body)
    return tuple(found)
