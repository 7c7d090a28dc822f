"""Maps with locks, in programs that the kernel keeps from them; and what runs while one is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import TypeAlias

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
from pyebpf.kernel.sockets import RELEASE

Key: TypeAlias = "ops.Op | ops.Slot | str"
"""What is held: the value; of dynptrs, iterators and flags the place; of what has neither, the kfunc that ends it."""
Returns: TypeAlias = "tuple[ops.RingSubmit | ops.RingDiscard | ops.Call | ops.KfuncCall, ...]"


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

    The kernel wants that done by the function that has it, so such a loop can't be a function of its own. It can be
    done behind the loop as well, if nothing but the way out comes after it.
    """
    inside = [op for block in ops.blocks(loop) for op in ops.walk(block)]
    begun = begun_in(inside)
    if any(map(_goes_on, inside)) or any(_ends_more(block, begun, {}) for block in ops.blocks(loop)):
        return True
    given = [op for op in inside if _given_from_outside(op, begun)]
    if not given:
        return False
    labels = {op.label for op in inside if isinstance(op, ops.Scope | ops.Loop)} | {loop.label}
    blocks = [*ops.blocks(loop), *(block for op in inside for block in ops.blocks(op))]
    last = {op for block in blocks if leads_out(block, labels.__contains__) for op in given_back_last(block.ops, begun)}
    return any(op not in last for op in given)


def given_back(op: ops.Op) -> tuple[Key, ...]:
    """What `op` gives back: a record of a ring buffer, a socket, an object of a kfunc, a dynptr, RCU's protection."""
    found = dynptr_call(op)
    if found is not None:
        return found[1][:1] if found[0] in ENDS else ()
    match op:
        case ops.RingSubmit() | ops.RingDiscard():
            return (op.record,)
        case ops.Call(helper=name) if name == RELEASE:
            return op.arguments
        case ops.KfuncCall() if is_release(op.kfunc.name):
            slot = _place(op)
            return (slot,) if slot is not None else op.arguments or (op.kfunc.name,)
        case _:
            return ()


def begun_in(inside: Iterable[ops.Op]) -> frozenset[Key]:
    """What ops that are `inside` of a loop compute or begin themselves."""
    return frozenset(key for op in inside for key in _begun(op))


def _begun(op: ops.Op) -> Iterator[Key]:
    if ops.is_value(op):
        yield op
    found = dynptr_call(op)
    if found is not None:
        yield from found[1][-1:] if maker_by_name(found[0]) else ()
    elif isinstance(op, ops.KfuncCall) and (pair := pair_by_name(op.kfunc.name)) is not None:
        slot = _place(op)
        yield slot if slot is not None else pair.release


def _given_from_outside(op: ops.Op, begun: Set[Key]) -> bool:
    keys = given_back(op)
    return bool(keys) and begun.isdisjoint(keys)


def _place(op: ops.KfuncCall) -> ops.Slot | None:
    """The memory that a kfunc is given first: iterators, and flags, are known by it."""
    first = op.arguments[0] if op.arguments else None
    return first.slot if isinstance(first, ops.SlotAddress) else None


def _ends_more(block: ops.Block, begun: Set[Key], open: Mapping[Key, int]) -> bool:
    """Whether `block` ends more than it begins and is `open` already, of what has no value (RCU's protection, say) and
    is `begun` inside as well: which end is whose can't be told then."""
    open = dict(open)
    for op in block.ops:
        if any(_ends_more(inner, begun, open) for inner in ops.blocks(op)):
            return True
        if not isinstance(op, ops.KfuncCall) or op.arguments:
            continue
        name = op.kfunc.name
        if is_release(name) and name in begun and not open.get(name):
            return True
        if is_release(name):
            open[name] = open.get(name, 0) - 1
        elif (pair := pair_by_name(name)) is not None:
            open[pair.release] = open.get(pair.release, 0) + 1
    return False


def given_back_last(ending: tuple[ops.Op, ...], begun: Set[Key]) -> Returns:
    """What ops that end in a jump give back right before it, but for what is `begun` inside."""
    found: list[ops.RingSubmit | ops.RingDiscard | ops.Call | ops.KfuncCall] = []
    for op in reversed(ending[:-1]):
        if given_back(op):
            assert isinstance(op, ops.RingSubmit | ops.RingDiscard | ops.Call | ops.KfuncCall)
            found += [op] if _given_from_outside(op, begun) else []
        elif not isinstance(op, ops.Const | ops.LocalSet | ops.SlotAddress):  # which say what the way out is, and where
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
