"""Maps with locks, in programs that the kernel keeps from them; and what runs while one is held."""

from __future__ import annotations

from collections.abc import Iterator

from pyebpf import layout
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.kfuncs import HeldAround
from pyebpf.diagnostics.maps import NoLocksHere, TailCallNotLast
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Program
from pyebpf.kernel.kfuncs import PAIRS
from pyebpf.kernel.programs import WITHOUT_LOCKS


def forbidden_locks(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for each map with locks, where it is used first."""
    if program.hook.program_type not in WITHOUT_LOCKS:
        return
    seen: set[MapRef] = set()
    for op in ops.walk(program.body):
        map = getattr(op, "map", None)
        if isinstance(map, MapRef) and map not in seen and layout.locks(map.value):
            seen.add(map)
            yield NoLocksHere(op.span, program.hook.name, map.name)


def under_locks(block: ops.Block, held: bool = False) -> Iterator[ops.Op]:
    """The ops that run while a lock is held."""
    for op in block.ops:
        if isinstance(op, ops.Call) and op.helper in ("spin_lock", "spin_unlock"):
            held = op.helper == "spin_lock"
            continue
        if held:
            yield op
        for inner in ops.blocks(op):
            yield from under_locks(inner, held)


def gives_back(loop: ops.Loop) -> bool:
    """Whether `loop` has a way out on which something is given back that was handed out before the loop, or on which
    another program is called.

    The kernel wants that done by the function that has it, so such a loop can't be a function of its own.
    """
    inside = [op for block in ops.blocks(loop) for op in ops.walk(block)]
    names = {op.kfunc.name for op in inside if isinstance(op, ops.KfuncCall)}
    return any(map(_goes_on, inside)) or any(pair.release in names and pair.name not in names for pair in PAIRS)


def held_around(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for every loop over entries, always a function of its own, that would give something back."""
    for op in ops.walk(program.body):
        if not (isinstance(op, ops.Loop) and op.strategy == "entries" and gives_back(op)):
            continue
        calls = [inner for block in ops.blocks(op) for inner in ops.walk(block) if _goes_on(inner)]
        yield TailCallNotLast(calls[0].span, "in a loop over a map's entries") if calls else HeldAround(op.span)


def _goes_on(op: ops.Op) -> bool:
    return isinstance(op, ops.Call) and op.helper == "tail_call"
