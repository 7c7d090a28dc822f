"""Maps with locks, in programs that the kernel keeps from them; and what runs while one is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from typing import Final, TypeAlias

from pyebpf import layout
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.kfuncs import HeldAround
from pyebpf.diagnostics.maps import NoLocksHere, TailCallNotLast
from pyebpf.ir import ops
from pyebpf.ir.module import MapRef, Program
from pyebpf.ir.origins import dynptr_call
from pyebpf.kernel.dynptrs import ENDS, maker_by_name
from pyebpf.kernel.kfuncs import is_release, pair_by_name
from pyebpf.kernel.programs import WITHOUT_LOCKS

RETURNS: Final = (ops.RingSubmit, ops.RingDiscard)
"""What gives back the record of a ring buffer."""
Returns: TypeAlias = "tuple[ops.RingSubmit | ops.RingDiscard, ...]"


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

    The kernel wants that done by the function that has it, so such a loop can't be a function of its own. Records of
    ring buffers that are given back last on the way out are: that can be done behind the loop as well.
    """
    inside = [op for block in ops.blocks(loop) for op in ops.walk(block)]
    names = {op.kfunc.name for op in inside if isinstance(op, ops.KfuncCall)}
    if _dynptrs_ended(inside) - _dynptrs_made(inside):
        return True
    begun = {pair.release for name in names if (pair := pair_by_name(name)) is not None}
    if any(map(_goes_on, inside)) or any(is_release(name) and name not in begun for name in names):
        return True
    made = frozenset(op for op in inside if ops.is_value(op))
    given = [op for op in inside if isinstance(op, RETURNS) and op.record not in made]
    if not given:
        return False
    labels = {op.label for op in inside if isinstance(op, ops.Scope | ops.Loop)} | {loop.label}
    blocks = [*ops.blocks(loop), *(block for op in inside for block in ops.blocks(op))]
    last = {op for block in blocks if leads_out(block, labels.__contains__) for op in given_back_last(block.ops, made)}
    return any(op not in last for op in given)


def _dynptrs_made(inside: Sequence[ops.Op]) -> set[ops.Slot]:
    """The places of dynptrs that are made there."""
    return {slot for op in inside if (found := dynptr_call(op)) and maker_by_name(found[0]) for slot in found[1][-1:]}


def _dynptrs_ended(inside: Sequence[ops.Op]) -> set[ops.Slot]:
    """The places of dynptrs that are given back there."""
    return {slot for op in inside if (found := dynptr_call(op)) and found[0] in ENDS for slot in found[1][:1]}


def given_back_last(ending: tuple[ops.Op, ...], made: Set[ops.Value]) -> Returns:
    """The records that ops which end in a jump give back right before it, but for those that are `made` inside."""
    found: list[ops.RingSubmit | ops.RingDiscard] = []
    for op in reversed(ending[:-1]):
        if isinstance(op, RETURNS):
            found += [op] if op.record not in made else []
        elif not isinstance(op, ops.Const | ops.LocalSet):  # which say what the way out is
            break
    return tuple(reversed(found))


def leads_out(block: ops.Block, inside: Callable[[ops.Label], bool]) -> bool:
    """Whether `block` ends in a jump to a label that isn't `inside`."""
    match block.ops[-1:]:
        case (ops.Return() | ops.Raise(),):
            return True
        case (ops.Break() | ops.Continue() as jump,):
            return not inside(jump.label)
    return False


def held_around(program: Program) -> Iterator[Diagnostic]:
    """A diagnostic for every loop over entries, always a function of its own, that would give something back."""
    for op in ops.walk(program.body):
        if not (isinstance(op, ops.Loop) and op.strategy == "entries" and gives_back(op)):
            continue
        calls = [inner for block in ops.blocks(op) for inner in ops.walk(block) if _goes_on(inner)]
        yield TailCallNotLast(calls[0].span, "in a loop over a map's entries") if calls else HeldAround(op.span)


def _goes_on(op: ops.Op) -> bool:
    return isinstance(op, ops.Call) and op.helper == "tail_call"
