"""Packets that are read in place: pointers between `data` and `data_end`."""

from __future__ import annotations

from typing import Final

from pyebpf.codegen import memory
from pyebpf.codegen.text import Code, Operand
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir.types import IntType, ValueType
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.packets import access_of

_MAX_ADVANCE: Final = 0xFFFF


def data(code: Code, kind: ContextKind) -> Operand:
    """The first byte."""
    return Operand(code.value(f"inttoptr i64 {_bound(code, kind, 0)} to ptr"), "ptr")


def length(code: Code, kind: ContextKind) -> Operand:
    """Bytes that can be read in place. All 64 bits of both ends are needed, whatever is done with the outcome: the
    verifier lets nobody keep half a pointer on the stack."""
    start, end = _bound(code, kind, 0), _bound(code, kind, 1)
    return Operand(code.hidden(code.value(f"sub i64 {end}, {start}")), "i64")


def fits(code: Code, kind: ContextKind, pointer: str, size: int) -> Operand:
    """Whether `size` bytes from `pointer` are in the packet."""
    after = memory.at(code, pointer, size)
    end = code.value(f"inttoptr i64 {_bound(code, kind, 1)} to ptr")
    return Operand(code.value(f"icmp ule ptr {after}, {end}"), "i1")


def advance(code: Code, pointer: str, amount: str, type: ValueType) -> Operand:
    """`pointer` moved on by `amount`, a number or a register. What the verifier learns of a sum it doesn't know of the
    same sum computed again, so LLVM is kept from doing that."""
    if amount.isdigit():
        return Operand(memory.at(code, pointer, int(amount)), "ptr")
    if not (isinstance(type, IntType) and type.low >= 0 and type.high <= _MAX_ADVANCE):
        amount = code.value(f"and i64 {amount}, {_MAX_ADVANCE}")
    moved = code.value(f"getelementptr i8, ptr {pointer}, i64 {amount}")
    return Operand(code.hidden(moved, "ptr"), "ptr")


def _bound(code: Code, kind: ContextKind, which: int) -> str:
    """`data` (0) or `data_end` (1) as i64. The kernel gives out pointers though the fields are u32."""
    access = access_of(kind)
    if access.ends is None:
        raise InternalError(f"{kind.name} has no packet to read in place")
    address = memory.at(code, "%ctx", access.ends[which])
    if access.width == 8:
        return code.value(f"load i64, ptr {address}, align 8")
    return code.value(f"zext i32 {code.value(f'load i32, ptr {address}, align 4')} to i64")
