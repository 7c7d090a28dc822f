"""Dynptrs as arguments, and the slices that they give.

    ip = bpf_dynptr_slice(data, 14, IPv4)       a reference into the packet; NullPointerError if it ends before
    dynptr_data(room, 0, u64)                   of a number, its value

A slice is asked for by its type. What isn't in one piece `bpf_dynptr_slice` copies to a buffer, which is the
compiler's, so it can only be read; `bpf_dynptr_slice_rdwr` is given none, so that what is written surely gets where it
should.
"""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import dynptrs as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import DYNPTR, PointerType, Region, is_scalar
from pyebpf.irbuild import expressions, memory, text_scan
from pyebpf.irbuild.buffers import Buffer
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Dynptr, Operand, Static, describe, describe_type
from pyebpf.kernel.dynptrs import Slicer
from pyebpf.lang.headers import HeaderType
from pyebpf.lang.types import layout_or_none
from pyebpf.source import Span
from pyebpf.syntax import tree

ROOM: Final = PointerType(DYNPTR, Region.STACK)


def address(b: Builder, slot: ops.Slot, span: Span) -> ops.Value:
    return b.emit(ops.SlotAddress(slot, ROOM, span))


def argument(b: Builder, operand: Operand, span: Span, *, optional: bool = False) -> ops.Value:
    """A dynptr that a call takes; `optional`: or None."""
    if optional and isinstance(operand, Static) and operand.value is None:
        return b.emit(ops.Null(PointerType(DYNPTR, Region.STACK, nullable=True), span))
    if not isinstance(operand, Dynptr):
        hint = "with dynptr_from_mem(memory, 0) as data:"
        b.error(type_errors.WrongType(span, "a dynptr", describe(operand), hint))
    return address(b, operand.slot, span)


def moves(b: Builder, node: tree.Expression) -> bool:
    """Whether writing to the dynptr that `node` names may give the packet other memory."""
    operand = expressions.evaluate(b, node) if isinstance(node, tree.Name) else None
    return isinstance(operand, Dynptr) and operand.maker.moves


def slice_type(b: Builder, node: tree.Expression, name: str) -> layout.Type:
    """The type that a part of a dynptr shall be read as: the last argument of what gives slices."""
    operand = expressions.evaluate(b, node)
    value = operand.value if isinstance(operand, Static) else None
    type = value.header.struct if isinstance(value, HeaderType) else layout_or_none(value)
    if type is None:
        b.error(type_errors.WrongType(node.span, "a type", describe(operand), f"{name}(data, 0, u8[14])"))
    if layout.locks(type) or layout.renewed(type):
        b.error(type_errors.WrongType(node.span, "a type without locks and timers", f"`{type}`", ""))
    return type


def buffer(b: Builder, slicer: Slicer, type: layout.Type, span: Span) -> tuple[ops.Value, ...]:
    """What a slicer is given for the type: its size, and before it a buffer where it takes one."""
    size = b.const(type.size, span)
    if not slicer.buffer:
        return (size,)
    if slicer.buffer == "null":
        return b.emit(ops.Null(PointerType(type, Region.STACK, nullable=True), span)), size
    room = b.slot("slice", type, span)
    b.zero(room, type.size, span)
    return room, size


def slice_pointer(slicer: Slicer, type: layout.Type) -> PointerType:
    """The type of what a slicer gives."""
    return PointerType(type, Region.SLICE, nullable=True, writable=slicer.writable)


def part(b: Builder, found: ops.Value, span: Span) -> Operand:
    """What lies where a slicer has pointed: a number, text, or a reference. NullPointerError if it points nowhere."""
    b.check(b.present(found, span), Fault.NULL_POINTER, span)
    there = b.not_null(found, span)
    assert isinstance(there.type, PointerType)
    type = there.type.target
    if isinstance(type, layout.Text):
        return text_scan.whole(there, span)
    return memory.load(b, there, type, span) if is_scalar(type) else there


def lasting(b: Builder, name: str, buffer: Buffer) -> None:
    """A diagnostic unless `buffer` is memory that a dynptr may point to."""
    pointer = buffer.address.type
    assert isinstance(pointer, PointerType)
    if pointer.region not in (Region.MAP, Region.DATA):
        found = f"{describe_type(pointer.target)} in {pointer.region.value} memory"
        b.error(errors.DynptrOfMaps(buffer.span, name, found))
