"""`array[i]`: elements of arrays in memory, with Python's negative indexes and IndexError."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import types as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import IntType, PointerType
from pyebpf.irbuild import arithmetic, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Place, describe
from pyebpf.source import Span


def element_place(b: Builder, base: Operand, index: Operand, span: Span, index_span: Span, base_span: Span) -> Place:
    """The place of `base[index]`, checked."""
    if not (ops.is_value(base) and isinstance(base.type, PointerType) and isinstance(base.type.target, layout.Array)):
        b.error(errors.WrongType(base_span, "an array or a map", describe(base), ""))
    array, number = base.type.target, values.number(b, index, index_span)
    if isinstance(number, ops.Const):
        at = number.value + array.length if number.value < 0 else number.value
        if not 0 <= at < array.length:
            b.error(errors.IndexOutOfRange(index_span, number.value, array.length))
        return Place(b.member(base, at * array.element.size, array.element, span), array.element, span.text, span)
    number = from_end(b, number, array.length, span)
    inside = b.compare("<", number, b.const(array.length, span), span)
    b.check(inside, Fault.INDEX, span)
    pointer = PointerType(array.element, base.type.region, writable=base.type.writable)
    address = b.emit(ops.ElementAddress(base, number, array.length, pointer, span))
    return Place(address, array.element, span.text, span)


def from_end(b: Builder, index: ops.Value, length: int, span: Span) -> ops.Value:
    """An index that is not negative: those below zero count from the end. IndexError before the first element."""
    chosen = counted(b, index, length, span)
    assert isinstance(chosen.type, IntType)
    if chosen.type.low < 0:
        b.check(b.compare(">=", chosen, b.const(0, span), span), Fault.INDEX, span)
    return chosen


def counted(b: Builder, index: ops.Value, length: int, span: Span) -> ops.Value:
    """An index, counted from the end if it is below zero: what is before the first element still is."""
    assert isinstance(index.type, IntType)
    if index.type.low >= 0:
        return index
    count = b.const(length, span)
    from_end = arithmetic.arithmetic(b, "+", index, count, span, (span, span))
    negative = b.compare("<", index, b.const(0, span), span)
    ends = (index.type.low + length, min(index.type.high, -1) + length)
    low, high = (min(ends[0], 0), max(ends[1], index.type.high)) if index.type.high >= 0 else ends
    return b.choose(negative, IntType(low, high), from_end, index, span)
