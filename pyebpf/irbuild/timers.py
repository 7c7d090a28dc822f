"""Timers: `entry.timer.start(nanoseconds, callback)`, `entry.timer.cancel()`; and `entry.work.start(callback)`.

A callback is lowered when the program is done, as a program of its own: it runs later, and sees nothing of this one but
its constants.
"""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import timers as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, FunctionPointer, KfuncRef, KfuncType, MapRef, StructPointer
from pyebpf.ir.origins import is_own, origins
from pyebpf.ir.types import I64, AddressType, IntType, KernelType, PointerType, Region
from pyebpf.irbuild import queues, values
from pyebpf.irbuild.builder import Builder, Later
from pyebpf.irbuild.operands import Closure, Method, Operand, Static, describe, reference
from pyebpf.kernel.btf import Kind
from pyebpf.kernel.kfuncs import WORK_QUEUES as WORK_QUEUE_KFUNCS
from pyebpf.lang.probes import HelperFunction
from pyebpf.source import Span
from pyebpf.syntax import tree

CLOCK_MONOTONIC: Final = 1
I32: Final = IntType(layout.I32.minimum, layout.I32.maximum)
METHODS: Final = ("start", "cancel")
_NUMBER: Final = layout.I32
_QUEUE, _VOID, _CALLED = StructPointer("bpf_wq"), StructPointer(""), FunctionPointer()
_TAKES: Final[tuple[tuple[KfuncType, ...], ...]] = (
    *((_QUEUE, _VOID, layout.U32), (_QUEUE, _CALLED, layout.U32, _VOID), (_QUEUE, _CALLED, layout.U32)),
    (_QUEUE, layout.U32),
)
WORK_QUEUES: Final = {
    name: KfuncRef(name, takes, _NUMBER) for name, takes in zip(WORK_QUEUE_KFUNCS, _TAKES, strict=True)
}
Argument = tuple[Operand, Span]


def is_timer(operand: Operand) -> bool:
    """Whether `operand` is a timer, or a work queue."""
    pointer = reference(operand)
    return pointer is not None and pointer.target in layout.LATER


def is_queue(operand: Operand) -> bool:
    """Whether `operand` is a work queue."""
    pointer = reference(operand)
    return pointer is not None and pointer.target == layout.WORK_QUEUE


def attribute(b: Builder, timer: Operand, name: str, name_span: Span) -> Method:
    """`entry.timer.start`."""
    if is_queue(timer) and name != "start":
        b.error(errors.WorkQueueMember(name_span, name))
    if name not in METHODS:
        b.error(errors.TimerMember(name_span, name))
    return Method(timer, name)


def method(b: Builder, timer: ops.Value, name: str, arguments: list[Argument], span: Span) -> Operand:
    """`entry.timer.name(…)`."""
    queue = is_queue(timer)
    takes = "a function" if queue else "nanoseconds and a function" if name == "start" else "no arguments"
    if len(arguments) != (1 if queue else 2 if name == "start" else 0):
        word = "work" if queue else "timer"
        b.error(name_errors.WrongArguments(span, f"{word}.{name}", takes, f"{len(arguments)} arguments"))
    if not (isinstance(timer.type, PointerType) and timer.type.region is Region.MAP):
        b.error(errors.TimerNotShared(span, *(("work queue", "work") if queue else ())))
    if name == "cancel":
        return _cancel(b, timer, span)
    if queue:
        _start_work(b, timer, arguments[0], span)
    else:
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


def _start_work(b: Builder, queue: ops.Value, argument: Argument, span: Span) -> None:
    """As `_start`; it is for the kernel to say when."""
    callee, map = _callee(b, *argument, "work queue"), map_of(b, queue, span)
    name = _later(b, callee, map, argument[1], work=True)
    zero = b.const(0, span)
    if name != b.name or not is_own(queue, b.references):
        init = _kfunc(b, "bpf_wq_init")
        b.emit(ops.KfuncCall(init, (queue, queues.address(b, map, span), zero), I32, span))
        _set_callback(b, queue, name, span)
    started = b.emit(ops.KfuncCall(_kfunc(b, "bpf_wq_start"), (queue, zero), I32, span))
    b.check(b.compare("==", started, b.const(0, span), span), Fault.MEMORY, span)


def _set_callback(b: Builder, queue: ops.Value, name: str, span: Span) -> None:
    """By the function that the kernel at hand has."""
    btf = b.module.btf_or_none()
    address = b.emit(ops.CallbackAddress(name, AddressType("kernel"), span))
    arguments: tuple[ops.Value, ...] = (queue, address, b.const(0, span))
    if btf is not None and btf.find("bpf_wq_set_callback", Kind.FUNC) is not None:
        b.emit(ops.KfuncCall(_kfunc(b, "bpf_wq_set_callback"), arguments, I32, span))
        return
    none = b.emit(ops.Null(KernelType("bpf_wq"), span))
    b.emit(ops.KfuncCall(_kfunc(b, "bpf_wq_set_callback_impl"), (*arguments, none), I32, span))


def _kfunc(b: Builder, name: str) -> KfuncRef:
    """It is the module's from now on, and so is what it takes."""
    b.module.sizes.setdefault("bpf_wq", (layout.WORK_QUEUE.size, False))
    return b.module.kfuncs.setdefault(name, WORK_QUEUES[name])


def map_of(b: Builder, timer: ops.Value, span: Span) -> MapRef:
    """The one map that the timer's entry is in, as far as is known here; `checks.timers` looks again at the end."""
    found = origins(timer, b.references)
    if len(found) != 1:
        b.error(errors.WhichMap(span, one_of(found)))
    return found[0]


def one_of(maps: list[MapRef]) -> str:
    """The maps, for a message."""
    return " or ".join(f"`{map.name}`" for map in maps) if maps else "any map"


def _callee(b: Builder, operand: Operand, span: Span, word: str = "timer") -> HelperFunction | Closure:
    value = operand.value if isinstance(operand, Static) else None
    if isinstance(value, HelperFunction | Closure):
        return value
    plain = callable(value) and hasattr(value, "__code__")
    found = "a Python function" if plain else describe(operand)
    b.error(errors.NotACallback(span, found, f"decorate it: @function def {span.text}(…)" if plain else "", word))


def _later(b: Builder, callee: HelperFunction | Closure, map: MapRef, span: Span, work: bool = False) -> str:
    """The name of the callback, which is lowered when the program is done."""
    if isinstance(callee, Closure):  # in another frame it sees other constants
        function, key = callee.function, (id(callee.function), id(callee.frame), map, work)
    else:
        function, key = b.module.parse(callee.function), (id(callee.function), 0, map, work)
    _check_parameters(b, function, span, "work queue" if work else "timer")
    if key not in b.later:
        name = f"{b.owner}__{'work' if work else 'timer'}_{function.name}"
        taken = {later.name for later in b.later.values()}
        numbered = (f"{name}_{number}" for number in range(2, len(taken) + 3))
        name = next(each for each in (name, *numbered) if each not in taken)
        b.later[key] = Later(name, callee, function, map, work)
    return b.later[key].name


def _check_parameters(b: Builder, function: tree.Function, span: Span, word: str) -> None:
    given = function.parameters
    if any(each.default is not None for each in given):
        b.error(errors.CallbackParameters(span, function.name, "parameters with defaults", word))
    if not (1 <= len(given) <= 2) or any(each.by == "name" for each in given):
        found = ", ".join(f"`{each.name}`" for each in given) or "nothing"
        b.error(errors.CallbackParameters(span, function.name, found, word))
