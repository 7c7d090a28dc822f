"""Timers: `entry.timer.start(nanoseconds, callback)`, `entry.timer.cancel()`.

A callback is lowered when the program is done, as a program of its own: it runs later, and sees nothing of this one but
its constants.
"""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import timers as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef
from pyebpf.ir.origins import is_own, origins
from pyebpf.ir.types import I64, AddressType, PointerType, Region
from pyebpf.irbuild import queues, values
from pyebpf.irbuild.builder import Builder, Later
from pyebpf.irbuild.operands import Closure, Method, Operand, Static, describe, reference
from pyebpf.lang.probes import HelperFunction
from pyebpf.source import Span
from pyebpf.syntax import tree

CLOCK_MONOTONIC: Final = 1
METHODS: Final = ("start", "cancel")
Argument = tuple[Operand, Span]


def is_timer(operand: Operand) -> bool:
    """Whether `operand` is a timer."""
    pointer = reference(operand)
    return pointer is not None and pointer.target == layout.TIMER


def attribute(b: Builder, timer: Operand, name: str, name_span: Span) -> Method:
    """`entry.timer.start`."""
    if name not in METHODS:
        b.error(errors.TimerMember(name_span, name))
    return Method(timer, name)


def method(b: Builder, timer: ops.Value, name: str, arguments: list[Argument], span: Span) -> Operand:
    """`entry.timer.name(…)`."""
    takes = "nanoseconds and a function" if name == "start" else "no arguments"
    if len(arguments) != (2 if name == "start" else 0):
        b.error(name_errors.WrongArguments(span, f"timer.{name}", takes, f"{len(arguments)} arguments"))
    if not (isinstance(timer.type, PointerType) and timer.type.region is Region.MAP):
        b.error(errors.TimerNotShared(span))
    if name == "cancel":
        return _cancel(b, timer, span)
    _start(b, timer, arguments, span)
    return Static(None, "None")


def _cancel(b: Builder, timer: ops.Value, span: Span) -> ops.Value:
    """Whether it was running. Its callback has ended when this has, if it ran."""
    if b.called_for is not None:
        b.error(errors.CancelledInCallback(span))
    was = b.call("timer_cancel", (timer,), I64, span)
    return b.compare("==", was, b.const(1, span), span)


def _start(b: Builder, timer: ops.Value, arguments: list[Argument], span: Span) -> None:
    (after, after_span), (function, function_span) = arguments
    nanoseconds = b.unsigned(values.number(b, after, after_span), after_span)
    callee = _callee(b, function, function_span)
    map = map_of(b, timer, span)
    name = _later(b, callee, map, function_span)
    if name != b.name or not is_own(timer, b.references):
        # What has been initialised before answers so, and stays as it is.
        b.call("timer_init", (timer, queues.address(b, map, span), b.const(CLOCK_MONOTONIC, span)), I64, span)
        b.call("timer_set_callback", (timer, b.emit(ops.CallbackAddress(name, AddressType("kernel"), span))), I64, span)
    # Else it is set already. To say so again would have the verifier go into it again, and again there.
    started = b.call("timer_start", (timer, nanoseconds, b.const(0, span)), I64, span)
    b.check(b.compare("==", started, b.const(0, span), span), Fault.MEMORY, span)


def map_of(b: Builder, timer: ops.Value, span: Span) -> MapRef:
    """The one map that the timer's entry is in, as far as is known here; `checks.timers` looks again at the end."""
    found = origins(timer, b.references)
    if len(found) != 1:
        b.error(errors.WhichMap(span, one_of(found)))
    return found[0]


def one_of(maps: list[MapRef]) -> str:
    """The maps, for a message."""
    return " or ".join(f"`{map.name}`" for map in maps) if maps else "any map"


def _callee(b: Builder, operand: Operand, span: Span) -> HelperFunction | Closure:
    value = operand.value if isinstance(operand, Static) else None
    if isinstance(value, HelperFunction | Closure):
        return value
    plain = callable(value) and hasattr(value, "__code__")
    found = "a Python function" if plain else describe(operand)
    b.error(errors.NotACallback(span, found, f"decorate it: @function def {span.text}(…)" if plain else ""))


def _later(b: Builder, callee: HelperFunction | Closure, map: MapRef, span: Span) -> str:
    """The name of the callback, which is lowered when the program is done."""
    if isinstance(callee, Closure):  # in another frame it sees other constants
        function, key = callee.function, (id(callee.function), id(callee.frame), map)
    else:
        function, key = b.module.parse(callee.function), (id(callee.function), 0, map)
    _check_parameters(b, function, span)
    if key not in b.later:
        name = f"{b.owner}__timer_{function.name}"
        taken = {later.name for later in b.later.values()}
        numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
        name = next(each for each in (name, *numbered) if each not in taken)
        b.later[key] = Later(name, callee, function, map)
    return b.later[key].name


def _check_parameters(b: Builder, function: tree.Function, span: Span) -> None:
    given = function.parameters
    if any(each.default is not None for each in given):
        b.error(errors.CallbackParameters(span, function.name, "parameters with defaults"))
    if not (1 <= len(given) <= 2) or any(each.by == "name" for each in given):
        found = ", ".join(f"`{each.name}`" for each in given) or "nothing"
        b.error(errors.CallbackParameters(span, function.name, found))
