"""Comparisons: numbers exactly, text by content, `in` for maps and tuples, `is` for None."""

from __future__ import annotations

from enum import EnumMeta, IntEnum
from ipaddress import IPv6Address

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.diagnostics import types as errors
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, U64, BoolType, IntType, PointerType
from pyebpf.irbuild import (
    integers,
    iteration,
    kernel_arrays,
    maps,
    memory,
    searching,
    text_methods,
    texts,
    tuples,
    values,
    wholes,
)
from pyebpf.irbuild.builder import Builder, is_address
from pyebpf.irbuild.operands import (
    Entries,
    Operand,
    Optional,
    OptionalValues,
    Range,
    Static,
    Values,
    describe,
    is_text,
    reference,
)
from pyebpf.lang.functions import Builtin
from pyebpf.lang.maps import Map
from pyebpf.lang.variables import Declared
from pyebpf.source import Span
from pyebpf.syntax import tree


def compare(
    b: Builder, operator: tree.CompareOperator, left: Operand, right: Operand, span: Span, spans: tuple[Span, Span]
) -> ops.Value:
    """`left operator right`, as a truth value."""
    if operator not in ("is", "is not", "in", "not in") and not (_is_none(left) or _is_none(right)):
        left, right = (_tuple(b, each, where) for each, where in zip((left, right), spans, strict=True))
        if isinstance(left, Values) and isinstance(right, Values):
            return tuples.compare(b, operator, left, right, span, spans, compare)
    match operator:
        case "is" | "is not":
            if not (_is_none(left) or _is_none(right)):
                b.error(
                    errors.IsOnlyNone(span, f"{spans[0].text} {'==' if operator == 'is' else '!='} {spans[1].text}")
                )
            found = _none_test(b, left if _is_none(right) else right, span)
            return b.negate(found, span) if operator == "is" else found
        case "in":
            return _contains(b, left, right, span, spans)
        case "not in":
            return b.negate(_contains(b, left, right, span, spans), span)
        case "==" | "!=":
            equal = _equal(b, left, right, span, spans)
            if equal is not None:
                return equal if operator == "==" else b.negate(equal, span)
    if is_text(left) and is_text(right):
        left, right = values.plain(b, left, spans[0]), values.plain(b, right, spans[1])
        return text_methods.order(b, operator, left, right, span)
    if not (values.is_number(left) and values.is_number(right)):
        b.error(errors.BadOperands(span, operator, describe(left), describe(right), _hint(left, right, spans)))
    return _numbers(b, operator, left, right, span, spans)


def _hint(left: Operand, right: Operand, spans: tuple[Span, Span]) -> str:
    """What was probably meant, where two things can't be compared."""
    for (one, span), other in (((left, spans[0]), right), ((right, spans[1]), left)):
        if isinstance(one, Static) and isinstance(one.value, Declared):
            return f"{span.text}.value"
        if isinstance(one, Static) and isinstance(one.value, Builtin):
            return f"call it: {span.text}()"
        if isinstance(one, Static) and isinstance(one.value, str) and ops.is_value(other):
            shown = other.type.shown_as if isinstance(other.type, IntType) else None
            if shown == layout.IPV4:
                return f"IPv4Address({span.text})"
    return ""


def _numbers(
    b: Builder, operator: ops.Comparison, left: Operand, right: Operand, span: Span, spans: tuple[Span, Span]
) -> ops.Value:
    x, y = values.plain(b, left, spans[0]), values.plain(b, right, spans[1])
    assert ops.is_value(x) and ops.is_value(y)
    both_bool = isinstance(x.type, BoolType) and isinstance(y.type, BoolType)
    if not (both_bool and operator in ("==", "!=")):
        x, y = values.number(b, x, spans[0]), values.number(b, y, spans[1])
    return b.compare(operator, x, y, span)


def _tuple(b: Builder, operand: Operand, span: Span) -> Operand:
    return values.plain(b, operand, span) if isinstance(operand, OptionalValues) else operand


def _is_none(operand: Operand) -> bool:
    return isinstance(operand, Static) and operand.value is None


def _none_test(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """Whether `operand` is there."""
    if isinstance(operand, Optional | OptionalValues):
        return operand.present
    if _is_none(operand):
        return b.truth(False, span)
    if ops.is_value(operand):
        type = operand.type
        if is_address(type) or (isinstance(type, PointerType) and type.nullable):
            return b.present(operand, span)
    return b.truth(True, span)


def _equal(b: Builder, left: Operand, right: Operand, span: Span, spans: tuple[Span, Span]) -> ops.Value | None:
    """Equality of what isn't two numbers, or None if both are."""
    if values.is_number(left) and values.is_number(right):
        return None
    left, right = _from_kernel(b, left, right, spans[0]), _from_kernel(b, right, left, spans[1])
    if _is_none(left) or _is_none(right):
        return b.negate(_none_test(b, left if _is_none(right) else right, span), span)
    if is_text(left) and is_text(right):
        return _equal_text(b, left, right, span, spans)
    left, right = values.plain(b, left, spans[0]), values.plain(b, right, spans[1])
    for one, other in ((left, right), (right, left)):
        if ops.is_value(one) and is_address(one.type) and isinstance(other, ops.Const) and other.value == 0:
            return b.negate(b.present(one, span), span)
    if ops.is_value(left) and ops.is_value(right) and is_address(left.type) and is_address(right.type):
        x, y = (b.emit(ops.Convert(each, layout.U64, U64, span)) for each in (left, right))
        return b.compare("==", x, y, span)
    whole = _equal_whole(b, left, right, span)
    if whole is None:
        b.error(errors.BadOperands(span, "==", describe(left), describe(right), _hint(left, right, spans)))
    return whole


def _from_kernel(b: Builder, operand: Operand, other: Operand, span: Span) -> Operand:
    """`operand`, which may be an array in kernel memory, as what `other` is: text, an address, an array."""
    if is_text(other):
        return kernel_arrays.as_text(b, operand, span)
    pointer = reference(other)
    type = memory.layout_of_address(other.value) if isinstance(other, Static) else pointer and pointer.target
    if isinstance(type, layout.Address | layout.Array):
        return kernel_arrays.copied(b, operand, type, span) or operand
    return operand


def _equal_whole(b: Builder, left: Operand, right: Operand, span: Span) -> ops.Value | None:
    """Equality of what lies in memory: structs, arrays, and addresses that are longer than a register."""
    for one, other in ((left, right), (right, left)):
        if not (ops.is_value(one) and isinstance(one.type, PointerType)):
            continue
        if isinstance(one.type.target, layout.Struct | layout.Array):
            same = ops.is_value(other) and isinstance(other.type, PointerType) and other.type.target == one.type.target
            return wholes.equal(b, one, other, one.type.target, span) if same and ops.is_value(other) else None
        if not isinstance(one.type.target, layout.Address):
            continue
        if isinstance(other, Static) and memory.layout_of_address(other.value) == one.type.target:
            assert isinstance(other.value, IPv6Address | MacAddress)
            return b.emit(ops.EqualBytes(one, other.value.packed, BOOL, span))
        if ops.is_value(other) and isinstance(other.type, PointerType) and other.type.target == one.type.target:
            return memory.equal_memory(b, one, other, one.type.target.size, span)
    return None


def _equal_text(b: Builder, left: Operand, right: Operand, span: Span, spans: tuple[Span, Span]) -> ops.Value:
    if isinstance(left, Static):
        left, right, spans = right, left, (spans[1], spans[0])
    if isinstance(left, Static) and isinstance(right, Static):
        return b.truth(left.value == right.value, span)
    if isinstance(right, Static):
        needed = len(str(right.value).encode("utf-8", "surrogatepass")) + 1
        address, type = texts.in_memory(b, left, max(needed, 1), spans[0])
        return memory.equal_literal(b, address, type, str(right.value), spans[1])
    return texts.equal(b, texts.text_of(b, left, spans[0]), texts.text_of(b, right, spans[1]), span)


def _contains(b: Builder, item: Operand, container: Operand, span: Span, spans: tuple[Span, Span]) -> ops.Value:
    if isinstance(container, Static) and isinstance(container.value, Map):
        map = maps.ref(b, container)
        if map.kind not in maps.INDEXED:
            return maps.contains(b, map, item, spans[0])
    if isinstance(container, Entries) and container.part == "keys" and not container.counted:
        return maps.contains(b, container.map, item, spans[0])
    if isinstance(container, Entries):
        hint = f"any(each == {spans[0].text} for each in {spans[1].text})"
        b.error(errors.WrongType(spans[1], "a map, an array, a tuple or a range after `in`", describe(container), hint))
    if isinstance(container, Range):
        return searching.in_range(b, values.number(b, item, spans[0]), container, span)
    if isinstance(container, Static) and isinstance(container.value, EnumMeta) and issubclass(container.value, IntEnum):
        return integers.contains(b, container.value, item, span, spans[0])
    if is_text(item) and is_text(container):
        item, container = values.plain(b, item, spans[0]), values.plain(b, container, spans[1])
        return text_methods.contains(b, item, container, span, spans)
    if is_text(container):
        b.error(errors.WrongType(spans[0], "text before `in`", describe(item), f"str({spans[0].text})"))
    container = _tuple(b, container, spans[1])
    if not isinstance(container, Values):
        kept = isinstance(container, Static) and isinstance(container.value, Map)
        items = iteration.items(b, container, spans[1]) if kept or reference(container) is not None else None
        if items is not None:
            return searching.search(b, items, lambda each: compare(b, "==", item, each, span, spans), span)
        b.error(errors.WrongType(spans[1], "a map, an array, a tuple or a range after `in`", describe(container), ""))
    return searching.search_each(b, container.items, lambda each: compare(b, "==", item, each, span, spans), span)
