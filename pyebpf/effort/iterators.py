"""Loops that an iterator of the kernel's ends: `bpf_iter_X_next` gives null in the end.

At each call the verifier goes on behind the loop, and leaves another round for later. What differs from the round
before and doesn't matter exactly it forgets in that, so that some round brings nothing new. Source:
`process_iter_next_call` in kernel/bpf/verifier.c, as of Linux 6.18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyebpf.effort.bounds import known
from pyebpf.effort.decode import CALL, JMP, Code, Instruction
from pyebpf.effort.memory import forget_caller_saved
from pyebpf.effort.states import (
    ANY,
    FIXED,
    ITERATOR,
    ITERATORS,
    NO_WORD,
    OBJECT,
    STACK,
    Frame,
    Register,
    number,
    widened,
)
from pyebpf.kernel.kfuncs import iterator_of

if TYPE_CHECKING:
    from pyebpf.effort.walk import Walk

ACTIVE: Final = "active"
ENDED: Final = "ended"
ITEM: Final[Register] = (OBJECT, 0, FIXED, 0, "item")


def part(op: Instruction | None) -> str:
    """What `op` does with an iterator: "new", "next", "destroy", or nothing."""
    if op is None or op.kind != JMP or op.code != CALL or op.names is None or op.function >= 0:
        return ""
    return op.names.name.rpartition("_")[2] if iterator_of(op.names.name) else ""


def next_calls(code: Code) -> frozenset[int]:
    """Where items are asked for."""
    return frozenset(at for at, op in enumerate(code.instructions) if part(op) == "next")


def call(walk: Walk, at: int, what: str) -> int:
    """One call; where to go on."""
    frame = walk.frames[-1]
    place = frame.regs[1]
    forget_caller_saved(frame, ANY)
    if place[0] != STACK:
        return at + 1
    depth, index = int(place[4]), _index(place)
    match what:
        case "new":
            _set(walk.frames[depth], index, (ITERATOR, 0, FIXED, walk.new_id(), ACTIVE))
        case "destroy":
            walk.frames[depth].stack[index] = NO_WORD
        case _:
            _next(walk, at, depth, index)
    return at + 1


def _next(walk: Walk, at: int, depth: int, index: int) -> None:
    there = walk.frames[depth].stack.get(index, NO_WORD)[1]
    assert there is not None
    if there[4] == ACTIVE:
        before = walk.earlier(at, skipped=1)
        walk.frames[-1].regs[0] = ITEM
        later = walk.later(at + 1, at)
        if before is not None:
            for old, new, precise in zip(before.frames, later, before.precise, strict=True):
                widened(old, new, precise)
        _set(walk.frames[depth], index, (*there[:4], ENDED))
    walk.frames[-1].regs[0] = number(known(0))


def is_active(walk: Walk) -> bool:
    """Whether the iterator that is about to be asked may still give something."""
    place = walk.frames[-1].regs[1]
    if place[0] != STACK:
        return False
    there = walk.frames[int(place[4])].stack.get(_index(place), NO_WORD)[1]
    return there is not None and there[4] == ACTIVE


def _index(place: Register) -> int:
    """The word of the stack where its state begins."""
    return (-place[1] - 1) // 8


def _set(frame: Frame, index: int, state: Register) -> None:
    frame.stack[index] = ITERATORS, state
