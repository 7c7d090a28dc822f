"""`body if test else orelse`: one value from two ways."""

from __future__ import annotations

from collections.abc import Callable

from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, BoolType, IntType, KernelType
from pyebpf.irbuild import locals, values
from pyebpf.irbuild.builder import Builder, storage
from pyebpf.irbuild.operands import Operand, Optional, Static, describe
from pyebpf.source import Span

Way = Callable[[], Operand]


def either(b: Builder, test: ops.Value, ways: tuple[Way, Way], spans: tuple[Span, Span], span: Span) -> Operand:
    """What the first way evaluates to where `test` is true, else what the second does."""
    found: list[Operand] = []
    results: list[tuple[ops.Local | None, ops.Local]] = []

    def last(number: int) -> None:
        if number == 0:
            results.append(_meeting_place(b, found[0], found[1], span))
        _bring(b, found[number], *results[0], spans[number], span)

    b.if_(test, lambda: found.append(ways[0]()), lambda: found.append(ways[1]()), span, last)
    present, result = results[0]
    value = b.get(result, span)
    return value if present is None else Optional(b.get(present, span), value)


def _is_none(operand: Operand) -> bool:
    return isinstance(operand, Static) and operand.value is None


def _meeting_place(b: Builder, first: Operand, second: Operand, span: Span) -> tuple[ops.Local | None, ops.Local]:
    """Locals for either of two operands: whether it is there, if one of them is None, and its value."""
    sample = _there(second if _is_none(first) else first)
    if _is_none(first) == _is_none(second):
        return None, b.local("either", values.join(b, sample, _there(second), span), span)
    if ops.is_value(sample) and isinstance(sample.type, KernelType):
        return None, b.local("either", sample.type, span)  # a null pointer is None
    if not (ops.is_value(sample) and isinstance(sample.type, IntType | BoolType)):
        hint = "write an if statement" if ops.is_value(sample) else ""
        b.error(type_errors.WrongType(span, "an integer or bool beside None", describe(sample), hint))
    return b.local("present", BOOL, span), b.local("either", storage(sample.type), span)


def _bring(
    b: Builder, operand: Operand, present: ops.Local | None, result: ops.Local, branch_span: Span, span: Span
) -> None:
    """`operand` into the locals that `_meeting_place` made."""
    if isinstance(result.type, KernelType) and _is_none(operand):
        operand = b.emit(ops.Null(result.type, span))
    if present is None:
        operand = values.plain(b, operand, branch_span) if isinstance(operand, Optional) else operand
    elif _is_none(operand):
        b.set(present, b.truth(False, span), span)
        return
    elif isinstance(operand, Optional):
        b.set(present, operand.present, span)
        operand = operand.value
    else:
        b.set(present, b.truth(True, span), span)
    assert ops.is_value(operand)
    b.set(result, locals.stored(b, operand, result.type, branch_span), branch_span)


def _there(operand: Operand) -> Operand:
    """What is left of a value that may be None when it isn't; that it isn't is proven where it is used."""
    if isinstance(operand, Optional):
        return operand.value
    return operand
