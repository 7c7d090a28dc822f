"""How much stack a program needs, with the functions that its loops become.

The kernel gives 512 bytes to a program and all functions that are under way in it together (`check_max_stack_depth` in
kernel/bpf/verifier.c), and rounds what each takes up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, final

from pyebpf.checks.facts import locals_named
from pyebpf.ir import ops
from pyebpf.ir.module import Program
from pyebpf.layout import round_up

STACK: Final = 512
"""MAX_BPF_STACK."""
SPILLS: Final = 48
"""Bytes of stack left for registers that the code generator has to put aside, in each function."""
_GRAIN: Final = 32
"""To what a function's share is rounded up."""
_HEADER: Final = 16
"""What a frame begins with: addresses of the frame around it, and of the context."""
_LOOP: Final = 24
"""What the kernel adds where it writes out the call of `bpf_loop`."""


def slots(program: Program) -> list[ops.Slot]:
    """The program's memory on the stack, each slot once."""
    return list({op.slot: None for op in ops.walk(program.body) if isinstance(op, ops.SlotAddress)})


def stack(program: Program) -> int:
    """Bytes of stack for everything that lies in memory, at the deepest; what is left for other things included where
    functions call each other."""
    if not any(_is_function(op) for op in ops.walk(program.body)):
        return sum(round_up(slot.type.size, 8) for slot in slots(program))
    return _chain(program.body, frozenset(), locals_named(program.body))


def room(program: Program) -> int:
    """Bytes of stack for local memory; functions that are under way together take some for themselves."""
    if not any(_is_function(op) for op in ops.walk(program.body)):
        return STACK - SPILLS
    memory = sum(round_up(slot.type.size, 8) for slot in slots(program))
    return max(STACK - (stack(program) - memory), 0)


@final
class Chains:
    """How much stack a program's functions take, depending on which loops are some."""

    def __init__(self, program: Program) -> None:
        self._body = program.body
        self._memory = frozenset(slots(program))
        self._uses = locals_named(program.body)

    def fit(self, callbacks: frozenset[ops.Loop]) -> bool:
        """Whether the functions that are under way together fit the stack, without local memory, which may lie
        elsewhere."""
        return _chain(self._body, self._memory, self._uses, callbacks) <= STACK


def _is_function(op: ops.Op, callbacks: frozenset[ops.Loop] = frozenset()) -> bool:
    return isinstance(op, ops.Loop) and (op.is_function or op in callbacks)


def _chain(
    block: ops.Block,
    around: frozenset[ops.Slot],
    uses: Counter[ops.Local],
    callbacks: frozenset[ops.Loop] = frozenset(),
) -> int:
    """Bytes for a function whose body is `block`, and for the deepest of those that it runs."""
    direct = list(_direct(block, callbacks))
    own = frozenset(op.slot for op in direct if isinstance(op, ops.SlotAddress)) - around
    loops = [op for op in direct if isinstance(op, ops.Loop) and _is_function(op, callbacks)]
    shared = {local for loop in loops for local in _shared(loop, uses)}
    size = sum(round_up(slot.type.size, 8) for slot in own) + 8 * len(shared)
    size += _HEADER + _LOOP if loops else 0
    bodies = [ops.Block((*loop.body.ops, *loop.step.ops)) for loop in loops]
    deepest = max((_chain(body, around | own, uses, callbacks) for body in bodies), default=0)
    return round_up(size + SPILLS, _GRAIN) + deepest


def _direct(block: ops.Block, callbacks: frozenset[ops.Loop]) -> Iterator[ops.Op]:
    """Ops of a function's body; of loops that are functions of their own only the loop itself."""
    for op in block.ops:
        yield op
        if not _is_function(op, callbacks):
            for inner in ops.blocks(op):
                yield from _direct(inner, callbacks)


def _shared(loop: ops.Loop, uses: Counter[ops.Local]) -> set[ops.Local]:
    """Locals that the loop and something outside of it name."""
    return {local for local, count in locals_named(*ops.blocks(loop)).items() if uses[local] > count}
