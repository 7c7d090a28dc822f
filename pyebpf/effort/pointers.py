"""Where a number may be added to a pointer: found before the walk, so that it need not begin anew for each."""

from __future__ import annotations

from typing import Final

from pyebpf.effort.arithmetic import ADD, MOV, SUB
from pyebpf.effort.calls import ENTRIES
from pyebpf.effort.decode import ALU, ALU64, CALL, JMP, LD, LDX, STX, Code, Instruction, helper_name, successors
from pyebpf.effort.flow import FRAME, slot_bit
from pyebpf.kernel.packets import ends_for

_GIVEN: Final = 0b111110 | 1 << FRAME


def pointer_sums(code: Code) -> set[int]:
    """The instructions that add two registers of which one may be a pointer."""
    count = len(code.instructions)
    before = [0] * count
    for start in code.starts:
        before[start] = _GIVEN if start else 0b10 | 1 << FRAME
    pending = list(code.starts)
    seen = set(pending)
    while pending:
        at = pending.pop()
        op = code.instructions[at]
        assert op is not None
        after = _after(code, op, before[at])
        for following in successors(code, at):
            if following < count and (following not in seen or after & ~before[following]):
                before[following] |= after
                seen.add(following)
                pending.append(following)
    return {
        at
        for at, op in enumerate(code.instructions)
        if op is not None and _adds(op) and before[at] & (1 << op.target | 1 << op.source)
    }


def _adds(op: Instruction) -> bool:
    return op.kind == ALU64 and op.code in (ADD, SUB) and op.from_register


def _after(code: Code, op: Instruction, before: int) -> int:
    """Registers and words of the stack that may hold pointers after `op`."""
    target, source = 1 << op.target, 1 << op.source
    if op.kind in (ALU, ALU64):
        if op.kind == ALU64 and op.code in (ADD, SUB) and not op.from_register:
            return before
        from_source = op.from_register and op.kind == ALU64 and before & source
        kept = before & target if _adds(op) else 0
        return before & ~target | (target if kept or (from_source and (op.code == MOV or _adds(op))) else 0)
    if op.kind == LD:
        return before | target if op.names is not None else before & ~target
    if op.kind == LDX:
        packet = op.offset in (ends_for(code.program_type) or ())
        there = before & slot_bit(op.offset) if op.source == FRAME else packet
        return before | target if there else before & ~target
    if op.kind == STX and op.target == FRAME:
        bit = slot_bit(op.offset)
        return before | bit if before & source else before & ~bit
    if op.kind == JMP and op.code == CALL:
        given = op.function >= 0 or helper_name(op) in ENTRIES | {"ringbuf_reserve", "get_current_task_btf"}
        return before & ~0b111111 | (1 if given else 0)
    return before
