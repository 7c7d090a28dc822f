"""Reads and writes: of the stack exactly, of everything else as far as the verifier knows what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyebpf.effort.arithmetic import sign_extended
from pyebpf.effort.bounds import Bounds, is_known, known, lower_half, unsigned
from pyebpf.effort.decode import LDX, STX, Instruction
from pyebpf.effort.flow import SLOTS
from pyebpf.effort.states import (
    ALL_MISC,
    ALL_SPILL,
    ANY,
    CONTEXT,
    FIXED,
    MISC,
    NO_WORD,
    NUMBER,
    PACKET,
    PACKET_END,
    SPILL,
    STACK,
    UNSET,
    ZERO,
    Frame,
    Register,
    number,
)
from pyebpf.kernel.packets import ends_for

if TYPE_CHECKING:
    from pyebpf.effort.walk import Walk

SIZES: Final = (4, 2, 1, 8)
SIGNED: Final = 0x80
ATOMIC: Final = 0xC0
EXCHANGE: Final = 0xF1


def of_size(size: int) -> Register:
    """What is read from memory of which nothing is known."""
    return ANY if size == 8 else number(unsigned((1 << 8 * size) - 1))


def access(walk: Walk, frame: Frame, at: int, op: Instruction) -> None:
    """One load or store."""
    size = SIZES[op.opcode >> 3 & 3]
    mode = op.opcode & 0xE0
    walk.address(frame.regs[op.source if op.kind == LDX else op.target])
    if op.kind == LDX:
        found = read(walk, frame.regs[op.source], op.offset, size)
        if mode == SIGNED and found[0] == NUMBER:
            found = number(sign_extended(found[2], 8 * size, True))
        frame.regs[op.target] = found
        return
    place = frame.regs[op.target]
    if mode == ATOMIC:
        _atomic(walk, frame, op, place, size)
        return
    value = frame.regs[op.source] if op.kind == STX else number(known(op.immediate))
    if place[0] == STACK:
        _write_stack(walk, frame, at, op, place, value, size)


def _atomic(walk: Walk, frame: Frame, op: Instruction, place: Register, size: int) -> None:
    if place[0] == STACK and is_known(place[2]):
        scrub(walk.frames[int(place[4])], place[1] + op.offset, size)
    if op.immediate == EXCHANGE:
        frame.regs[0] = of_size(size)
    elif op.immediate & 1:
        frame.regs[op.source] = of_size(size)


def read(walk: Walk, place: Register, offset: int, size: int) -> Register:
    """What a load gives."""
    if place[0] == STACK:
        if not is_known(place[2]):
            return of_size(size)
        return _read_stack(walk, int(place[4]), place[1] + offset, size)
    if place[0] == CONTEXT:
        ends = ends_for(walk.code.program_type)
        if ends is not None and size == 4 and place[1] + offset in ends:
            return (PACKET if place[1] + offset == ends[0] else PACKET_END, 0, FIXED, 0, 0)
    return of_size(size)


def _read_stack(walk: Walk, depth: int, offset: int, size: int) -> Register:
    index, start = (-offset - 1) // 8, offset % 8
    types, there = walk.frames[depth].stack.get(index, NO_WORD)
    if types[0] == SPILL and there is not None:
        if size == 8 and types == ALL_SPILL:
            walk.filled(depth, 1 << SLOTS + index)
            return there
        filled = len(types) - len(types.lstrip(bytes([SPILL])))
        if there[0] == NUMBER and not start and size <= filled:
            walk.filled(depth, 1 << SLOTS + index)
            return _narrowed(there, size)
        if not walk.rules.zeros:
            return of_size(size)
    read_types = types[start : start + size]
    if there is not None and there[0] == NUMBER and there[2] == FIXED and read_types.count(SPILL) == size:
        walk.filled(depth, 1 << SLOTS + index)
        return number(FIXED)
    return number(FIXED) if read_types.count(ZERO) == size else of_size(size)


def _narrowed(value: Register, size: int) -> Register:
    """The first bytes of a number that was put on the stack."""
    bounds = value[2]
    high = (1 << 8 * size) - 1
    fits = bounds[1] <= high
    return (NUMBER, value[1], bounds, value[3], 0) if fits else number(cut(bounds, size))


def cut(bounds: Bounds, size: int) -> Bounds:
    """The lower bytes of a number (`coerce_reg_to_size`)."""
    if size == 8:
        return bounds
    if size == 4:
        return lower_half(bounds)
    high = (1 << 8 * size) - 1
    if bounds[0] & ~high == bounds[1] & ~high and is_known(bounds):
        return known(bounds[0] & high)
    return bounds if bounds[1] <= high else unsigned(high)


def _write_stack(
    walk: Walk, frame: Frame, at: int, op: Instruction, place: Register, value: Register, size: int
) -> None:
    owner = walk.frames[int(place[4])]
    if not is_known(place[2]):
        low, high = place[1] + op.offset + place[2][2], place[1] + op.offset + place[2][3] + size
        scrub(owner, max(low, -512), max(min(high, 0) - max(low, -512), 0))
        return
    offset = place[1] + op.offset
    index, start = (-offset - 1) // 8, offset % 8
    kept = walk.rules.spills or value[0] != NUMBER or (size == 8 and is_known(value[2]))
    if kept and not start and (value[0] == NUMBER or size == 8) and value[0]:
        if op.kind == STX and value[0] == NUMBER:
            value = walk.shared(frame, op.source)
            if value[2][1] >> 8 * size:
                value = (NUMBER, 0, value[2], 0, 0)
        elif value[0] == NUMBER and size < 8:
            value = number(cut(value[2], 8))
        owner.stack[index] = bytes([SPILL] * size + [MISC] * (8 - size)), value
        walk.filled(int(place[4]), 1 << SLOTS + index)
        return
    types = bytearray(MISC if kind == SPILL else kind for kind in owner.stack.get(index, NO_WORD)[0])
    zero = value[0] == NUMBER and value[2] == FIXED
    if zero and op.kind == STX:
        walk.matters(1 << op.source, at)
    types[start : start + size] = bytes([ZERO if zero else MISC]) * size
    owner.stack[index] = bytes(types), None


def scrub(owner: Frame, offset: int, size: int) -> None:
    """Something unknown was written to `size` bytes."""
    for index in range((-offset - size) // 8 if size else 0, (-offset - 1) // 8 + 1):
        base = -8 * (index + 1)
        types = bytearray(MISC if kind == SPILL else kind for kind in owner.stack.get(index, NO_WORD)[0])
        first, last = max(offset - base, 0), min(offset + size - base, 8)
        if first < last:
            types[first:last] = ALL_MISC[first:last]
            owner.stack[index] = bytes(types), None


def forget_caller_saved(frame: Frame, result: Register) -> None:
    """What a call leaves of the registers."""
    frame.regs[0] = result
    frame.regs[1:6] = [UNSET] * 5
