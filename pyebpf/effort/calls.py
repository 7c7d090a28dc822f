"""What calls do: of helpers, of functions of the kernel, of the program's own functions, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyebpf.effort import iterators
from pyebpf.effort.bounds import FIXED32, is_known, settle
from pyebpf.effort.decode import Instruction, helper_name
from pyebpf.effort.memory import forget_caller_saved, scrub
from pyebpf.effort.states import (
    ANY,
    FIXED,
    FUNCTION,
    MEMORY,
    MEMORY_OR_NULL,
    NUMBER,
    OBJECT,
    PACKET,
    PACKET_END,
    STACK,
    UNSET,
    VALUE,
    VALUE_OR_NULL,
    Frame,
    Register,
    number,
    widened,
)
from pyebpf.kernel.conventions import Convention, convention

if TYPE_CHECKING:
    from pyebpf.effort.walk import Walk

RESULT_MATTERS: Final = frozenset({8, 9, 13, 15, 18, 25})
"""Types of programs (`enum bpf_prog_type`) whose result must lie in a range: those of cgroups."""
MAX_ERRNO: Final = 4095
WORD: Final = 8
"""Bytes that are taken to be written where nothing tells how many."""


def call(walk: Walk, at: int, op: Instruction) -> int:
    """A call; where to go on."""
    frame = walk.frames[-1]
    if op.function >= 0:
        inner = Frame(op.function, at, len(walk.frames))
        inner.regs[1:6] = frame.regs[1:6]
        frame.regs[0:6] = [UNSET] * 6
        walk.frames.append(inner)
        return op.function
    if what := iterators.part(op):
        return iterators.call(walk, at, what)
    if op.names is not None or op.source:
        forget_caller_saved(frame, ANY)  # of the kernel
        return at + 1
    helper = convention(helper_name(op))
    walk.matters(sum(1 << argument for argument in helper.sizes), at)
    given = _callback(walk, frame, at, helper) if helper.function else None
    if helper.key:
        walk.address(frame.regs[helper.key])
    result = _result(walk, frame, helper)
    for place, size, least in helper.written:
        _written(walk, frame.regs[place], frame.regs[size][2][1] if size else least)
    if helper.moves:
        walk.replace((PACKET, PACKET_END), ANY)
    forget_caller_saved(frame, result)
    if given is None:
        return at + 1
    walk.frames.append(given)
    return given.start


def _callback(walk: Walk, frame: Frame, at: int, helper: Convention) -> Frame | None:
    """Walk the function later, as if it were called from here and came back to here; or its frame, if it is walked at
    once."""
    given = frame.regs[helper.function]
    if given[0] != FUNCTION:
        return None
    if helper.later:
        alone = Frame(int(given[4]), -1, 0)
        alone.regs[1:4] = [frame.regs[1], (MEMORY, 0, FIXED, 0, "key"), (VALUE, 0, FIXED, 0, "")]
        walk.apart(alone)
        return None
    if walk.rules.rounds and helper.name == "loop" and frame.depth >= frame.regs[1][2][1]:
        frame.depth = 0
        return None
    inner = Frame(int(given[4]), at, len(walk.frames), callback=True)
    context = frame.regs[3]
    if helper.name == "loop":
        inner.regs[1:3] = [ANY, context]
    elif helper.name == "for_each_map_elem":
        value: Register = (VALUE, 0, FIXED, 0, frame.regs[1][4])
        inner.regs[1:5] = [frame.regs[1], (MEMORY, 0, FIXED, 0, "key"), value, context]
    elif helper.name == "user_ringbuf_drain":
        inner.regs[1:3] = [(OBJECT, 0, FIXED, 0, "dynptr"), context]
    else:
        inner.regs[1:4] = [frame.regs[1], (MEMORY, 0, FIXED, 0, "key"), (VALUE, 0, FIXED, 0, "")]
    if not walk.rules.rounds:
        return inner
    later = walk.later(inner.start, at)
    later[-1].depth += 1
    later.append(inner)
    frame.depth = 0
    return None


def _result(walk: Walk, frame: Frame, helper: Convention) -> Register:
    match helper.gives:
        case "entry":
            return (VALUE_OR_NULL, 0, FIXED, walk.new_id(), frame.regs[1][4])
        case "record":
            return (MEMORY_OR_NULL, 0, FIXED, walk.new_id(), "record")
        case "object":
            return (OBJECT, 0, FIXED, 0, helper.name)
        case "length" if frame.regs[2][0] == NUMBER:
            most = frame.regs[2][2][3]
            if 0 <= most < 1 << 31:
                found = settle((*ANY[2][:2], -MAX_ERRNO, most, *ANY[2][4:6], -MAX_ERRNO, most, *ANY[2][8:]))
                return number(found) if found is not None else ANY
        case "cpu":
            return number(FIXED32)
    return ANY


def _written(walk: Walk, place: Register, size: int) -> None:
    if place[0] == STACK and is_known(place[2]):
        scrub(walk.frames[int(place[4])], place[1], min(size or WORD, -place[1]))


def leave(walk: Walk, at: int) -> int | None:
    """The end of a function; where to go on, None at the end of the program."""
    frame = walk.frames[-1]
    if frame.callback or (len(walk.frames) == 1 and walk.code.program_type in RESULT_MATTERS):
        walk.matters(1, at)
    if len(walk.frames) == 1:
        return None
    walk.frames.pop()
    caller = walk.frames[-1]
    if not frame.callback:
        caller.regs[0] = frame.regs[0]
        caller.regs[1:6] = [UNSET] * 5
        return frame.callsite + 1
    if not walk.rules.rounds:
        return frame.callsite + 1
    earlier = walk.earlier(frame.callsite)
    if earlier is not None:
        for old, new, precise in zip(earlier.frames, walk.frames, earlier.precise, strict=True):
            widened(old, new, precise)
    return frame.callsite
