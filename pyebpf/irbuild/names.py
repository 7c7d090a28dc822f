"""Names: what they mean in a function, and how locals are read and assigned."""

from __future__ import annotations

import builtins
import difflib
from collections.abc import Callable
from enum import IntEnum
from ipaddress import IPv4Address
from types import FunctionType
from typing import TypeVar

from pyebpf import layout
from pyebpf.diagnostics import kfuncs as kfunc_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import timers
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import I64_MIN, U64_MAX, IntType, PointerType, Region
from pyebpf.irbuild import kernel_arrays, ksyms, locals, memory, shapes, values
from pyebpf.irbuild.bindings import Fixed, Frame
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import KernelArray, Operand, Place, Static, Values, describe
from pyebpf.lang.arena import Arena
from pyebpf.lang.kconfig import Kconfig
from pyebpf.lang.ksyms import Ksym
from pyebpf.lang.types import enumeration_of
from pyebpf.source import Span

Result = TypeVar("Result")


def read_name(b: Builder, name: str, span: Span) -> Operand:
    """What `name` evaluates to here."""
    frame = b.frame
    if frame.home is not b and name in (*frame.bindings, *frame.poisoned, *frame.ended, *frame.gone, *_own(frame)):
        return _captured(b, frame, name, span)
    if name in frame.bindings and name in b.assigned:
        return locals.read(b, frame.bindings[name], span)
    if name in frame.poisoned:
        raise values.abandoned()
    if name in frame.ended:
        b.error(errors.ReservationEnded(span, name))
    if name in frame.gone:
        b.error(kfunc_errors.ItemGone(span, name))
    if frame.around is not None and name in frame.python.__code__.co_freevars:
        return in_frame(b, frame.around, lambda: read_name(b, name, span))
    if name in frame.python.__code__.co_varnames + frame.python.__code__.co_cellvars:
        binding = frame.bindings.get(name)
        inner = isinstance(binding, Fixed) and describe(binding.operand) == "a function"
        cure = f"define it on every way: def {name}(…):" if inner else f"assign it first on every way: {name} = 0"
        b.error(errors.MaybeUnassigned(span, name, cure))
    found, value = lookup(frame.python, name)
    if not found:
        b.error(errors.UnknownName(span, name, _suggestion(frame, b.module.public, name)))
    return static(b, value, name, span)


def _own(frame: Frame) -> tuple[str, ...]:
    """Names that are the function's own locals."""
    return frame.python.__code__.co_varnames + frame.python.__code__.co_cellvars


def _captured(b: Builder, frame: Frame, name: str, span: Span) -> Operand:
    """A name of a program that is over when this one runs: if it is a constant, it still is."""
    binding = frame.bindings.get(name)
    operand = binding.operand if isinstance(binding, Fixed) else None
    if operand is None or not _outlasts(frame, operand):
        b.error(timers.CallbackCaptures(span, name))
    return operand


def _outlasts(frame: Frame, operand: Operand) -> bool:
    match operand:
        case Values():
            return all(_outlasts(frame, item) for item in operand.items)
        case Static():  # a map found in a map of maps is known to its program alone
            return not (isinstance(frame.home, Builder) and id(operand.value) in frame.home.inner_maps)
        case _:
            return isinstance(operand, ops.Const)


def in_frame(b: Builder, frame: Frame, action: Callable[[], Result]) -> Result:
    """Do something in a frame that is suspended: of a function around the present one."""
    caller, outer = b.frame, b.assigned
    b.frame, b.assigned = frame, frame.known
    try:
        return action()
    finally:
        b.frame, b.assigned = caller, outer


def annotated(function: FunctionType, text: str) -> object:
    """What an annotation in quotes stands for: evaluated as Python would, by the names of the module, and of the
    function around. Raises whatever that raises."""
    around = {name: lookup(function, name)[1] for name in function.__code__.co_freevars}
    return eval(text, function.__globals__, around)


def lookup(function: FunctionType, name: str) -> tuple[bool, object]:
    """A name that isn't local: from the enclosing function, the module, or Python's builtins."""
    if name in function.__code__.co_freevars and function.__closure__:
        cell = function.__closure__[function.__code__.co_freevars.index(name)]
        try:
            return True, cell.cell_contents
        except ValueError:
            return False, None
    if name in function.__globals__:
        return True, function.__globals__[name]
    if hasattr(builtins, name):
        return True, getattr(builtins, name)
    return False, None


def _suggestion(frame: Frame, public: tuple[str, ...], name: str) -> str:
    """The nearest name that is there, or could be imported."""
    if name in public:
        return f"from pyebpf import {name}"
    known = {*frame.bindings, *frame.python.__globals__, *_ALWAYS}
    words = [*known, *(word for word in public if word not in known)]
    near = difflib.get_close_matches(name, words, n=1, cutoff=0.6)
    if not near:
        return ""
    return f"did you mean `{near[0]}`?" + ("" if near[0] in known else f" (from pyebpf import {near[0]})")


_ALWAYS = ("range", "len", "min", "max", "abs", "print", "None", "True", "False")


def static(b: Builder, value: object, name: str, span: Span) -> Operand:
    """The operand for a Python object: constants become values, the rest stays what it is."""
    match value:
        case bool():
            return b.truth(value, span)
        case IntEnum():
            enumeration = enumeration_of(type(value))
            return b.emit(ops.Const(int(value), IntType(int(value), int(value), enumeration), span))
        case int():
            return constant(b, int(value), span)
        case IPv4Address():
            return b.emit(ops.Const(int(value), IntType(int(value), int(value), layout.IPV4), span))
        case tuple():
            return Values(tuple(static(b, item, name, span) for item in value))
        case Kconfig():
            pointer = PointerType(value.type, Region.DATA, writable=False)
            address = b.emit(ops.VariableAddress(b.module.option(value), pointer, span))
            return memory.read(b, Place(address, value.type, name, span), span)
        case Arena():
            variable = b.module.variable(value, name)
            return b.emit(ops.VariableAddress(variable, PointerType(value.type, Region.ARENA), span))
        case Ksym():
            return ksyms.read(b, value, name, span)
        case float() | complex() | bytes() | list() | dict() | set():
            kind = type(value).__name__
            b.error(errors.NotUsable(span, name, f"a Python {kind}", _INSTEAD.get(kind, "")))
        case _:
            return Static(value, name)


_INSTEAD = {
    "float": "use an integer in a smaller unit",
    "dict": "use a map, filled from Python: Hash[u32, u64](max_entries=16)",
    "list": "use a tuple, or a map filled from Python: Array[u64](max_entries=16)",
    "set": "use a map, filled from Python: Hash[u32, u8](max_entries=16)",
    "bytes": "use text: char[16]",
}


def constant(b: Builder, value: int, span: Span) -> ops.Value:
    """An integer constant, which must fit 64 bits one way or the other."""
    if not I64_MIN <= value <= U64_MAX:
        b.error(type_errors.ConstantTooLarge(span, _short(value)))
    return b.const(value, span)


def _short(value: int) -> str:
    return str(value) if value.bit_length() <= 256 else f"an integer of {value.bit_length()} bits"


def assign_name(b: Builder, name: str, operand: Operand, span: Span, declared: layout.Type | None = None) -> None:
    """`name = operand`, or `name: declared = operand`."""
    frame = b.frame
    if name in frame.python.__code__.co_freevars:  # nonlocal
        if frame.around is None:
            b.error(errors.OutsideName(locals.target(span, name), name))
        if frame.around.home is not b:
            b.error(timers.CallbackCaptures(locals.target(span, name), name))
        in_frame(b, frame.around, lambda: assign_name(b, name, operand, span, declared))
        return
    frame.poisoned.discard(name)
    frame.ended.discard(name)
    operand = values.in_memory(b, operand, span)
    if isinstance(operand, KernelArray):
        operand = kernel_arrays.named(b, operand, span)
    binding = frame.bindings.get(name)
    if binding is None:
        binding = shapes.bind(b, name, operand, span, declared)
        frame.bindings[name] = binding
    elif declared is not None and not shapes.declared_as(binding, declared):
        where = locals.target(span, name)
        b.error(type_errors.ConflictingTypes(where, name, shapes.binding_type(binding), str(declared)))
    locals.write(b, name, binding, operand, span)
    b.assigned |= {name}
