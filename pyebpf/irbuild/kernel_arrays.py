"""Arrays in kernel memory: their elements, going through them, and copying them to memory of the program's own."""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import kernel_types as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import AddressType, IntType, PointerType, Region
from pyebpf.irbuild import kernel_structs, kernel_types, subscripts, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Items, KernelArray, KernelInteger, Operand, PendingText
from pyebpf.source import Span

MOST_ELEMENTS: Final = 1 << 20
"""Indexes that are followed into an array of which nobody says how long it is: the verifier wants a bound."""
LARGEST_COPY: Final = 256
"""Bytes, of 512 on the stack, that a name is given as an array."""


def of(operand: Operand, span: Span) -> KernelArray | None:
    """The array that `operand` is, or that it points to."""
    if isinstance(operand, KernelArray):
        return operand
    return kernel_structs.pointed(operand, span) if ops.is_value(operand) else None


def element(
    b: Builder, array: KernelArray, index: Operand, span: Span, index_span: Span, chained: bool, pending: bool
) -> Operand | KernelInteger:
    """`array[index]`."""
    number = values.number(b, index, index_span)
    if isinstance(number, ops.Const):
        at = number.value + array.length if number.value < 0 else number.value
        if number.value < 0 and not array.length:
            b.error(errors.NoLength(index_span, array.place.span.text, "count from its start"))
        if not 0 <= at < (array.length or MOST_ELEMENTS):
            b.error(type_errors.IndexOutOfRange(index_span, number.value, array.length or MOST_ELEMENTS))
        if at != number.value:
            number = b.const(at, index_span)
    else:
        number = _checked(b, number, array.length, span)
    place = kernel_structs.element(b, array, number, span)
    return kernel_structs.read(b, place, chained, pending)


def _checked(b: Builder, index: ops.Value, length: int, span: Span) -> ops.Value:
    if length:
        index = subscripts.from_end(b, index, length, span)
    else:
        assert isinstance(index.type, IntType)
        if index.type.low < 0:
            b.check(b.compare(">=", index, b.const(0, span), span), Fault.INDEX, span)
    b.check(b.compare("<", index, b.const(length or MOST_ELEMENTS, span), span), Fault.INDEX, span)
    return index


def length(b: Builder, array: KernelArray, span: Span) -> ops.Value:
    """`len(array)`."""
    if not array.length:
        b.error(errors.NoLength(span, span.text, ""))
    return b.const(array.length, span)


def items(b: Builder, array: KernelArray, span: Span) -> Items:
    """The array, to be gone through."""
    if not array.length:
        b.error(errors.NoLength(span, span.text, f"for i in range(16): … {span.text}[i]"))

    def at(b: Builder, number: ops.Value) -> Operand:
        found = kernel_structs.read(b, kernel_structs.element(b, array, number, span))
        assert not isinstance(found, KernelInteger)
        return found

    return Items("an array in kernel memory", b.const(array.length, span), at, False, False)


# Copies


def bytes_of(b: Builder, operand: Operand, type: layout.Type, span: Span) -> ops.Value | None:
    """The address in kernel memory from which a `type` can be copied, if `operand` is such an array."""
    array = operand.array if isinstance(operand, PendingText) else operand
    if isinstance(array, KernelArray):
        found = kernel_structs.address(b, array.place)
        if array.length and _alike(array, type):
            return found
        hint = f"copy it to a {array.element}[{array.length}]" if isinstance(array.element, layout.Integer) else ""
        use = f"copied to {'an' if str(type)[:1] in 'iI' else 'a'} {type}"
        b.error(errors.ArrayAsValue(span, span.text, use, hint))
    if ops.is_value(operand) and isinstance(operand.type, AddressType) and operand.type.space != "user":
        return operand if _alike_numbers(operand.type.target, type) else None
    return None


def _alike(array: KernelArray, type: layout.Type) -> bool:
    """Whether the numbers of `array` are those of `type`, and as many at least."""
    element = array.element
    if not isinstance(element, layout.Integer | layout.Boolean):
        return False
    return _alike_numbers(element, type) and type.size <= array.length * element.size


def _alike_numbers(element: object, type: layout.Type) -> bool:
    if not isinstance(element, layout.Integer | layout.Boolean):
        return False
    match type:
        case layout.Address():
            return element.size == 1
        case layout.Array(element=layout.Integer() as own):
            order = own.big_endian and own.size > 1
            other = isinstance(element, layout.Integer) and element.big_endian and element.size > 1
            signed = isinstance(element, layout.Integer) and element.signed
            return own.size == element.size and own.signed == signed and order == other
        case _:
            return False


def copied(b: Builder, operand: Operand, type: layout.Type, span: Span) -> ops.Value | None:
    """`operand`, an array in kernel memory, as a `type` on the stack; None if it is no such thing."""
    at = bytes_of(b, operand, type, span)
    if at is None:
        return None
    place = b.scratch("copied", type, span)
    kernel_structs.copy_bytes(b, place, at, type.size, span)
    return place


def as_text(b: Builder, operand: Operand, span: Span, bytes_too: bool = True) -> Operand:
    """`operand`; where that is letters or bytes in kernel memory, or points to them, the text that they are."""
    if isinstance(operand, KernelArray) and isinstance(operand.element, layout.Integer) and operand.element.size == 1:
        return kernel_structs.kernel_text(kernel_structs.address(b, operand.place), operand.length, span)
    if ops.is_value(operand) and (is_letters(operand) or (bytes_too and _points_to_bytes(operand.type))):
        return kernel_structs.kernel_text(operand, 0, span)
    return operand


def _points_to_bytes(type: object) -> bool:
    target = type.target if isinstance(type, AddressType) and type.space != "user" else None
    return isinstance(target, layout.Integer) and target.size == 1


def is_letters(operand: Operand) -> bool:
    """Whether `operand` is the address of text, by the kernel's types."""
    if not (ops.is_value(operand) and isinstance(operand.type, AddressType)):
        return False
    return operand.type.space != "user" and operand.type.target == kernel_types.CHAR


def named(b: Builder, array: KernelArray, span: Span) -> ops.Value:
    """What a name is given for an array: its numbers, copied."""
    element = array.element
    size = kernel_types.size(b, element) * array.length
    if not isinstance(element, layout.Integer | layout.Boolean) or not 0 < size <= LARGEST_COPY:
        b.error(errors.ArrayAsValue(span, span.text, "kept in a variable", f"{span.text}[0]"))
    slot = b.slot("copied", layout.Array(element, array.length), span)
    assert isinstance(slot.type, PointerType) and slot.type.region is Region.STACK
    kernel_structs.copy_whole(b, slot, kernel_structs.address(b, array.place), slot.type.target, span)
    return slot
