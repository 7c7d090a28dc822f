"""How much stack a program and the functions that it calls take together (`check_max_stack_depth` in verifier.c)."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from pyebpf.effort.decode import ALU64, LDX, ST, STX, Code
from pyebpf.effort.flow import FRAME

MOST: Final = 512
"""MAX_BPF_STACK, of a whole chain of calls."""
UNIT: Final = 16
"""What each function takes is a multiple of this where the kernel compiles it, since 6.8; of 32 before."""
_MOV: Final = 0xB0


def deepest(code: Code) -> int:
    """Bytes of stack on the longest chain of calls."""
    own: dict[int, int] = {}
    calls: dict[int, set[int]] = {}
    bounds = [*sorted(code.starts), len(code.instructions)]
    for start, end in pairwise(bounds):
        lowest = 0
        copies: set[int] = set()
        for op in code.instructions[start:end]:
            if op is None:
                continue
            place = op.source if op.kind == LDX else op.target
            if op.kind in (LDX, ST, STX) and place == FRAME:
                lowest = min(lowest, op.offset)
            elif op.kind == ALU64 and op.code == _MOV and op.from_register and op.source == FRAME:
                copies.add(op.target)
            elif op.kind == ALU64 and not op.code and not op.from_register and op.target in copies:
                lowest = min(lowest, op.immediate)
                copies.discard(op.target)
            if op.function >= 0:
                calls.setdefault(start, set()).add(op.function)
        own[start] = max(-(lowest // UNIT) * UNIT, UNIT)
    found: dict[int, int] = {}

    def chain(start: int) -> int:
        if start not in found:
            found[start] = own[start]  # a circle is refused elsewhere
            found[start] += max((chain(each) for each in calls.get(start, ())), default=0)
        return found[start]

    return chain(0)
