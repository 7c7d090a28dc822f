"""Arithmetic: exact ranges of results, and what makes an operation safe.

A result that fits 64 bits is exact, as Python's. Where it can't be known to
fit, it wraps around, as the type says: u64 when no operand is negative, i64
otherwise. A u64 and a number that may be negative don't mix without proof.
"""

from __future__ import annotations

from pyebpf.diagnostics import types as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.ranges import exact
from pyebpf.ir.types import I64, I64_MAX, I64_MIN, U64, U64_MAX, IntType
from pyebpf.irbuild import names, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, describe, is_text
from pyebpf.source import Span

OPERATORS: dict[str, ops.Arithmetic] = {
    "+": "+", "-": "-", "*": "*", "//": "//", "%": "%", "<<": "<<", ">>": ">>", "&": "&", "|": "|", "^": "^",
}  # fmt: skip
LARGEST_EXPONENT = 64


def binary(b: Builder, operator: str, left: Operand, right: Operand, span: Span, spans: tuple[Span, Span]) -> ops.Value:
    """`left operator right`."""
    if not (values.is_number(left) and values.is_number(right)):
        texts = operator == "+" and is_text(left) and is_text(right)
        hint = 'text is joined when it is printed: print(f"{a}{b}")' if texts else ""
        b.error(errors.BadOperands(span, operator, describe(left), describe(right), hint))
    x, y = values.number(b, left, spans[0]), values.number(b, right, spans[1])
    if isinstance(x, ops.Const) and isinstance(y, ops.Const):
        return _fold(b, operator, x.value, y.value, span, spans)
    if operator == "/":
        b.error(errors.TrueDivision(span, f"{spans[0].text} // {spans[1].text}"))
    if operator == "**":
        return _power(b, x, y, span, spans)
    if operator not in OPERATORS:
        b.error(errors.BadOperands(span, operator, describe(x), describe(y)))
    return arithmetic(b, OPERATORS[operator], x, y, span, spans)


def arithmetic(
    b: Builder, operator: ops.Arithmetic, x: ops.Value, y: ops.Value, span: Span, spans: tuple[Span, Span]
) -> ops.Value:
    """An operation on integer values, with the checks that it needs."""
    if operator in ("//", "%"):
        if isinstance(y, ops.Const) and y.value == 0:
            b.error(errors.DivisionByZero(spans[1]))
        if not isinstance(y, ops.Const):
            b.check(b.compare("!=", y, b.const(0, span), span), Fault.ZERO_DIVISION, span)
    if operator in ("<<", ">>"):
        y = _shift_count(b, y, spans[1])
    x, y, type = result(b, operator, x, y, spans)
    return b.emit(ops.Binary(operator, x, y, type, span))


def _shift_count(b: Builder, count: ops.Value, span: Span) -> ops.Value:
    assert isinstance(count.type, IntType)
    if isinstance(count, ops.Const) and count.value < 0:
        b.error(errors.NegativeShift(span))
    if count.type.low < 0:
        b.check(b.compare(">=", count, b.const(0, span), span), Fault.VALUE, span)
    return count


def result(
    b: Builder, operator: ops.Arithmetic, x: ops.Value, y: ops.Value, spans: tuple[Span, Span]
) -> tuple[ops.Value, ops.Value, IntType]:
    """The operands, proven not negative where signs would not mix, and the type of the result."""
    a, c = x.type, y.type
    assert isinstance(a, IntType) and isinstance(c, IntType)
    low, high = exact(operator, (a.low, a.high), (c.low, c.high))
    divides = operator in ("//", "%")
    mixed = (a.low < 0 and c.high > I64_MAX) or (c.low < 0 and a.high > I64_MAX)
    if operator in ("<<", ">>"):
        mixed = False
    if _fits(low, high) and not (mixed and divides):
        return x, y, IntType(low, high)
    if mixed:
        x = b.unsigned(x, spans[0]) if a.low < 0 else x
        y = b.unsigned(y, spans[1]) if c.low < 0 else y
        return result(b, operator, x, y, spans)
    signed = a.low < 0 or (c.low < 0 and operator not in ("<<", ">>"))
    return x, y, I64 if signed else U64


def _fits(low: int, high: int) -> bool:
    return (low >= I64_MIN and high <= I64_MAX) or (low >= 0 and high <= U64_MAX)


def _fold(b: Builder, operator: str, x: int, y: int, span: Span, spans: tuple[Span, Span]) -> ops.Value:
    """Constants are computed by Python itself."""
    if operator in ("/", "//", "%") and y == 0:
        b.error(errors.DivisionByZero(spans[1]))
    if operator == "/":
        b.error(errors.TrueDivision(span, f"{spans[0].text} // {spans[1].text}"))
    if operator in ("<<", ">>") and y < 0:
        b.error(errors.NegativeShift(spans[1]))
    if operator in ("<<", "**") and (y > 128 or y < 0) and x not in (0, 1):
        b.error(errors.ConstantTooLarge(span, span.text))
    match operator:
        case "+":
            value = x + y
        case "-":
            value = x - y
        case "*":
            value = x * y
        case "//":
            value = x // y
        case "%":
            value = x % y
        case "**":
            value = x**y if y >= 0 else 0
        case "<<":
            value = x << y if x else 0
        case ">>":
            value = x >> min(y, 128)
        case "&":
            value = x & y
        case "|":
            value = x | y
        case "^":
            value = x ^ y
        case _:
            b.error(errors.BadOperands(span, operator, "an integer", "an integer"))
    return names.constant(b, value, span)


def _power(b: Builder, x: ops.Value, y: ops.Value, span: Span, spans: tuple[Span, Span]) -> ops.Value:
    """`x ** 3` is multiplication; the exponent is a small constant."""
    if not (isinstance(y, ops.Const) and 0 <= y.value <= LARGEST_EXPONENT):
        if isinstance(x, ops.Const) and x.value == 2:
            b.error(errors.NotConstant(spans[1], "the exponent", f"1 << {spans[1].text}"))
        b.error(errors.NotConstant(spans[1], f"the exponent (0 to {LARGEST_EXPONENT})", ""))
    value: ops.Value | None = None
    power, left = x, y.value
    while left:
        if left & 1:
            value = power if value is None else arithmetic(b, "*", value, power, span, (spans[0], spans[0]))
        left >>= 1
        if left:
            power = arithmetic(b, "*", power, power, span, (spans[0], spans[0]))
    return b.const(1, span) if value is None else value


def negative(b: Builder, operand: Operand, span: Span, inner: Span) -> ops.Value:
    """`-operand`."""
    value = values.number(b, operand, inner)
    if isinstance(value, ops.Const):
        return names.constant(b, -value.value, span)
    return arithmetic(b, "-", b.const(0, span), value, span, (span, inner))


def invert(b: Builder, operand: Operand, span: Span, inner: Span) -> ops.Value:
    """`~operand`: -operand - 1, or for u64, whose complement has 64 bits, all bits flipped."""
    value = values.number(b, operand, inner)
    if isinstance(value, ops.Const):
        return names.constant(b, ~value.value, span)
    assert isinstance(value.type, IntType)
    if value.type.high > I64_MAX:
        return b.emit(ops.Binary("^", value, b.emit(ops.Const(U64_MAX, IntType(U64_MAX, U64_MAX), span)), U64, span))
    minus_one = b.const(-1, span)
    return b.emit(ops.Binary("^", value, minus_one, IntType(~value.type.high, ~value.type.low), span))
