"""Memory as an argument: an array or a struct, whole, or the first so many elements of an array.

    packet.read(14, buffer[:n])

The slice is the array's own memory, as that of a memoryview is. As in Python it ends where the array does; its length
may be any number that isn't negative, and the verifier sees that it is small enough.
"""

from __future__ import annotations

from typing import NoReturn, final

from pyebpf import layout
from pyebpf.diagnostics import helpers as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import IntType, PointerType, Region
from pyebpf.irbuild import constants, copies, expressions, memory, order, slices, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, PendingText, Place, Static, describe, is_text, reference
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree

CONTIGUOUS = (Region.STACK, Region.MAP, Region.RING, Region.DATA)
"""Where memory lies that the kernel's functions may be given."""


@final
@dataclass(frozen=True, slots=True)
class Buffer:
    """Memory: its address, and how much of it is meant."""

    address: ops.Value
    size: ops.Value
    """In bytes, at most `most`."""
    most: int
    span: Span

    @property
    def may_be_empty(self) -> bool:
        return not isinstance(self.size, ops.Const)


def given(b: Builder, node: tree.Expression, name: str, written: bool, later: tuple[tree.Expression, ...]) -> Buffer:
    """The memory that `node` is. `written`: whether `name`, which takes it, writes there."""
    if isinstance(node, tree.Subscript) and isinstance(node.index, tree.Slice):
        base = expressions.evaluate(b, node.value)
        if not is_text(base):
            return _slice(b, values.plain(b, base, node.value.span), node, name, written)
    operand = expressions.evaluate(b, node)
    if not written:
        operand = order.kept(b, operand, node.span, later)
    return of_operand(b, operand, node.span, name, written)


def of_operand(b: Builder, operand: Operand, span: Span, name: str, written: bool) -> Buffer:
    """The same, of what was evaluated before."""
    operand = values.plain(b, operand, span)
    if is_text(operand) and not written:
        operand = _text(b, operand, span)
    pointer = reference(operand)
    if pointer is None or not ops.is_value(operand) or (is_text(operand) and written):
        _refuse(b, operand, span, name, written)
    address = reachable(b, operand, pointer, span, written)
    return Buffer(address, b.const(pointer.target.size, span), pointer.target.size, span)


def _text(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """Text that is only read, with its place in memory."""
    if isinstance(operand, Static):
        data = str(operand.value).encode("utf-8", "surrogatepass")
        return memory.materialize(b, "text", layout.Text(max(len(data), 1)), operand, span)
    if isinstance(operand, PendingText):
        if not operand.length:
            b.error(type_errors.TextNeedsPlace(span, span.text))
        return memory.materialize(b, "text", layout.Text(operand.length), operand, span)
    assert ops.is_value(operand)
    return operand


def _refuse(b: Builder, operand: Operand, span: Span, name: str, written: bool) -> NoReturn:
    what = "it writes there" if written else "it reads what is there"
    hint = "buffer = u8[64]()" if written else "data = u64[1](x)" if values.is_number(operand) else ""
    b.error(errors.NoMemory(span, name, describe(operand), what, hint))


def reachable(b: Builder, address: ops.Value, pointer: PointerType, span: Span, written: bool) -> ops.Value:
    """`address`, or where what lies in a packet was copied to, which helpers of most programs don't read from."""
    copies.check(b, pointer.target, span, address)
    if written and not pointer.writable:
        b.error(type_errors.ReadOnly(span, f"`{span.text}`"))
    if pointer.region in CONTIGUOUS or (pointer.region is Region.SLICE and pointer.writable):
        return address
    if written:
        what = "memory of an arena" if pointer.region is Region.ARENA else "a part of the packet"
        b.error(errors.NoMemory(span, span.text, what, "it writes there", "buffer = u8[64]()"))
    copy = b.scratch("part", pointer.target, span)
    memory.store(b, Place(copy, pointer.target, "part", span), address, span)
    return copy


def _slice(b: Builder, base: Operand, node: tree.Subscript, name: str, written: bool) -> Buffer:
    index = node.index
    assert isinstance(index, tree.Slice)
    pointer = reference(base)
    if pointer is None or not isinstance(pointer.target, layout.Array) or not ops.is_value(base):
        _refuse(b, base, node.value.span, name, written)
    starts = index.start is None or constants.fold(b, index.start) == 0
    if not starts or index.stop is None or index.step is not None or constants.fold(b, index.stop) is not None:
        place = slices.view(b, base, node, expressions.evaluate)
        return of_operand(b, place.address, node.span, name, written)
    array, span = pointer.target, index.stop.span
    count = b.unsigned(values.number(b, expressions.evaluate(b, index.stop), span), span)
    address = reachable(b, base, pointer, node.span, written)
    limit = b.const(array.length, span)
    inside = b.choose(b.compare("<", count, limit, span), IntType(0, array.length), count, limit, span)
    if array.element.size > 1:
        unit = b.const(array.element.size, span)
        inside = b.emit(ops.Binary("*", inside, unit, IntType(0, array.size), span))
    # Never fails; but what is known of `count` here the verifier may not know, as in a function that runs a loop.
    b.check(b.compare("<=", inside, b.const(array.size, span), span), Fault.INDEX, span)
    return Buffer(address, inside, array.size, node.span)
