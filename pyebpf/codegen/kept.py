"""Which stack address stays in a register: making one takes two instructions each time, copying it one.

    r2 = r10                    r6 = r10        # once
    r2 += -16                   r6 += -16
    r1 = counts ll              ...
    call lookup                 r2 = r6         # each time

LLVM makes it anew in every block. The key of a counter, which is passed to the kernel again and again, is
worth a register.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from pyebpf.ir import ops

LEAST: Final = 4
"""Times that it is passed to helpers."""


def kept_slot(body: ops.Block) -> ops.Slot | None:
    """The slot whose address is passed to helpers most often, if that is often enough."""
    passed: Counter[ops.Slot] = Counter()
    for op in ops.walk(body):
        if isinstance(op, ops.MapLookup | ops.MapUpdate | ops.MapDelete | ops.Call):
            passed.update(value.slot for value in ops.operands(op) if isinstance(value, ops.SlotAddress))
    found = passed.most_common(1)
    return found[0][0] if found and found[0][1] >= LEAST else None
