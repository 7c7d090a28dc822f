"""Which numbers matter: found backwards, on the very way that the walk came, as the verifier does it.

A number matters in a remembered state where a decided branch, an address or a size depended on it later on. Two states
that differ in other numbers are the same to the verifier. Source: `backtrack_insn` and `mark_chain_precision` in
kernel/bpf/verifier.c, as of Linux 6.18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from pyebpf.effort.arithmetic import END, MOV, NEG
from pyebpf.effort.decode import ALWAYS, CALL, EXIT, FRAME, JA, STX, Code, Instruction

if TYPE_CHECKING:
    from pyebpf.effort.states import Remembered

Links: TypeAlias = tuple[tuple[int, int], ...]
"""Numbers that are known to be constants apart, by frame and bit."""
RESULT: Final = 1
ARGUMENTS: Final = 0b111110


class Step(NamedTuple):
    """An instruction that was walked, and those before it back to the last state that was remembered."""

    at: int
    word: tuple[int, int] | None
    """The word of the stack that it put a register into or took one from: the frame, and the word's bit."""
    linked: Links
    """Of a branch, the numbers of which it said something."""
    before: Step | None


class Way(NamedTuple):
    """How the walk came to a place: the steps since the last remembered state, and that state."""

    at: int
    steps: Step | None
    state: Remembered | None


def mark(code: Code, callbacks: frozenset[int], way: Way, masks: list[int], through_calls: bool) -> tuple[int, bool]:
    """Of each frame, registers and words whose numbers matter from `way.at` on: so do, in the states before, those
    that they were made of. How many instructions that took, and whether any state had not known yet."""
    following, step, state = way
    count, changed = 0, False
    while True:
        while step is not None:
            if step.word is not None or step.linked or (masks[-1] | ALWAYS) & code.touched[step.at]:
                if (code.enters[step.at] and not through_calls) or not _back(code, callbacks, step, following, masks):
                    _all(state)
                    return count, True
                if not any(masks):
                    return count, changed
            following, step = step.at, step.before
            count += 1
        if state is None:
            return count, changed
        for index, mask in enumerate(masks):
            masks[index] = new = mask & state.numbers[index] & ~state.precise[index]
            if new:
                state.precise[index] |= new
                state.renewed()
                changed = True
        if not any(masks):
            return count, changed
        step, state = state.steps, state.parent


def _all(state: Remembered | None) -> None:
    """Where it can't be told, all numbers of all states before matter."""
    while state is not None:
        state.precise[:] = state.numbers
        state.renewed()
        state = state.parent


def _back(code: Code, callbacks: frozenset[int], step: Step, following: int, masks: list[int]) -> bool:
    """What `masks` were before one instruction. False where that can't be told."""
    op = code.instructions[step.at]
    assert op is not None
    if step.linked:
        _link(step, masks)
    mask, target, source = masks[-1], 1 << op.target, 1 << op.source
    match op.kind:
        case 4 | 7:  # ALU, ALU64
            masks[-1] = _arithmetic(op, mask, target, source)
        case 0:  # LD
            masks[-1] = mask & ~target
        case 1:  # LDX
            if mask & target:
                masks[-1] = mask & ~target
                if step.word is not None:
                    masks[step.word[0]] |= step.word[1]
        case 2 | 3:  # ST, STX
            if mask & target:
                return False
            if step.word is not None and masks[step.word[0]] & step.word[1]:
                masks[step.word[0]] &= ~step.word[1]
                masks[-1] |= source if op.kind == STX else 0
        case _:
            _jump(code, callbacks, step.at, following, masks)
    if step.linked:
        _link(step, masks)
    return True


def _link(step: Step, masks: list[int]) -> None:
    if any(masks[frame] & bit for frame, bit in step.linked):
        for frame, bit in step.linked:
            masks[frame] |= bit


def _arithmetic(op: Instruction, mask: int, target: int, source: int) -> int:
    if not mask & target or op.code in (NEG, END):
        return mask
    if op.code == MOV:
        mask &= ~target
    return mask | source if op.from_register and op.source != FRAME else mask


def _jump(code: Code, callbacks: frozenset[int], at: int, following: int, masks: list[int]) -> None:
    op = code.instructions[at]
    assert op is not None
    if op.code == CALL:
        if op.function >= 0:
            given = masks.pop() & ARGUMENTS
            masks[-1] |= given
        elif at in callbacks and following != at + 1:
            masks.pop()  # out of a function that the helper called, which made its arguments
        else:
            masks[-1] &= ~RESULT
    elif op.code == EXIT:
        last = code.instructions[following - 1]
        called = last is not None and last.code == CALL and last.function >= 0
        wanted = RESULT if called and masks[-1] & RESULT else 0
        masks[-1] &= ~(RESULT | (ARGUMENTS if following in callbacks else 0))
        masks.append(wanted)
    elif op.code != JA and op.from_register:
        both = 1 << op.target | 1 << op.source
        if masks[-1] & both:
            masks[-1] |= both
