"""Integers as Python's objects: `n.bit_length()`, `divmod`, `hex(n)`, and the members of an IntEnum."""

from __future__ import annotations

import difflib
from enum import IntEnum
from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import text as text_errors
from pyebpf.diagnostics import types as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import BOOL, U64, BoolType, IntType
from pyebpf.irbuild import arithmetic, text_build, texts, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Method, Operand, Static, Values, describe
from pyebpf.irbuild.texts import calculate
from pyebpf.source import Span
from pyebpf.syntax import tree

METHODS: Final = ("bit_length", "bit_count")
FORMATS: Final = {"hex": "#x", "oct": "#o", "bin": "#b"}
PAIRS, QUADS, EIGHTS, ONES = 0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x0101010101010101
Argument = tuple[Operand, Span]


def attribute(b: Builder, base: Operand, name: str, name_span: Span) -> Operand:
    """`n.name` of a number."""
    if name in METHODS:
        return Method(base, name)
    shown = base.type.shown_as if ops.is_value(base) and isinstance(base.type, IntType) else None
    if isinstance(shown, layout.Enumeration) and name == "value":
        assert ops.is_value(base) and isinstance(base.type, IntType)
        if isinstance(base, ops.Const):
            return b.const(base.value, name_span)
        plain = IntType(base.type.low, base.type.high)
        return b.emit(ops.Convert(base, shown.base, plain, name_span))
    if isinstance(shown, layout.Enumeration) and name == "name":
        hint = "store the member: Python shows it by its name"
        b.error(name_errors.UnknownAttribute(name_span, f"{shown} in a probe", "attribute", name, hint))
    near = difflib.get_close_matches(name, METHODS, n=1, cutoff=0.6)
    hint = f"did you mean `{near[0]}`?" if near else ""
    b.error(name_errors.UnknownAttribute(name_span, describe(base), "attribute", name, hint))


def method(b: Builder, receiver: Operand, name: str, arguments: list[Argument], span: Span) -> ops.Value:
    """`n.bit_length()`, `n.bit_count()`."""
    if arguments:
        b.error(name_errors.WrongArguments(span, name, "no arguments", f"{len(arguments)}"))
    value = values.number(b, receiver, span)
    if isinstance(value, ops.Const):
        number = abs(value.value)
        return b.const(number.bit_length() if name == "bit_length" else bin(number).count("1"), span)
    magnitude = _magnitude(b, value, span)
    if name == "bit_length":
        return b.emit(ops.BitLength(magnitude, IntType(0, 64), span))
    return _ones(b, magnitude, span)


def _magnitude(b: Builder, value: ops.Value, span: Span) -> ops.Value:
    """The distance from zero, which of the smallest i64 only u64 holds."""
    assert isinstance(value.type, IntType)
    if value.type.low >= 0:
        return value
    whole = b.emit(ops.Convert(value, layout.U64, U64, span))
    negative = calculate(b, ">>", whole, 63, span)
    mask = b.emit(ops.Binary("-", b.const(0, span), negative, U64, span))
    return calculate(b, "+", calculate(b, "^", whole, mask, span), negative, span)


def _ones(b: Builder, value: ops.Value, span: Span) -> ops.Value:
    """How many bits are set: counted in pairs, in fours, in bytes."""
    half = calculate(b, "&", calculate(b, ">>", value, 1, span), PAIRS, span)
    pairs = calculate(b, "-", value, half, span)
    high = calculate(b, "&", calculate(b, ">>", pairs, 2, span), QUADS, span)
    fours = calculate(b, "+", calculate(b, "&", pairs, QUADS, span), high, span)
    each = calculate(b, "&", calculate(b, "+", fours, calculate(b, ">>", fours, 4, span), span), EIGHTS, span)
    total = calculate(b, "*", each, ONES, span)
    return b.emit(ops.Binary(">>", total, b.const(56, span), IntType(0, 64), span))


def function(b: Builder, name: str, arguments: list[Argument], span: Span) -> Operand:
    """`divmod(a, b)`, `pow(a, 3)`, `hex(n)`, `oct(n)`, `bin(n)`, `chr(65)`."""
    takes = 2 if name in ("divmod", "pow") else 1
    if len(arguments) != takes:
        what = "two integers" if takes == 2 else "one integer"
        b.error(name_errors.WrongArguments(span, name, what, f"{len(arguments)}"))
    if name in FORMATS:
        number = values.number(b, *arguments[0])
        return text_build.join(b, [text_build.Piece(number, arguments[0][1], "", FORMATS[name])], span)
    if name == "chr":
        return _character(b, arguments[0], span)
    (left, left_span), (right, right_span) = arguments
    spans = (left_span, right_span)
    if name == "pow":
        return arithmetic.binary(b, "**", left, right, span, spans)
    x, y = values.number(b, left, left_span), values.number(b, right, right_span)
    return Values((arithmetic.binary(b, "//", x, y, span, spans), arithmetic.binary(b, "%", x, y, span, spans)))


def _character(b: Builder, argument: Argument, span: Span) -> Operand:
    number = values.number(b, *argument)
    if not isinstance(number, ops.Const):
        b.error(errors.NotConstant(argument[1], "what `chr` is given", 'compare numbers: ord(name[0]) == ord("/")'))
    if not 0 < number.value <= 0x10FFFF or 0xD800 <= number.value <= 0xDFFF:
        b.error(errors.OutOfRange(argument[1], number.value, "a character", 1, 0x10FFFF))
    return Static(chr(number.value), repr(chr(number.value)))


def of_bools(b: Builder, operator: tree.BinaryOperator, left: Operand, right: Operand, span: Span) -> ops.Value | None:
    """`a & b`, `a | b`, `a ^ b` of two bools, which is a bool; None for anything else."""
    if operator not in ("&", "|", "^") or not (ops.is_value(left) and ops.is_value(right)):
        return None
    if not (isinstance(left.type, BoolType) and isinstance(right.type, BoolType)):
        return None
    if operator == "^":
        return b.compare("!=", left, right, span)
    x, y = values.number(b, left, span), values.number(b, right, span)
    both = arithmetic.arithmetic(b, "&" if operator == "&" else "|", x, y, span, (span, span))
    return b.compare("!=", both, b.const(0, span), span)


# Members of an IntEnum


def member(b: Builder, enum: layout.Enumeration, value: ops.Value, span: Span) -> None:
    """ValueError unless `value` is that of a member."""
    if isinstance(value, ops.Const):
        if value.value not in {number for _, number in enum.members}:
            b.error(text_errors.NotAMember(span, value.value, str(enum), ", ".join(name for name, _ in enum.members)))
        return
    b.check(is_member(b, enum, value, span), Fault.VALUE, span)


def contains(b: Builder, enum: type[IntEnum], item: Operand, span: Span, item_span: Span) -> ops.Value:
    """`n in Action`."""
    from pyebpf.lang.types import enumeration_of

    return is_member(b, enumeration_of(enum), values.number(b, item, item_span), span)


def is_member(b: Builder, enum: layout.Enumeration, value: ops.Value, span: Span) -> ops.Value:
    """Whether `value` is that of a member: whether it lies in one of the stretches without gaps."""
    result = b.local("member", BOOL, span)
    b.set(result, b.truth(False, span), span)

    def body(label: ops.Label) -> None:
        def found() -> None:
            b.set(result, b.truth(True, span), span)
            texts.leave(b, label, span)

        for low, high in _stretches(sorted({number for _, number in enum.members})):
            above = b.compare(">=", value, b.const(low, span), span)
            below = b.compare("<=", value, b.const(high, span), span)
            b.if_(above, lambda below=below: b.if_(below, found, None, span), None, span)  # type: ignore[misc]
            if not b.reachable:
                return

    texts.scope(b, "member", body, span)
    return b.get(result, span)


def _stretches(numbers: list[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
