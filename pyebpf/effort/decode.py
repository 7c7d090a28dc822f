"""The instructions of a program and of all functions that it calls, one after the other, as the kernel gets them."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import Final, final

from pyebpf.kernel.helpers import helper_by_id
from pyebpf.object.specs import FunctionSpec, LineRecord, Object, ProgramSpec, Relocation
from pyebpf.records import dataclass

LD, LDX, ST, STX, ALU, JMP, JMP32, ALU64 = range(8)
FRAME: Final = 10
"""The register that points to the stack."""
CALL: Final = 0x80
EXIT: Final = 0x90
JA: Final = 0x00


@final
@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; the second half of a wide one is None in its place."""

    opcode: int
    target: int
    source: int
    offset: int
    immediate: int
    wide: int
    """Of a load of 64 bits: the number."""
    names: Relocation | None
    function: int
    """Where the function starts that it calls or takes the address of, or -1."""
    kind: int
    """The class: LD, ALU64, and so on."""
    code: int
    """The operation of arithmetic and jumps."""
    from_register: bool
    """Whether the second operand is a register, not a constant."""


ALWAYS: Final = 1 << FRAME
"""A bit in what an instruction touches: functions may begin or end there, so it is never passed over."""


@final
@dataclass(frozen=True)
class Code:
    """A whole program."""

    instructions: tuple[Instruction | None, ...]
    starts: tuple[int, ...]
    """Where each function starts; the program itself at 0."""
    lines: tuple[tuple[int, LineRecord], ...]
    """Where instructions come from, from which one on."""
    program_type: int

    @cached_property
    def predecessors(self) -> list[list[int]]:
        """For each instruction those that it may follow; one list more than there are instructions."""
        found: list[list[int]] = [[] for _ in range(len(self.instructions) + 1)]
        for at, op in enumerate(self.instructions):
            for following in successors(self, at) if op is not None else ():
                found[following].append(at)
        return found

    @cached_property
    def touched(self) -> list[int]:
        """For each instruction, which registers have to matter after it for it to be looked at on the way back."""
        return [_touched(op) for op in self.instructions]

    @cached_property
    def enters(self) -> list[bool]:
        """For each instruction, whether one of the program's functions begins there, or ends."""
        return [
            op is not None and op.kind == JMP and (op.code == EXIT or (op.code == CALL and op.function >= 0))
            for op in self.instructions
        ]

    def function_of(self, at: int) -> int:
        """Where the function starts that the instruction at `at` is in."""
        return max(start for start in self.starts if start <= at)


def decode(obj: Object, program: ProgramSpec) -> Code:
    """Join `program` and what it calls. Raises KeyError where a function is missing."""
    everything = {f.name: f for f in (*obj.functions, *(p.function for p in obj.programs))}
    order, starts, end = [program.function], {}, 0
    for function in order:  # grows while it is walked
        starts[function.name] = end
        end += len(function.code) // 8
        for relocation in function.relocations:
            if relocation.kind in ("call", "function") and everything[relocation.name] not in order:
                order.append(everything[relocation.name])
    found: list[Instruction | None] = []
    for function in order:
        found += _instructions(function, starts, obj.big_endian)
    lines = tuple((starts[f.name] + (line.offset - f.section_offset) // 8, line) for f in order for line in f.lines)
    return Code(tuple(found), tuple(starts[f.name] for f in order), lines, program.program_type)


def _instructions(function: FunctionSpec, starts: dict[str, int], big_endian: bool) -> list[Instruction | None]:
    named = {relocation.offset: relocation for relocation in function.relocations}
    found: list[Instruction | None] = []
    at = 0
    while at < len(function.code):
        opcode, registers, offset, immediate = struct.unpack_from(">BBhi" if big_endian else "<BBhi", function.code, at)
        target, source = (registers >> 4, registers & 15) if big_endian else (registers & 15, registers >> 4)
        names, wide = named.get(at), 0
        if opcode == 0x18:
            high = struct.unpack_from((">" if big_endian else "<") + "I", function.code, at + 12)[0]
            wide = high << 32 | immediate & 0xFFFFFFFF
        calls = starts[names.name] if names is not None and names.kind in ("call", "function") else -1
        parts = (opcode & 7, opcode & 0xF0, bool(opcode & 8))
        found.append(Instruction(opcode, target, source, offset, immediate, wide, names, calls, *parts))
        if opcode == 0x18:
            found.append(None)
        at += 16 if opcode == 0x18 else 8
    return found


def _touched(op: Instruction | None) -> int:
    if op is None:
        return 0
    if op.kind in (JMP, JMP32):
        if op.code in (CALL, EXIT):
            return ALWAYS
        return 1 << op.target | 1 << op.source if op.from_register and op.code != JA else 0
    return 1 << op.target if op.target != FRAME else 0


def helper_name(op: Instruction) -> str:
    """The helper that `op` calls by its number, or ""."""
    if op.kind != JMP or op.code != CALL or op.source or op.names is not None:
        return ""
    helper = helper_by_id(op.immediate)
    return helper.name if helper is not None else ""


def successors(code: Code, at: int) -> tuple[int, ...]:
    """Where the program may go on after the instruction at `at`, in the same function."""
    instruction = code.instructions[at]
    assert instruction is not None
    kind, operation = instruction.kind, instruction.code
    following = at + (2 if instruction.opcode == 0x18 else 1)
    if kind not in (JMP, JMP32) or operation == CALL:
        return (following,)
    if operation == EXIT:
        return ()
    if operation == JA:
        return (at + 1 + (instruction.immediate if kind == JMP32 else instruction.offset),)
    return following, at + 1 + instruction.offset
