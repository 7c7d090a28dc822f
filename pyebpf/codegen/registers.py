"""How values lie in registers, and which of them are added to addresses; and the section that a program goes to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

from pyebpf.ir import ops
from pyebpf.ir.module import Function, Program
from pyebpf.ir.sizes import sizes
from pyebpf.ir.types import BoolType, IntType, NoneType, ValueType
from pyebpf.records import dataclass


def register(type: ValueType) -> str:
    """How a value lies in LLVM's registers."""
    match type:
        case IntType() | NoneType():
            return "i64"
        case BoolType():
            return "i1"
        case _:
            return "ptr"


def parameters(home: Program | Function) -> tuple[tuple[str, str], ...]:
    """What it is given: LLVM's types and names."""
    if isinstance(home, Program) and home.callback is not None:
        return (("ptr", "map"), ("ptr", "key"), ("ptr", "value"))
    if isinstance(home, Program):
        return (("ptr", "ctx"),)
    match home.kind:
        case "loop":
            return (("i64", "round"), ("ptr", "frame"))
        case "entries":
            return (("ptr", "map"), ("ptr", "key"), ("ptr", "value"), ("ptr", "frame"))
        case "records":
            return (("ptr", "record"), ("ptr", "frame"))
        case "call":
            return (("ptr", "frame"),)


def section(program: Program) -> str:
    """The section's name, by which libbpf knows where to attach."""
    if not program.argument:
        return program.hook.section.partition("/{")[0]
    named = program.hook.target is not None  # a function of a module: as the kernel has it
    argument = program.argument if named else program.argument.replace(":", "/")
    return program.hook.section.replace("{place}", program.argument).replace("{argument}", argument)


def indexes(block: ops.Block) -> Iterator[ops.Value]:
    """Values that are added to addresses, and what they are masked from."""
    for op in block.ops:
        if isinstance(op, ops.Call | ops.KfuncCall):
            yield from sizes(op)
        if isinstance(op, ops.ElementAddress | ops.PacketAdvance):
            index = op.index if isinstance(op, ops.ElementAddress) else op.amount
            if isinstance(index, ops.Prove) and isinstance(index.value, ops.Convert):
                index = index.value.value  # the same 64 bits, of which a check found out the range
            yield index
            if isinstance(index, ops.Binary) and index.operator == "&":
                yield index.left
        for inner in ops.blocks(op):
            yield from indexes(inner)


@final
@dataclass(frozen=True, slots=True)
class Label:
    """Where Break and Continue go; `last` as for blocks, of what comes after the label's end."""

    after: str
    step: str
    last: bool
