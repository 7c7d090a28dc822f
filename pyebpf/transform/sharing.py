"""What a loop and the rest of its program both use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias, final

from pyebpf.ir import ops
from pyebpf.ir.types import DYNPTR, BoolType, IntType, PointerType, Region

Thing: TypeAlias = "ops.Local | ops.Slot"
READERS = (
    *(ops.Load, ops.EqualBytes, ops.MapLookup, ops.MapDelete, ops.MapUpdate),
    *(ops.MemberAddress, ops.ElementAddress, ops.NotNull),
)
"""Ops that only read what an address of theirs leads to, or make another address of it."""


def things(op: ops.Op) -> Iterator[Thing]:
    """The locals and slots that `op` itself names."""
    match op:
        case ops.LocalGet() | ops.LocalSet():
            yield op.local
        case ops.Forget():
            yield from op.locals
        case ops.SlotAddress():
            yield op.slot
        case ops.Loop(counting=ops.Counting(counter=counter)):
            yield counter


def slots_of(value: ops.Value) -> ops.Slot | None:
    """The slot that an address leads into, if that can be told."""
    while True:
        match value:
            case ops.SlotAddress():
                return value.slot
            case ops.MemberAddress() | ops.ElementAddress():
                value = value.base
            case ops.NotNull():
                value = value.pointer
            case _:
                return None


@final
class Sharing:
    """Which things a loop shares with the rest of the program, and must be forgotten around it."""

    def __init__(self, body: ops.Block) -> None:
        self._uses = Counter(thing for op in ops.walk(body) for thing in things(op))
        self._escaped = {
            slot: None
            for op in ops.walk(body)
            if isinstance(op, ops.LocalSet) and (slot := slots_of(op.value)) is not None
        }
        """Slots whose addresses are in locals."""

    def shared(self, loop: ops.Loop) -> list[Thing]:
        """What `loop` and the rest both name, in the order of first use."""
        uses = Counter(thing for op in (loop, *_ops(loop)) for thing in things(op))
        return [thing for thing, count in uses.items() if self._uses[thing] > count]

    def written(self, loop: ops.Loop) -> list[Thing]:
        """What of that the loop may change."""
        locals_set = {op.local for op in _ops(loop) if isinstance(op, ops.LocalSet)}
        changed = {slot: None for op in _ops(loop) for slot in _changed(op)}
        through = any(_is_stack_pointer(op) for op in _ops(loop))
        shared = [thing for thing in self.shared(loop) if thing in locals_set or thing in changed]
        return shared + [slot for slot in self._escaped if through and slot not in shared]

    def forget(self, loop: ops.Loop, most: int | None = None) -> list[ops.Op]:
        """Ops that make the verifier forget the numbers that the loop may change; in memory too if it isn't more
        than `most` bytes."""
        found: list[ops.Op] = []
        written = self.written(loop)
        size = sum(thing.type.size for thing in written if isinstance(thing, ops.Slot))
        if most is not None and size > most:
            written = [thing for thing in written if isinstance(thing, ops.Local)]
        for thing in written:
            if isinstance(thing, ops.Slot):
                address = ops.SlotAddress(thing, PointerType(thing.type, Region.STACK), loop.span)
                found += [address, ops.ForgetBytes(address, thing.type.size, loop.span)]
        numbers = tuple(
            thing for thing in written if isinstance(thing, ops.Local) and isinstance(thing.type, IntType | BoolType)
        )
        return [*found, ops.Forget(numbers, loop.span)] if numbers else found


def inside(loop: ops.Loop) -> ops.Block:
    """What runs each round: all of the body, but of a loop over entries its test and its `else`."""
    return ops.Block(loop.body.ops[2:]) if loop.strategy == "entries" else loop.body


def _ops(loop: ops.Loop) -> Iterator[ops.Op]:
    yield from ops.walk(inside(loop))
    yield from ops.walk(loop.step)


def _changed(op: ops.Op) -> Iterator[ops.Slot]:
    """Slots that `op` may write to, or put the address of somewhere."""
    if isinstance(op, READERS):
        return
    values = (op.target,) if isinstance(op, ops.Copy) else ops.operands(op)
    for value in values:
        slot = slots_of(value) if isinstance(value.type, PointerType) else None
        if slot is not None and slot.type != DYNPTR:  # what is written over a dynptr makes none of it
            yield slot


def _is_stack_pointer(op: ops.Op) -> bool:
    return isinstance(op, ops.LocalGet) and isinstance(op.type, PointerType) and op.type.region is Region.STACK
