"""Conditional jumps: which ways there are, and what is known on each. Source: `check_cond_jmp_op` in verifier.c."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyebpf.effort.arithmetic import ADD, compute
from pyebpf.effort.bounds import Bounds, known
from pyebpf.effort.comparisons import JEQ, JGE, JGT, JLE, JLT, JNE, not_refined, refined, taken
from pyebpf.effort.decode import FRAME, JMP, Instruction
from pyebpf.effort.flow import SLOTS
from pyebpf.effort.precision import Links
from pyebpf.effort.states import (
    APART,
    FIXED,
    NULLABLE,
    NUMBER,
    PACKET,
    PACKET_END,
    Frame,
    Register,
    number,
)

if TYPE_CHECKING:
    from pyebpf.effort.walk import Walk

_MAX_PACKET: Final = 0xFFFF
_ENDS: Final = {JGT: (False, False), JLT: (True, True), JGE: (False, True), JLE: (True, False)}
"""`packet OP packet_end`: on which way the bytes are there (whether that of the jump), and whether one more."""


def conditional(walk: Walk, at: int, op: Instruction) -> tuple[int, Links]:
    """Where to go on, and the numbers of which something is known there; the other way, if there is one, is left for
    later."""
    frame = walk.frames[-1]
    one = frame.regs[op.target]
    two = frame.regs[op.source] if op.from_register else number(known(op.immediate))
    wide = op.kind == JMP
    aim, following = at + 1 + op.offset, at + 1
    if one[0] == NUMBER and two[0] == NUMBER:
        decided = taken(op.code, one[2], two[2], wide)
        if decided is not None:
            walk.matters(1 << op.target | (1 << op.source if op.from_register else 0), at)
            return aim if decided else following, ()
        return _numbers(walk, op, (one, two), (aim, following), wide)
    if two[0] == NUMBER and two[2] == FIXED and op.code in (JEQ, JNE) and wide:
        if one[0] in NULLABLE:
            other = walk.later(aim, at)
            _settle(other, one, op.code == JNE)
            _settle(walk.frames, one, op.code == JEQ)
            return following, ()
        if one[0] != NUMBER:
            return aim if op.code == JNE else following, ()
    other = walk.later(aim, at)
    if one[0] == PACKET and two[0] == PACKET_END and op.code in _ENDS:
        jumps, one_more = _ENDS[op.code]
        _in_packet(other if jumps else walk.frames, one, one_more)
    elif one[0] == PACKET_END and two[0] == PACKET and op.code in _ENDS:
        jumps, one_more = _ENDS[{JGT: JLT, JLT: JGT, JGE: JLE, JLE: JGE}[op.code]]
        _in_packet(other if jumps else walk.frames, two, one_more)
    return following, ()


def _numbers(
    walk: Walk, op: Instruction, both: tuple[Register, Register], ways: tuple[int, int], wide: bool
) -> tuple[int, Links]:
    one, two = both
    true = refined(op.code, one[2], two[2], wide)
    false = not_refined(op.code, one[2], two[2], wide)
    if true is None or false is None:  # both can't be; the verifier would go on with what it has
        true, false = true or (one[2], two[2]), false or (one[2], two[2])
    linked = _links(walk.frames, one, two)
    other = walk.later(ways[0], ways[1] - 1, linked)
    for frames, found in ((other, true), (walk.frames, false)):
        learn(frames, op.target, one, found[0])
        if op.from_register:
            learn(frames, op.source, two, found[1])
    return ways[1], linked


def _links(frames: list[Frame], one: Register, two: Register) -> Links:
    """Registers and words that are known to be constants apart from one of two numbers (`collect_linked_regs`)."""
    wanted = {register[3] & ~APART for register in (one, two) if register[0] == NUMBER and register[3]}
    if not wanted:
        return ()
    found = []
    for depth, frame in enumerate(frames):
        for index in range(FRAME):
            register = frame.regs[index]
            if register[0] == NUMBER and register[3] & ~APART in wanted:
                found.append((depth, 1 << index))
        for index, (_, there) in frame.stack.items():
            if there is not None and there[0] == NUMBER and there[3] & ~APART in wanted:
                found.append((depth, 1 << SLOTS + index))
    return tuple(found) if len(found) > 1 else ()


def learn(frames: list[Frame], register: int, old: Register, bounds: Bounds) -> None:
    """The number in `register` is within `bounds`; so are its copies, and those a constant apart."""
    frames[-1].regs[register] = new = (NUMBER, old[1], bounds, old[3], 0)
    if not old[3] or (bounds == old[2] and not old[3] & APART):
        return
    for frame in frames:
        regs = frame.regs
        for index in range(10):
            if regs[index][0] == NUMBER and regs[index][3] and (regs[index][3] ^ old[3]) & ~APART == 0:
                regs[index] = _linked(regs[index], new)
        for index, (types, there) in frame.stack.items():
            if there is not None and there[0] == NUMBER and there[3] and (there[3] ^ old[3]) & ~APART == 0:
                frame.stack[index] = types, _linked(there, new)


def _linked(register: Register, new: Register) -> Register:
    if register[1] == new[1]:
        return (NUMBER, new[1], new[2], new[3], 0)  # which makes it one that is 0 apart, if `new` is
    apart = (register[1] if register[3] & APART else 0) - (new[1] if new[3] & APART else 0)
    bounds = compute(ADD, new[2], known(apart), True) if apart else new[2]
    return (NUMBER, register[1], bounds, register[3], 0)


def _settle(frames: list[Frame], pointer: Register, is_there: bool) -> None:
    """All copies of a pointer that may be null: it is there, or it is null."""

    def settled(register: Register) -> Register:
        if register[0] != pointer[0] or register[3] != pointer[3]:
            return register
        return (NULLABLE[register[0]], *register[1:3], 0, register[4]) if is_there else number(FIXED)

    for frame in frames:
        frame.regs = [settled(register) for register in frame.regs]
        for index, (types, there) in frame.stack.items():
            if there is not None and there[0] in NULLABLE:
                frame.stack[index] = types, settled(there)


def _in_packet(frames: list[Frame], pointer: Register, one_more: bool) -> None:
    """The bytes before `pointer` are in the packet."""
    if pointer[1] < 0 or (not pointer[1] and one_more) or pointer[2][1] + pointer[1] > _MAX_PACKET:
        return
    size = pointer[1] + one_more
    for frame in frames:
        for index, register in enumerate(frame.regs):
            if register[0] == PACKET and register[3] == pointer[3] and int(register[4]) < size:
                frame.regs[index] = (*register[:4], size)
        for index, (types, there) in frame.stack.items():
            if there is not None and there[0] == PACKET and there[3] == pointer[3] and int(there[4]) < size:
                frame.stack[index] = types, (*there[:4], size)
