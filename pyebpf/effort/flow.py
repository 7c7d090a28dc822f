"""What is known of a program before it is walked: where the verifier remembers states, and which registers and which
words of the stack may still be read at each instruction.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.effort.arithmetic import ADD, END, MOV, NEG
from pyebpf.effort.decode import (
    ALU64,
    CALL,
    EXIT,
    FRAME,
    JA,
    JMP,
    JMP32,
    STX,
    Code,
    Instruction,
    helper_name,
    successors,
)
from pyebpf.kernel.conventions import convention
from pyebpf.records import dataclass

SLOTS: Final = 11
"""From this bit on, bits stand for words of the stack: the first, nearest to the frame pointer, for `SLOTS`."""
_ATOMIC: Final = 0xC0


@final
@dataclass(frozen=True)
class Flow:
    """For each instruction, by its index. Masks have a bit for each register and each word of the stack."""

    prune: frozenset[int]
    """Where states are compared and remembered."""
    jump: frozenset[int]
    callbacks: frozenset[int]
    """Calls of helpers that are given a function."""
    iterators: frozenset[int]
    """Calls that ask iterators for their next items."""
    live: tuple[int, ...]
    """What may be read from there on."""


def slot_bit(offset: int) -> int:
    """The bit of the word of the stack at `offset` (negative) from the frame pointer."""
    return 1 << SLOTS + (-offset - 1) // 8


def flow(code: Code, callback_calls: frozenset[int], iterators: frozenset[int]) -> Flow:
    """Look at all instructions once, and at most of them a few times."""
    prune, jump = set[int](), set[int]()
    for at, instruction in enumerate(code.instructions):
        if instruction is not None:
            _mark(code, at, instruction, prune, jump, callback_calls)
    prune |= iterators
    return Flow(frozenset(prune), frozenset(jump), callback_calls, iterators, _backwards(code, _addressed(code)))


def _mark(code: Code, at: int, op: Instruction, prune: set[int], jump: set[int], callbacks: frozenset[int]) -> None:
    """As `visit_insn` does."""
    if op.kind not in (JMP, JMP32) or op.code == EXIT:
        return
    if op.code == CALL:
        prune.add(at + 1)
        jump.add(at + 1)
        if at in callbacks or op.function >= 0:
            prune.add(at)
            jump.add(at)
        elif convention(helper_name(op)).later:
            prune.add(at)
        return
    aim = successors(code, at)[-1]
    prune.add(aim)
    jump.add(aim)
    if op.code != JA:
        prune.add(at)


def _addressed(code: Code) -> dict[int, int]:
    """For each function, the words of its stack that something may read through an address."""
    return {start: ((1 << (-offset + 7) // 8) - 1) << SLOTS for start, offset in lowest_addresses(code).items()}


def lowest_addresses(code: Code) -> dict[int, int]:
    """For each function, how far below the frame pointer the lowest address is that it makes of it."""
    lowest: dict[int, int] = dict.fromkeys(code.starts, 0)
    copied: set[int] = set()
    function = 0
    starts = set(code.starts)
    for at, op in enumerate(code.instructions):
        if op is None:
            continue
        if at in starts:
            function, copied = at, set()
        if op.kind == ALU64 and op.code == MOV and op.from_register and op.source == FRAME:
            copied.add(op.target)
        elif op.kind == ALU64 and op.code == ADD and not op.from_register and op.target in copied:
            lowest[function] = min(lowest[function], op.immediate)
            copied.discard(op.target)
    return lowest


def _backwards(code: Code, always: dict[int, int]) -> tuple[int, ...]:
    """What is read from each instruction on. `always`: for each function, words of its stack that always may be."""
    masks = [0] * len(code.instructions)
    base = [0] * len(code.instructions)
    starts = set(code.starts)
    kept = 0
    for at in range(len(masks)):
        if at in starts:
            kept = always.get(at, 0)
        base[at] = kept
    pending = list(range(len(masks)))
    waiting = set(pending)
    while pending:
        at = pending.pop()
        waiting.discard(at)
        op = code.instructions[at]
        if op is None:
            continue
        after = 0
        for following in successors(code, at):
            if following < len(masks):
                after |= masks[following]
        mask = _lives(op, after) | base[at]
        if mask != masks[at]:
            masks[at] = mask
            for earlier in code.predecessors[at]:
                if earlier not in waiting:
                    waiting.add(earlier)
                    pending.append(earlier)
    return tuple(masks)


def _lives(op: Instruction, after: int) -> int:
    """Registers and words that are read later on."""
    target, source = 1 << op.target, 1 << op.source
    match op.kind:
        case 4 | 7:
            if op.code == MOV:
                after &= ~target
                return after | (source if op.from_register else 0)
            if op.code in (NEG, END):
                return after | target
            return after | target | (source if op.from_register else 0)
        case 1:
            after &= ~target
            return after | source | (slot_bit(op.offset) if op.source == FRAME else 0)
        case 0:
            return after & ~target
        case 2 | 3:
            if op.target == FRAME and op.opcode >> 3 & 3 == 3 and op.opcode & 0xE0 == 0x60:
                after &= ~slot_bit(op.offset)  # the whole word is written
            if op.opcode & 0xE0 == _ATOMIC and op.target == FRAME:
                after |= slot_bit(op.offset)
            return after | target | (source if op.kind == STX else 0)
        case _:
            return _lives_jump(op, after)


def _lives_jump(op: Instruction, after: int) -> int:
    if op.code == CALL:
        return after & ~0b111111 | (2 << convention(helper_name(op)).arguments) - 2
    if op.code == EXIT:
        return 1
    if op.code == JA:
        return after
    return after | 1 << op.target | (1 << op.source if op.from_register else 0)
