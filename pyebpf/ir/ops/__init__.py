"""The ops. An op that computes something is its own value: operands are references to other ops.

Ops compare by identity. Control flow is structured: `If`, `Loop` and `Scope`
hold blocks; `Break`, `Continue` and `Return` end one. What changes over time
lives in `Local`s (scalars) and `Slot`s (memory on the stack).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import TypeAlias, TypeGuard, final, get_args

from pyebpf.ir.ops.base import Arithmetic, Block, Comparison, Label, Local, Slot, Strategy
from pyebpf.ir.ops.control import Break, Continue, Counting, If, Loop, Raise, Return, Scope
from pyebpf.ir.ops.effects import (
    AtomicAdd,
    Check,
    ContextStore,
    Copy,
    CountDropped,
    Entries,
    Forget,
    ForgetBytes,
    LocalSet,
    RingDiscard,
    RingSubmit,
    Run,
    Store,
    StoreBytes,
    Zero,
)
from pyebpf.ir.ops.outside import (
    Call,
    CallbackAddress,
    CallbackPart,
    ContextLoad,
    ContextPointer,
    EntryPart,
    KernelAddress,
    KernelFact,
    KernelField,
    KernelQuestion,
    KfuncCall,
    KsymAddress,
    MapAddress,
    MapDelete,
    MapLookup,
    MapUpdate,
    NextEntry,
    PacketAdvance,
    PacketData,
    PacketFits,
    PacketLength,
    RingReserve,
)
from pyebpf.ir.ops.values import (
    Binary,
    BitLength,
    Compare,
    Const,
    Convert,
    ElementAddress,
    EqualBytes,
    Load,
    LocalGet,
    MemberAddress,
    Not,
    NotNull,
    Null,
    Present,
    Prove,
    SlotAddress,
    VariableAddress,
    ZeroAddress,
)
from pyebpf.records import dataclass

__all__ = [
    "Alias",
    "Arithmetic",
    "AtomicAdd",
    "Binary",
    "BitLength",
    "Block",
    "Break",
    "Call",
    "CallbackAddress",
    "CallbackPart",
    "Check",
    "Compare",
    "Comparison",
    "Const",
    "ContextLoad",
    "ContextPointer",
    "ContextStore",
    "Continue",
    "Control",
    "Convert",
    "Copy",
    "CountDropped",
    "Counting",
    "ENDS",
    "Effect",
    "ElementAddress",
    "Entries",
    "EntryPart",
    "EqualBytes",
    "Forget",
    "ForgetBytes",
    "If",
    "KernelAddress",
    "KernelFact",
    "KernelField",
    "KernelQuestion",
    "KfuncCall",
    "KsymAddress",
    "Label",
    "Load",
    "Local",
    "LocalGet",
    "LocalSet",
    "Loop",
    "MapAddress",
    "MapDelete",
    "MapLookup",
    "MapUpdate",
    "MemberAddress",
    "NextEntry",
    "Not",
    "NotNull",
    "Null",
    "Op",
    "PacketAdvance",
    "PacketData",
    "PacketFits",
    "PacketLength",
    "Present",
    "Prove",
    "RENEWABLE",
    "Raise",
    "Return",
    "RingDiscard",
    "RingReserve",
    "RingSubmit",
    "Run",
    "Scope",
    "Slot",
    "SlotAddress",
    "Store",
    "StoreBytes",
    "Strategy",
    "VALUES",
    "Value",
    "VariableAddress",
    "Zero",
    "ZeroAddress",
    "blocks",
    "is_value",
    "operands",
    "walk",
]

Value: TypeAlias = (
    Const
    | Null
    | LocalGet
    | SlotAddress
    | VariableAddress
    | ZeroAddress
    | MemberAddress
    | ElementAddress
    | Load
    | Binary
    | Compare
    | Not
    | Present
    | Convert
    | BitLength
    | Prove
    | NotNull
    | MapLookup
    | MapUpdate
    | MapDelete
    | MapAddress
    | NextEntry
    | EntryPart
    | CallbackAddress
    | CallbackPart
    | RingReserve
    | Call
    | KfuncCall
    | ContextPointer
    | ContextLoad
    | KernelField
    | KernelAddress
    | KsymAddress
    | KernelFact
    | PacketData
    | PacketLength
    | PacketAdvance
    | PacketFits
    | EqualBytes
)
Effect: TypeAlias = (
    LocalSet
    | Store
    | StoreBytes
    | Zero
    | Copy
    | AtomicAdd
    | ContextStore
    | RingSubmit
    | RingDiscard
    | CountDropped
    | Entries
    | Forget
    | ForgetBytes
    | Run
    | Check
)
Control: TypeAlias = If | Loop | Scope | Break | Continue | Return | Raise
Op: TypeAlias = Value | Effect | Control


@final
@dataclass(frozen=True, slots=True)
class Alias:
    """Not an op: a rewrite's answer that `value` takes the place of the op in question."""

    value: Value


VALUES: tuple[type, ...] = get_args(Value)
ENDS: tuple[type, ...] = (Break, Continue, Return, Raise)
"""What nothing follows in its block."""


_VALUES = frozenset(VALUES)
_NESTING = frozenset({If, Loop, Scope, Check})


def _fields(pattern: str) -> dict[type, tuple[str, ...]]:
    """By kind of op: the names of its fields whose types are named in `pattern`."""
    kinds = (*VALUES, *get_args(Effect), *get_args(Control))
    return {kind: tuple(each.name for each in fields(kind) if re.search(pattern, str(each.type))) for kind in kinds}


_OPERANDS = _fields(r"\bValue\b")
RENEWABLE = _fields(r"\b(Value|Block|Counting)\b")
"""Fields that hold values or blocks, or something that holds some."""


def operands(op: Op) -> tuple[Value, ...]:
    """The values that `op` uses, in the order of its fields; what nested blocks use is not among them."""
    found: list[Value] = []
    for name in _OPERANDS[type(op)]:
        item = getattr(op, name)
        if isinstance(item, tuple):
            found.extend(item)
        elif item is not None:
            found.append(item)
    if isinstance(op, Loop) and op.counting is not None:
        found += (op.counting.start, op.counting.stop)
    return tuple(found)


def is_value(item: object) -> TypeGuard[Value]:
    """Whether `item` is an op that computes something."""
    return type(item) in _VALUES


def entries_of(loop: Loop) -> Entries | None:
    """What a loop over a map's entries, or over a ring's records, goes through."""
    if loop.strategy != "entries":
        return None
    test = loop.body.ops[0]
    assert isinstance(test, NextEntry)
    return test.entries


def blocks(op: Op) -> tuple[Block, ...]:
    """The blocks inside `op`."""
    if type(op) not in _NESTING:
        return ()
    match op:
        case If():
            return (op.then, op.orelse)
        case Loop():
            return (op.body, op.step)
        case Scope():
            return (op.body,)
        case Check():
            return (op.failing,) if op.failing is not None else ()
        case _:
            return ()


def walk(block: Block) -> Iterator[Op]:
    """Every op in `block`, nested ones included, in order."""
    return iter(_all(block, []))


def _all(block: Block, found: list[Op]) -> list[Op]:
    # Generators in generators would take as many steps for each op as it is deep.
    for op in block.ops:
        found.append(op)
        if type(op) in _NESTING:
            for inner in blocks(op):
                _all(inner, found)
    return found
