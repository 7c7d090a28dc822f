"""What a timer calls: a @function, or a function of the probe, for the entries of one map."""

from __future__ import annotations

from pyebpf.ir import ops
from pyebpf.ir.types import PointerType, Region, is_scalar
from pyebpf.irbuild import functions, memory, statements, suspects
from pyebpf.irbuild.assigned import assigned_names
from pyebpf.irbuild.bindings import Called, Frame
from pyebpf.irbuild.builder import Abandon, Builder, Later
from pyebpf.irbuild.operands import Closure, Operand, Place, Static
from pyebpf.irbuild.returns import finish_program
from pyebpf.source import Span


def lower(b: Builder, later: Later) -> list[ops.Op]:
    """The ops of a callback."""
    function, callee = later.function, later.callee
    if isinstance(callee, Closure):
        python, around = callee.python, callee.frame
    else:
        python, around = callee.function, None
        for suspect in suspects.of_function(function):
            b.module.warn(suspect)
    b.probe = function
    b.frame = Frame(function, python, 0, (Called(function.name, id(function), 0),), around=around, home=b)
    changed = assigned_names(function)
    with b.block() as body:
        try:
            given = [_key, _value][-len(function.parameters) :]
            for parameter, part in zip(function.parameters, given, strict=True):
                operand = part(b, parameter.span)
                functions.bind_parameter(b, parameter, operand, parameter.span, parameter.name in changed)
        except Abandon:
            return body
        statements.lower_block(b, function.body)
        if b.reachable:
            finish_program(b, Static(None, "None"), function.span, function.span)
    return body


def _key(b: Builder, span: Span) -> Operand:
    """A copy of the key: the callback may delete the entry."""
    assert b.called_for is not None and b.called_for.key is not None
    type = b.called_for.key
    found = b.emit(ops.CallbackPart(b.called_for, "key", PointerType(type, Region.MAP, writable=False), span))
    if is_scalar(type):
        return memory.read(b, Place(found, type, "key", span), span)
    copy = b.slot("key", type, span)
    b.emit(ops.Copy(copy, found, type.size, span))
    return copy


def _value(b: Builder, span: Span) -> Operand:
    """The entry, as `m[key]` is."""
    assert b.called_for is not None and b.called_for.value is not None
    return b.emit(ops.CallbackPart(b.called_for, "value", PointerType(b.called_for.value, Region.MAP), span))
