"""`return`: the program's result, or the value of a @function."""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import article
from pyebpf.diagnostics.timers import CallbackResult
from pyebpf.ir import ops
from pyebpf.ir.module import Obligation
from pyebpf.ir.types import IntType
from pyebpf.irbuild import expressions, names, packets, tail_calls, values
from pyebpf.irbuild.bindings import RESULT, Frame
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Static, describe
from pyebpf.kernel.hooks import SK_SKB_PARSER
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.types import layout_of
from pyebpf.source import Span
from pyebpf.syntax import tree

PARSER: Final = SK_SKB_PARSER.attach_type


def lower_return(b: Builder, statement: tree.Return) -> None:
    if statement.value is None:
        _leave(b, Static(None, "None"), statement.span, statement.span)
    else:
        _return(b, statement.value, statement.span)


def _return(b: Builder, node: tree.Expression, whole: Span) -> None:
    """`return x if c else None` is a choice of two returns, so that the values need nothing in common."""
    if tail_calls.lower(b, node, whole):
        return
    if not isinstance(node, tree.IfExp):
        _leave(b, expressions.evaluate(b, node), node.span, whole)
        return
    decision = expressions.decide(b, node.test)

    def way(branch: tree.Expression, assigned: frozenset[str]) -> None:
        b.assigned = assigned
        _return(b, branch, whole)

    b.if_(
        decision.value,
        lambda: way(node.body, decision.when_true),
        lambda: way(node.orelse, decision.when_false),
        node.span,
    )


def _leave(b: Builder, operand: Operand, span: Span, whole: Span) -> None:
    if b.frame.end is None:
        finish_program(b, operand, span, whole)
    else:
        leave_function(b, operand, whole, span)


def finish_program(b: Builder, operand: Operand, span: Span, whole: Span) -> None:
    """End the program; without a value it is the hook's default."""
    if isinstance(operand, Static) and operand.value is None and b.hook.attach_type == PARSER:
        value: ops.Value = packets.length(b, whole)  # all that is there is a message
    elif isinstance(operand, Static) and operand.value is None:
        value = b.const(int(b.hook.default), whole)
    else:
        if b.called_for is not None:
            b.error(CallbackResult(span))
        value = _result(b, operand, span)
    b.unwind(-1, whole)
    b.emit(ops.Return(value, whole))


def _result(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """The result as the hook takes it: one of its actions, or a number in its range."""
    low, high = b.hook.result
    if (low, high) == (0, 0):
        return _nothing(b, operand, span)
    expected = b.hook.actions() or f"an integer from {low} to {high}"
    if not values.is_number(operand):
        b.error(type_errors.BadResult(span, article(b.hook.name), expected, describe(operand)))
    value = values.number(b, operand, span)
    if isinstance(value, ops.Const) and not b.hook.takes_result(value.value):
        b.error(type_errors.BadResult(span, article(b.hook.name), expected, str(value.value)))
    return b.prove(value, IntType(low, high), Obligation.FITS, span)


def _nothing(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """The result of a program whose result nobody asks for: 0 may be said."""
    if not (isinstance(operand, ops.Const) and operand.value == 0):
        found = str(operand.value) if isinstance(operand, ops.Const) else describe(operand)
        b.error(type_errors.BadResult(span, article(b.hook.name), "nothing", found))
    return operand


def leave_function(b: Builder, operand: Operand, span: Span, value_span: Span) -> None:
    """`return` in an inlined @function."""
    frame = b.frame
    assert frame.end is not None
    nothing = isinstance(operand, Static) and operand.value is None
    if not nothing or gives_value(frame.function.body):
        frame.returned = frame.returned or value_span
        names.assign_name(b, RESULT, operand, value_span, None if nothing else _text_type(frame))
    b.unwind(frame.labels, span)
    b.jump_out(frame.end)
    b.emit(ops.Break(frame.end, span))


def _text_type(frame: Frame) -> layout.Type | None:
    """The text that a @function says it returns; other annotations are notes, as in Python."""
    annotation = frame.python.__annotations__.get("return")
    if isinstance(annotation, str):
        try:
            annotation = names.annotated(frame.python, annotation)
        except Exception:  # names for type checkers only
            return None
    try:
        type = layout_of(annotation)
    except DeclarationError:
        return None
    return type if isinstance(type, layout.Text) else None


def gives_value(statements: tuple[tree.Statement, ...]) -> bool:
    """Whether a function returns a value anywhere."""
    for statement in statements:
        match statement:
            case tree.Return():
                if statement.value is not None and not isinstance(statement.value, tree.NoneLiteral):
                    return True
            case tree.If() | tree.For() | tree.While():
                if gives_value(statement.body) or gives_value(statement.orelse):
                    return True
            case tree.With():
                if gives_value(statement.body):
                    return True
            case tree.Match():
                if any(gives_value(case.body) for case in statement.cases):
                    return True
            case tree.Try():
                bodies = (statement.body, statement.orelse, statement.finalbody)
                if any(gives_value(body) for body in (*bodies, *(part.body for part in statement.handlers))):
                    return True
    return False
