"""@function helpers and functions inside functions: lowered into each caller, for the types that it gives them."""

from __future__ import annotations

import difflib
from typing import Any, NoReturn

from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import is_scalar
from pyebpf.irbuild import assignments, closures, kernel_facts, names, statements, suspects
from pyebpf.irbuild.assigned import assigned_names
from pyebpf.irbuild.bindings import RESULT, Called, Fixed, Frame
from pyebpf.irbuild.builder import Abandon, Builder
from pyebpf.irbuild.operands import Closure, Operand, Optional, OptionalValues, PendingText, Static, Values, describe
from pyebpf.irbuild.returns import gives_value, leave_function
from pyebpf.lang.kernel_types import KernelPointer
from pyebpf.lang.probes import HelperFunction
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.moved import moved

LIBRARY = "pyebpf.library."
DEEPEST = 16
MOST_CALLS = 1000
"""Copies of functions in one program. Each function that calls the next one twice doubles them."""
Argument = tuple[Operand, Span]


def inline(
    b: Builder, callee: HelperFunction | Closure, arguments: list[Argument], keywords: dict[str, Argument], span: Span
) -> Operand:
    """Lower a call: the callee's body in a Scope of its own, its parameters bound to the arguments."""
    caller = b.frame
    function = _tree(b, callee, span)
    if not isinstance(callee, Closure):
        for suspect in suspects.of_function(function):
            b.module.warn(suspect)
    given = _with_defaults(b, callee, function, match_arguments(b, function, arguments, keywords, span), span)
    called = _called(b, callee, function, given, span)
    b.frames += 1
    mistakes = b.sink.count
    label = ops.Label(function.name)
    python, around = (callee.python, callee.frame) if isinstance(callee, Closure) else (callee.function, None)
    frame = Frame(function, python, b.frames, (*caller.chain, called), label, len(b.labels), around, b)
    outer = caller.known = b.assigned
    b.labels.append(label)
    with b.block() as body:
        b.frame, b.assigned = frame, frozenset()
        try:
            changed = assigned_names(function)
            for parameter, (operand, where) in zip(function.parameters, given, strict=True):
                bind_parameter(b, parameter, operand, where, parameter.name in changed)
            statements.lower_block(b, function.body)
            if b.reachable and b.sink.count == mistakes:
                leave_function(b, Static(None, "None"), span, span)
        finally:
            b.frame = caller
    b.labels.pop()
    exits = b.breaks.pop(label, [])
    b.reachable = True
    b.emit(ops.Scope(label, ops.Block(tuple(body)), span, function.name))
    b.assigned, b.reachable = outer, bool(exits) or b.sink.count > mistakes
    if not gives_value(function.body):
        return Static(None, "None")
    if b.sink.count > mistakes:
        raise Abandon  # what it would have returned is not known
    if not exits:
        return Static(None, "None")
    return _result(b, frame, span)


def _tree(b: Builder, callee: HelperFunction | Closure, span: Span) -> tree.Function:
    """The function's syntax tree. One of pyebpf's own stands where it is called: that line is the user's, to whom
    everything is told that diagnostics, the verifier and debuggers say of it."""
    if isinstance(callee, Closure):
        return callee.function
    function = b.module.parse(callee.function)
    if not callee.function.__module__.startswith(LIBRARY):
        return function
    key = callee.function, span
    if key not in b.module.moved:
        b.module.moved[key] = moved(function, span)
    return b.module.moved[key]


def _called(
    b: Builder, callee: HelperFunction | Closure, function: tree.Function, given: list[Argument], span: Span
) -> Called:
    """The call as it stands in the chain of calls, where it must not be yet."""
    functions = tuple(
        id(operand.value)
        for operand, _ in given
        if isinstance(operand, Static) and isinstance(operand.value, HelperFunction | Closure)
    )
    frame = callee.frame.number if isinstance(callee, Closure) else 0
    called, chain = Called(function.name, id(function), frame, functions), b.frame.chain
    if called in chain:
        b.error(errors.Recursion(span, " → ".join(each.name for each in (*chain[chain.index(called) :], called))))
    if len(chain) > DEEPEST or b.frames >= MOST_CALLS:
        b.error(errors.Nested(span, DEEPEST, MOST_CALLS))
    return called


def _result(b: Builder, frame: Frame, span: Span) -> Operand:
    """The returned value, read in the caller."""
    frame.known = frozenset({RESULT})
    return names.in_frame(b, frame, lambda: names.read_name(b, RESULT, span))


def match_arguments(
    b: Builder, function: tree.Function, arguments: list[Argument], keywords: dict[str, Argument], span: Span
) -> dict[str, Argument]:
    """The parameter that each argument is for."""
    positional = [parameter for parameter in function.parameters if parameter.by != "name"]
    known = ", ".join(parameter.name for parameter in function.parameters)
    wanted = known or "no arguments"
    if len(arguments) > len(positional):
        only = len(positional) < len(function.parameters)
        takes = f"{len(positional)} by position" if only else wanted
        b.error(errors.WrongArguments(span, function.name, takes, f"{len(arguments)} arguments"))
    matched = {parameter.name: given for parameter, given in zip(positional, arguments, strict=False)}
    by_name = [parameter.name for parameter in function.parameters if parameter.by != "position"]
    for name, given in keywords.items():
        if name in matched:
            b.error(errors.GivenTwice(_word(name, given[1]), function.name, name, matched[name][1]))
        if name not in by_name:
            _unknown(b, function, name, given[1], known or "none")
        matched[name] = given
    for parameter in function.parameters:
        if parameter.name not in matched and parameter.default is None:
            b.error(errors.MissingArgument(span, function.name, parameter.name, wanted))
    return matched


def _unknown(b: Builder, function: tree.Function, name: str, where: Span, wanted: str) -> NoReturn:
    known = [parameter.name for parameter in function.parameters]
    if name in known:
        b.error(errors.PositionOnly(_word(name, where), function.name, name))
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else ""
    b.error(errors.UnknownArgument(_word(name, where), function.name, name, wanted, hint))


def _word(name: str, value: Span) -> Span:
    """The name of a keyword argument with the value at `value`."""
    word = Span(value.source, value.line, max(value.column - len(name) - 1, 0), value.line, value.column - 1)
    return word if word.text == name else value


def _with_defaults(
    b: Builder, callee: HelperFunction | Closure, function: tree.Function, given: dict[str, Argument], span: Span
) -> list[Argument]:
    """Arguments in the order of the parameters. A default is what was computed when the function was defined."""

    def default(parameter: tree.Parameter) -> Operand:
        if isinstance(callee, HelperFunction):
            return names.static(b, _default(callee, parameter.name), parameter.name, span)
        kept = closures.default_name(function, parameter)
        if b.frame is not callee.frame:
            return names.in_frame(b, callee.frame, lambda: names.read_name(b, kept, span))
        return names.read_name(b, kept, span)

    return [given.get(each.name) or (default(each), span) for each in function.parameters]


def _default(helper: HelperFunction, name: str) -> Any:
    """A default is what Python computed when the function was defined."""
    code = helper.function.__code__
    defaults = helper.function.__defaults__ or ()
    positional = code.co_varnames[: code.co_argcount]
    if name in positional:
        return defaults[positional.index(name) - (len(positional) - len(defaults))]
    return (helper.function.__kwdefaults__ or {})[name]


def bind_parameter(b: Builder, parameter: tree.Parameter, operand: Operand, where: Span, changed: bool) -> None:
    """What a parameter is. `changed`: the function assigns it; else what is known of it early stays known."""
    type = assignments.annotation(b, parameter.annotation) if parameter.annotation is not None else None
    if isinstance(type, KernelPointer):
        assert parameter.annotation is not None
        operand, type = kernel_facts.declared(b, operand, type, (where, parameter.annotation.span)), None
    held = ops.is_value(operand) and operand in b.trusted  # what a `with` block holds, the kernel takes back here too
    if (isinstance(operand, ops.Const) or held) and not changed and type is None:
        _fix(b, parameter.name, operand)
        return
    none = isinstance(operand, Static) and operand.value is None and changed
    value = none or ops.is_value(operand) or isinstance(operand, Optional | OptionalValues | Values)
    if value or (isinstance(operand, PendingText) and (operand.length or type is not None)):
        declared = type if type is not None and (is_scalar(type) or isinstance(operand, PendingText)) else None
        names.assign_name(b, parameter.name, operand, where, declared)
        return
    if type is not None:
        b.error(type_errors.WrongType(where, str(type), describe(operand), ""))
    _fix(b, parameter.name, operand)


def bind_value(b: Builder, name: str, operand: Operand) -> None:
    """`name` is `operand`, and stays it."""
    _fix(b, name, operand)


def _fix(b: Builder, name: str, operand: Operand) -> None:
    b.frame.bindings[name] = Fixed(operand)
    b.assigned |= {name}
