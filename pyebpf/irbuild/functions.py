"""@function helpers: lowered into each caller, for the types that it calls them with."""

from __future__ import annotations

import difflib
from typing import Any

from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import is_scalar
from pyebpf.irbuild import assignments, names, statements
from pyebpf.irbuild.bindings import RESULT, Fixed, Frame
from pyebpf.irbuild.builder import Abandon, Builder
from pyebpf.irbuild.operands import Operand, Optional, OptionalValues, PendingText, Static, Values, describe
from pyebpf.irbuild.returns import gives_value, leave_function
from pyebpf.lang.probes import HelperFunction
from pyebpf.source import Span
from pyebpf.syntax import tree

DEEPEST = 16
MOST_CALLS = 1000
"""Copies of functions in one program. Each function that calls the next one twice doubles them."""
Argument = tuple[Operand, Span]


def inline(
    b: Builder, helper: HelperFunction, arguments: list[Argument], keywords: dict[str, Argument], span: Span
) -> Operand:
    """Lower a call: the callee's body in a Scope of its own, its parameters bound to the arguments."""
    caller = b.frame
    name = helper.__name__
    if name in caller.chain:
        b.error(errors.Recursion(span, " → ".join((*caller.chain[caller.chain.index(name) :], name))))
    if len(caller.chain) > DEEPEST or b.frames >= MOST_CALLS:
        b.error(errors.Nested(span, DEEPEST, MOST_CALLS))
    function = b.module.parse(helper.function)
    values = match_arguments(b, function, arguments, keywords, helper, span)
    b.frames += 1
    mistakes = b.sink.count
    label = ops.Label(name)
    frame = Frame(function, helper.function, b.frames, (*caller.chain, name), label, len(b.labels))
    outer = b.assigned
    b.labels.append(label)
    with b.block() as body:
        b.frame, b.assigned = frame, frozenset()
        try:
            for parameter, (operand, where) in zip(function.parameters, values, strict=True):
                _bind_parameter(b, parameter, operand, where)
            statements.lower_block(b, function.body)
            if b.reachable and b.sink.count == mistakes:
                leave_function(b, Static(None, "None"), span, span)
        finally:
            b.frame = caller
    b.labels.pop()
    exits = b.breaks.pop(label, [])
    b.reachable = True
    b.emit(ops.Scope(label, ops.Block(tuple(body)), span))
    b.assigned, b.reachable = outer, bool(exits)
    if not gives_value(function.body):
        return Static(None, "None")
    if b.sink.count > mistakes:
        raise Abandon  # what it would have returned is not known
    if not exits:
        return Static(None, "None")
    return _result(b, frame, span)


def _result(b: Builder, frame: Frame, span: Span) -> Operand:
    """The returned value, read in the caller."""
    caller, outer = b.frame, b.assigned
    b.frame, b.assigned = frame, frozenset({RESULT})
    try:
        return names.read_name(b, RESULT, span)
    finally:
        b.frame, b.assigned = caller, outer


def match_arguments(
    b: Builder,
    function: tree.Function,
    arguments: list[Argument],
    keywords: dict[str, Argument],
    helper: HelperFunction,
    span: Span,
) -> list[Argument]:
    """Arguments in the order of the parameters; defaults are constants."""
    wanted = ", ".join(parameter.name for parameter in function.parameters) or "no arguments"
    if len(arguments) > len(function.parameters):
        b.error(errors.WrongArguments(span, function.name, wanted, f"{len(arguments)} arguments"))
    matched = list(arguments)
    left = dict(keywords)
    for parameter in function.parameters[len(arguments) :]:
        if parameter.name in left:
            matched.append(left.pop(parameter.name))
        elif parameter.default is not None:
            matched.append((names.static(b, _default(helper, parameter.name), parameter.name, span), span))
        else:
            b.error(errors.MissingArgument(span, function.name, parameter.name, wanted))
    if left:
        name, (_, where) = next(iter(left.items()))
        near = difflib.get_close_matches(name, [parameter.name for parameter in function.parameters], n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else ""
        word = Span(where.source, where.line, max(where.column - len(name) - 1, 0), where.line, where.column - 1)
        b.error(errors.UnknownArgument(word if word.text == name else where, function.name, name, wanted, hint))
    return matched


def _default(helper: HelperFunction, name: str) -> Any:
    """A default is what Python computed when the function was defined."""
    code = helper.function.__code__
    defaults = helper.function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    if name in positional:
        return defaults[positional.index(name) - (len(positional) - len(defaults))]
    return (helper.function.__kwdefaults__ or {})[name]


def _bind_parameter(b: Builder, parameter: tree.Parameter, operand: Operand, where: Span) -> None:
    type = assignments.annotation(b, parameter.annotation) if parameter.annotation is not None else None
    value = ops.is_value(operand) or isinstance(operand, Optional | OptionalValues | Values)
    if value or (isinstance(operand, PendingText) and (operand.length or type is not None)):
        declared = type if type is not None and (is_scalar(type) or isinstance(operand, PendingText)) else None
        names.assign_name(b, parameter.name, operand, where, declared)
        return
    if type is not None:
        b.error(type_errors.WrongType(where, str(type), describe(operand), ""))
    b.frame.bindings[parameter.name] = Fixed(operand)
    b.assigned |= {parameter.name}
