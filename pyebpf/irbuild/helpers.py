"""Calls of the kernel's helpers by name: each argument is checked against the table of prototypes."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import helpers as errors
from pyebpf.diagnostics import kfuncs as kfunc_errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import InternalError, unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import I64, NONE, AddressType, IntType, KernelType, ValueType
from pyebpf.irbuild import buffers, dynptrs, expressions, ksyms, maps, order, packets, queues, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Context, Operand, Packet, Static, describe
from pyebpf.irbuild.trusted import CURRENT, trusted
from pyebpf.kernel.contexts import socket_of
from pyebpf.kernel.dynptrs import WRITES, Slicer, maker_by_name, slicer_by_name
from pyebpf.kernel.maps import MapType
from pyebpf.kernel.prototypes import INSTEAD, OF_SOCKETS, OF_STRUCTS, Parameter, Prototype, prototype_by_name
from pyebpf.kernel.sockets import FIELDS, LOOKUPS, SOCKET
from pyebpf.lang.helpers import KernelHelper
from pyebpf.lang.maps import Map
from pyebpf.source import Span
from pyebpf.syntax import tree

_INTEGERS = {
    str(type): type
    for type in (layout.U8, layout.U16, layout.U32, layout.U64, layout.I8, layout.I16, layout.I32, layout.I64)
} | {str(type): type for type in (layout.BE16, layout.BE32)}
VARIABLE = "variable"
"""The result of helpers that give what a variable of the kernel is."""
_WIDTHS = {2: layout.BE16, 4: layout.BE32}
_WIDTH_MASK = 0xF
"""BPF_F_HDR_FIELD_MASK: where the arguments of checksum helpers say how many bytes a number has."""


def call(b: Builder, helper: KernelHelper, node: tree.Call) -> Operand:
    """`send_signal(9)`."""
    prototype = prototype_by_name(helper.name)
    if prototype is None:
        b.error(errors.HelperInstead(node.span, helper.name, INSTEAD[helper.name]))
    if maker_by_name(helper.name) is not None:
        b.error(kfunc_errors.KfuncNeedsWith(node.span, helper.name, f"{node.span.text} as data"))
    if helper.name in LOOKUPS:
        b.error(kfunc_errors.KfuncNeedsWith(node.span, helper.name, f"{node.span.text} as socket"))
    if (slicer := slicer_by_name(helper.name)) is not None:
        return _slice(b, slicer, prototype, node)
    arguments = _arguments(b, prototype, node)
    if prototype.result == VARIABLE:
        return ksyms.of_cpu(b, helper.name, arguments, node.span)
    result = _call(b, prototype, arguments, node.span)
    if prototype.moves:
        packets.again(b, node.span)
    if helper.name in WRITES and dynptrs.moves(b, node.arguments[0]):
        packets.renew(b, node.span)
    return Static(None, "None") if result.type == NONE else result


def made(b: Builder, name: str, node: tree.Call, *room: ops.Value) -> ops.Value:
    """What a call for a `with` block gives: the status of one that makes a dynptr at `room`; what another has found
    that must be given back, or null."""
    prototype = prototype_by_name(name)
    assert prototype is not None
    return _call(b, prototype, (*_arguments(b, prototype, node), *room), node.span)


def _slice(b: Builder, slicer: Slicer, prototype: Prototype, node: tree.Call) -> Operand:
    """A part of a dynptr: the last argument is its type."""
    _check_count(b, prototype, prototype.parameters, node)
    type = dynptrs.slice_type(b, node.arguments[-1], slicer.name)
    arguments: list[ops.Value] = []
    for parameter, argument in zip(prototype.parameters[:-1], node.arguments[:-1], strict=True):
        arguments += _argument(b, slicer.name, parameter, argument, ())
    given = (*arguments, *dynptrs.buffer(b, slicer, type, node.span))
    found = b.call(slicer.name, given, dynptrs.slice_pointer(slicer, type), node.span)
    return dynptrs.part(b, found, node.span)


def _check_count(b: Builder, prototype: Prototype, parameters: tuple[Parameter, ...], node: tree.Call) -> None:
    if node.keywords:
        word = node.keywords[0]
        b.error(name_errors.WrongArguments(word.span, prototype.name, "no keyword arguments", f"`{word.name}=`"))
    if len(node.arguments) != len(parameters):
        found = f"{len(node.arguments)} argument{'s' * (len(node.arguments) != 1)}"
        b.error(name_errors.WrongArguments(node.span, prototype.name, _takes(prototype), found))


def _arguments(b: Builder, prototype: Prototype, node: tree.Call) -> tuple[ops.Value, ...]:
    """The registers of a call, but for that of a dynptr that it makes."""
    parameters = tuple(parameter for parameter in prototype.parameters if parameter.kind != "room")
    arguments: list[ops.Value] = []
    ordered = any(parameter.kind == "net" for parameter in parameters)
    if parameters and parameters[0].kind == "context" and len(node.arguments) == len(parameters) - 1 and not ordered:
        arguments.append(packets.context(b, node.span))  # it goes without saying, where no parameter is the context
        parameters = parameters[1:]
    _check_count(b, prototype, parameters, node)
    for number, (parameter, argument) in enumerate(zip(parameters, node.arguments, strict=True)):
        arguments += _argument(b, prototype.name, parameter, argument, node.arguments[number + 1 :])
    return tuple(_in_packet_order(b, prototype, arguments, node) if ordered else arguments)


def _call(b: Builder, prototype: Prototype, arguments: tuple[ops.Value, ...], span: Span) -> ops.Call:
    type = _result(prototype.result)
    if prototype.answers:
        type = IntType(*b.hook.result)
    if prototype.name == CURRENT[0]:  # an address as a number, for the verifier
        type = KernelType(prototype.result)
    return b.call(prototype.name, arguments, type, span)


def _takes(prototype: Prototype) -> str:
    written = [parameter for parameter in prototype.parameters if parameter.kind != "room"]
    count = len(written)
    if not count:
        return "no arguments"
    names = ", ".join(map(str, written))
    return f"{count} argument{'s' * (count != 1)} ({names})"


def _result(name: str) -> ValueType:
    """The register type of what a helper gives."""
    if name == "void":
        return NONE
    if name == "int":
        return I64
    if name in FIELDS:
        return KernelType(name)
    integer = _INTEGERS.get(name)
    return KernelType(name, direct=True) if integer is None else IntType(integer.minimum, integer.maximum)


def _argument(
    b: Builder, name: str, parameter: Parameter, node: tree.Expression, later: tuple[tree.Expression, ...]
) -> list[ops.Value]:
    """The registers of one argument: memory has two where the kernel is told its size."""
    if parameter.kind == "memory":
        return _memory(b, name, parameter, node, later)
    operand, span = order.kept(b, expressions.evaluate(b, node), node.span, later), node.span
    match parameter.kind:
        case "context" if b.hook.target is not None and name in OF_STRUCTS:
            return [trusted(b, OF_STRUCTS[name], operand, span)]
        case "context" if (name, b.hook.program_type) in OF_SOCKETS:
            return [_socket(b, operand, span)]
        case "context":
            if not isinstance(operand, Packet | Context):
                named = "ctx" if b.hook.target is not None else b.probe.parameters[0].name
                b.error(type_errors.WrongType(span, "the probe's context", describe(operand), named))
            return [packets.context(b, span)]
        case "number" | "net":
            return [_number(b, parameter, operand, span)]
        case "address":
            return [address(b, operand, span)]
        case "map":
            return [_map(b, parameter, operand, span)]
        case "percpu":
            return [ksyms.variable(b, operand, span)]
        case "struct":
            return [trusted(b, parameter.structs, operand, span)]
        case "dynptr":
            return [dynptrs.argument(b, operand, span)]
        case "room" | "type":
            raise InternalError(f"{name} is given `{parameter.name}` as an argument")
        case _:
            unreachable(parameter.kind)


def _socket(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """The socket that a hook's context has."""
    if ops.is_value(operand) and isinstance(operand.type, KernelType) and operand.type.struct == SOCKET:
        return operand
    cure = f"{b.probe.parameters[0].name}.socket" if socket_of(b.hook) is not None else ""
    b.error(type_errors.WrongType(span, "a socket", describe(operand), cure))


def _number(b: Builder, parameter: Parameter, operand: Operand, span: Span) -> ops.Value:
    type = _INTEGERS[parameter.type]
    value = values.fit(b, operand, IntType(type.minimum, type.maximum), span, type.name)
    return swapped(b, value, type, span) if type.big_endian else value


def swapped(b: Builder, value: ops.Value, type: layout.Integer, span: Span) -> ops.Value:
    """The bits of `value` in network order, as a number: written as such, and read as they lie."""
    place = b.scratch("network order", type, span)
    b.emit(ops.Store(place, value, span))
    plain = layout.Integer(f"u{type.size * 8}", type.size)
    return b.emit(ops.Load(b.member(place, 0, plain, span), IntType(0, plain.maximum), span))


def _in_packet_order(b: Builder, prototype: Prototype, arguments: list[ops.Value], node: tree.Call) -> list[ops.Value]:
    """Numbers that stand in the packet, of as many bytes as the last argument says; with none of them they are sums,
    which have no order."""
    last = arguments[-1]
    if not isinstance(last, ops.Const):
        b.error(type_errors.WrongType(node.arguments[-1].span, "a constant", "a number that may vary", ""))
    type = _WIDTHS.get(last.value & _WIDTH_MASK)
    if type is None:
        return arguments
    found = []
    for parameter, value, argument in zip(prototype.parameters, arguments, node.arguments, strict=True):
        if parameter.kind == "net":
            span = argument.span
            fitting = values.fit_integer(b, value, IntType(0, type.maximum), span, str(type))
            value = swapped(b, fitting, type, span)
        found.append(value)
    return found


def address(b: Builder, operand: Operand, span: Span) -> ops.Value:
    """`operand` as an address that is passed on as it is."""
    operand = values.plain(b, operand, span)
    if ops.is_value(operand) and isinstance(operand.type, AddressType | IntType | KernelType):
        return operand
    b.error(type_errors.WrongType(span, "an address", describe(operand), ""))


def _map(b: Builder, parameter: Parameter, operand: Operand, span: Span) -> ops.Value:
    expected = f"a map of the type {' or '.join(type.name for type in parameter.maps)}"
    if not (isinstance(operand, Static) and isinstance(operand.value, Map)):
        b.error(type_errors.WrongType(span, expected, describe(operand), ""))
    map = maps.ref(b, operand)
    if MapType(map.type) not in parameter.maps:
        b.error(type_errors.WrongType(span, expected, describe(operand), ""))
    return queues.address(b, map, span)


def _memory(
    b: Builder, name: str, parameter: Parameter, node: tree.Expression, later: tuple[tree.Expression, ...]
) -> list[ops.Value]:
    if parameter.optional and isinstance(node, tree.NoneLiteral):
        return [b.const(0, node.span), b.const(0, node.span)]
    buffer = buffers.given(b, node, name, parameter.use != "in", later)
    if maker_by_name(name) is not None:
        dynptrs.lasting(b, name, buffer)
    if parameter.size:
        if buffer.most < parameter.size or buffer.may_be_empty:
            what = f"at least {parameter.size} bytes"
            b.error(type_errors.WrongType(node.span, what, f"{buffer.most}", ""))
        return [buffer.address]
    if buffer.may_be_empty and not parameter.empty:
        zero = b.const(0, node.span)
        b.check(b.compare(">", buffer.size, zero, node.span), Fault.VALUE, node.span)
    return [buffer.address, buffer.size]
