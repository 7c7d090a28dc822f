"""Tuples: comparison item by item, slices, and joining them. All of it is done while the IR is built.

(a, b) < (c, d)         if a == c: b < d, else a < c
"""

from __future__ import annotations

from collections.abc import Callable

from pyebpf.diagnostics import types as errors
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, IntType
from pyebpf.irbuild import iteration, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Optional, Static, Values, describe
from pyebpf.source import Span
from pyebpf.syntax import tree

Spans = tuple[Span, Span]
Compare = Callable[[Builder, tree.CompareOperator, Operand, Operand, Span, Spans], ops.Value]


def compare(
    b: Builder, operator: tree.CompareOperator, left: Values, right: Values, span: Span, spans: Spans, items: Compare
) -> ops.Value:
    """`left operator right` as Python does it: the first items that differ decide, then the lengths. `items` compares
    two of them."""
    result = b.local("compared", BOOL, span)
    differs = len(left.items) != len(right.items)
    if operator in ("==", "!=") and differs:
        return b.truth(operator == "!=", span)

    def step(number: int) -> None:
        if number == min(len(left.items), len(right.items)):
            b.set(result, _by_length(b, operator, len(left.items), len(right.items), span), span)
            return
        x, y = left.items[number], right.items[number]
        equal = _equal(b, x, y, span, spans, items)
        b.if_(equal, lambda: step(number + 1), lambda: _decide(b, operator, x, y, result, span, spans, items), span)

    step(0)
    return b.get(result, span)


def _equal(b: Builder, x: Operand, y: Operand, span: Span, spans: Spans, items: Compare) -> ops.Value:
    """Whether two items are equal, either of which may be None."""
    if not (isinstance(x, Optional) or isinstance(y, Optional)) or _is_none(x) or _is_none(y):
        return items(b, "==", x, y, span, spans)
    result = b.local("equal", BOOL, span)
    both_missing = isinstance(x, Optional) and isinstance(y, Optional)
    there = [each.present if isinstance(each, Optional) else b.truth(True, span) for each in (x, y)]
    one, other = (each.value if isinstance(each, Optional) else each for each in (x, y))

    def second(missing: bool) -> None:
        def compared() -> None:
            b.set(result, items(b, "==", one, other, span, spans), span)

        def absent() -> None:
            b.set(result, b.truth(False, span), span)

        if missing:
            b.set(result, b.negate(there[1], span) if both_missing else b.truth(False, span), span)
        else:
            b.if_(there[1], compared, absent, span)

    b.if_(there[0], lambda: second(False), lambda: second(True), span)
    return b.get(result, span)


def _is_none(operand: Operand) -> bool:
    return isinstance(operand, Static) and operand.value is None


def _decide(
    b: Builder,
    operator: tree.CompareOperator,
    x: Operand,
    y: Operand,
    result: ops.Local,
    span: Span,
    spans: Spans,
    items: Compare,
) -> None:
    """Two items that are not equal."""
    if operator in ("==", "!="):
        b.set(result, b.truth(operator == "!=", span), span)
    else:
        b.set(result, items(b, operator, x, y, span, spans), span)


def _by_length(b: Builder, operator: tree.CompareOperator, left: int, right: int, span: Span) -> ops.Value:
    return b.compare(operator, b.const(left, span), b.const(right, span), span)  # type: ignore[arg-type]


def item(b: Builder, base: Values, index: Operand, span: Span, index_span: Span) -> Operand:
    """`t[1]`. Where which one varies, all must be numbers."""
    number = values.number(b, index, index_span)
    if isinstance(number, ops.Const):
        if not -len(base.items) <= number.value < len(base.items):
            b.error(errors.IndexOutOfRange(index_span, number.value, len(base.items)))
        return base.items[number.value]
    found = iteration.tuple_item(b, base.items, number, span)
    if found is None:
        what = f"the index of {describe(base)} of different types"
        alike = all(ops.is_value(item) and isinstance(item.type, IntType) for item in base.items)
        b.error(errors.NotConstant(index_span, what, "u64(…) or i64(…) around each of the numbers" if alike else ""))
    return found


def part(b: Builder, base: Values, ends: list[tuple[Operand, Span] | None]) -> Values:
    """`t[1:]`: some of the items. `ends`: start, stop and step, as far as they are given."""
    numbers: list[int | None] = []
    for end in ends:
        if end is None or _is_none(end[0]):
            numbers.append(None)
        elif isinstance(end[0], ops.Const):
            numbers.append(end[0].value)
        else:
            b.error(errors.NotConstant(end[1], "the slice of a tuple", ""))
    if numbers[2] == 0:
        assert ends[2] is not None
        b.error(errors.WrongType(ends[2][1], "a step other than zero", "0", ""))
    return Values(base.items[slice(*numbers)])


def arithmetic(b: Builder, operator: str, left: Operand, right: Operand, span: Span) -> Values:
    """`t + u`, and `t * 2`."""
    if operator == "+" and isinstance(left, Values) and isinstance(right, Values):
        return Values(left.items + right.items)
    for one, count in ((left, right), (right, left)):
        if operator == "*" and isinstance(one, Values) and isinstance(count, ops.Const):
            if len(one.items) * count.value > LONGEST:
                b.error(errors.WrongType(span, f"a tuple of at most {LONGEST} items", "a longer one", ""))
            return Values(one.items * count.value)
    b.error(errors.BadOperands(span, operator, describe(left), describe(right)))


LONGEST = 64
"""Items; each is a local of its own."""
