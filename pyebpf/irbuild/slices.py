"""`array[1:4]`: some elements of an array, copied, as a slice of a Python list is. Its length is known when compiling.

A slice that is only looked at (compared), or assigned to, is not copied: it is a view of the array's own memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn, final

from pyebpf import layout
from pyebpf.diagnostics import data as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, Obligation
from pyebpf.ir.types import I64_MAX, IntType, PointerType
from pyebpf.irbuild import constants, memory, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Place, reference
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree

Evaluate = Callable[[Builder, tree.Expression], Operand]
MOST_STEPS: Final = 64
"""Elements of a slice with a step, which are copied one by one."""


@final
@dataclass(frozen=True, slots=True)
class _Part:
    """`count` elements from `first` on, `step` apart."""

    first: ops.Value
    count: int
    step: int


def is_slice(node: tree.Expression) -> bool:
    return isinstance(node, tree.Subscript) and isinstance(node.index, tree.Slice)


def read(b: Builder, base: Operand, node: tree.Subscript, evaluate: Evaluate) -> ops.Value:
    """A new array with the elements of `base[start:stop:step]`."""
    array, address = _array(b, base, node)
    part = _part(b, array, node, evaluate)
    type = layout.Array(array.element, part.count)
    if part.step == 1:
        return memory.duplicate(b, _view(b, address, array, part, node.span), type, "slice", node.span)
    if b.in_loop:  # in the next round it may be a slice of this very copy
        held = memory.hold(b, address, node.span)
        assert ops.is_value(held)
        address = held
    new = b.slot("slice", type, node.span)
    b.zero(new, type.size, node.span)
    assert isinstance(part.first, ops.Const)
    size = array.element.size
    for number in range(part.count):
        taken, given = (part.first.value + number * part.step) * size, number * size
        element = b.member(address, taken, array.element, node.span)
        place = Place(b.member(new, given, array.element, node.span), array.element, "", node.span)
        memory.store(b, place, memory.load(b, element, array.element, node.span), node.span)
    return new


def view(b: Builder, base: Operand, node: tree.Subscript, evaluate: Evaluate) -> Place:
    """The place of `base[start:stop]` in the array itself: to be compared, or assigned to."""
    array, address = _array(b, base, node)
    part = _part(b, array, node, evaluate)
    if part.step != 1:
        assert isinstance(node.index, tree.Slice) and node.index.step is not None
        span = node.index.step.span
        b.error(type_errors.WrongType(span, "a slice without a step", f"a step of {part.step}", ""))
    found = _view(b, address, array, part, node.span)
    return Place(found, layout.Array(array.element, part.count), node.span.text, node.span, slice=True)


def _array(b: Builder, base: Operand, node: tree.Subscript) -> tuple[layout.Array, ops.Value]:
    base = values.plain(b, base, node.value.span)
    pointer = reference(base)
    if pointer is None or not isinstance(pointer.target, layout.Array):
        b.error(type_errors.WrongType(node.index.span, "one index", "a slice", ""))
    assert ops.is_value(base)
    return pointer.target, base


def _view(b: Builder, address: ops.Value, array: layout.Array, part: _Part, span: Span) -> ops.Value:
    type = layout.Array(array.element, part.count)
    if isinstance(part.first, ops.Const):
        return b.member(address, part.first.value * array.element.size, type, span)
    pointer = address.type
    assert isinstance(pointer, PointerType)
    element = PointerType(array.element, pointer.region, writable=pointer.writable)
    # Of the last place where the slice may start the verifier must see that the rest of it is inside as well.
    first = b.emit(ops.ElementAddress(address, part.first, array.length - part.count + 1, element, span))
    return b.member(first, 0, type, span)


def _part(b: Builder, array: layout.Array, node: tree.Subscript, evaluate: Evaluate) -> _Part:
    index = node.index
    assert isinstance(index, tree.Slice)
    bounds = [None if part is None else constants.fold(b, part) for part in (index.start, index.stop, index.step)]
    known = [part is None or bound is not None for part, bound in zip((index.start, index.stop, index.step), bounds)]
    if all(known):
        if bounds[2] == 0:
            assert index.step is not None
            b.error(type_errors.WrongType(index.step.span, "a step other than zero", "0", ""))
        chosen = range(*slice(*bounds).indices(array.length))
        if not chosen:
            b.error(errors.EmptySlice(index.span, node.span.text))
        if chosen.step != 1 and len(chosen) > MOST_STEPS:
            b.error(type_errors.OutOfRange(index.span, len(chosen), "a slice with a step", 1, MOST_STEPS))
        return _Part(b.const(chosen.start, index.span), len(chosen), chosen.step)
    return _moving(b, array, node, index, evaluate)


def _moving(b: Builder, array: layout.Array, node: tree.Subscript, index: tree.Slice, evaluate: Evaluate) -> _Part:
    """`a[i:i + 4]`: it starts anywhere, and its length is constant."""
    start, count = index.start, _length_after(b, index)
    if start is None or count is None or index.step is not None:
        _unknown_length(b, node, index)
    if count <= 0:
        b.error(errors.EmptySlice(index.span, node.span.text))
    if count > array.length:
        b.error(type_errors.WrongType(index.span, f"at most {array.length} elements", str(count), ""))
    first = values.number(b, evaluate(b, start), start.span)
    last = array.length - count
    inside = b.prove(first, IntType(0, min(last, I64_MAX)), Obligation.FITS, start.span)
    if isinstance(first.type, IntType) and first.type.low < 0:  # what is proven here the verifier may have to see
        b.check(b.compare(">=", inside, b.const(0, start.span), start.span), Fault.INDEX, start.span)
    b.check(b.compare("<=", inside, b.const(last, start.span), start.span), Fault.INDEX, start.span)
    return _Part(inside, count, 1)


def _length_after(b: Builder, index: tree.Slice) -> int | None:
    """The constant that is added to the start of a slice to give its end."""
    start, stop = index.start, index.stop
    if not (isinstance(stop, tree.Binary) and stop.operator == "+" and isinstance(start, tree.Name | tree.Attribute)):
        return None
    for one, other in ((stop.left, stop.right), (stop.right, stop.left)):
        if isinstance(one, type(start)) and one.span.text == start.span.text:
            return constants.fold(b, other)
    return None


def _unknown_length(b: Builder, node: tree.Subscript, index: tree.Slice) -> NoReturn:
    start = index.start.span.text if isinstance(index.start, tree.Name | tree.Attribute) else "i"
    b.error(errors.SliceLength(index.span, f"{node.value.span.text}[{start}:{start} + 4]"))
