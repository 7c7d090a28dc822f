"""How much stack a program and the functions that it calls take together (`check_max_stack_depth` in verifier.c)."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from pyebpf.effort.decode import FRAME, LDX, ST, STX, Code, Instruction
from pyebpf.effort.flow import lowest_addresses

MOST: Final = 512
"""MAX_BPF_STACK, of a whole chain of calls."""
UNIT: Final = 16
"""What each function takes is a multiple of this where the kernel compiles it, since 6.8; of 32 before."""


def deepest(code: Code) -> int:
    """Bytes of stack on the longest chain of calls."""
    own: dict[int, int] = {}
    calls: dict[int, set[int]] = {}
    bounds = [*sorted(code.starts), len(code.instructions)]
    addresses = lowest_addresses(code)
    for start, end in pairwise(bounds):
        inside = [op for op in code.instructions[start:end] if op is not None]
        accesses = [op.offset for op in inside if _accessed(op) == FRAME]
        own[start] = max(-(min([addresses[start], *accesses]) // UNIT) * UNIT, UNIT)
        calls[start] = {op.function for op in inside if op.function >= 0}
    found: dict[int, int] = {}

    def chain(start: int) -> int:
        if start not in found:
            found[start] = own[start]  # a circle is refused elsewhere
            found[start] += max((chain(each) for each in calls[start]), default=0)
        return found[start]

    return chain(0)


def _accessed(op: Instruction) -> int | None:
    """The register with the address of a load or store."""
    if op.kind == LDX:
        return op.source
    return op.target if op.kind in (ST, STX) else None
