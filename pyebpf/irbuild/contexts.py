"""The probe's parameter, in hooks that give fields: tracepoints and raw tracepoints."""

from __future__ import annotations

import difflib

from pyebpf import layout
from pyebpf.diagnostics import hooks as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics.base import Error
from pyebpf.ir import ops
from pyebpf.ir.types import U64, AddressType, IntType, PointerType, Region
from pyebpf.irbuild import context_fields, kernel_structs
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import ContextArray, Operand, PendingText
from pyebpf.kernel import btf_types
from pyebpf.kernel.btf import Kind
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.tracepoints import (
    Tracepoint,
    TracepointField,
    raw_tracepoint_names,
    tracepoint_fields,
    tracepoint_names,
)
from pyebpf.source import Span

MOST_RAW_ARGUMENTS = 12
"""MAX_BPF_FUNC_ARGS: no tracepoint has more."""


def attribute(b: Builder, name: str, span: Span, name_span: Span) -> Operand:
    """`ctx.name`."""
    if context_fields.struct_of(b) is not None:
        return context_fields.read(b, name, span, name_span)
    if b.hook.target is not None:
        hint = f"name it among the parameters: def {b.probe.name}({name}):"
        b.error(name_errors.UnknownAttribute(name_span, "the context", "attribute", name, hint))
    if b.hook.context is ContextKind.RAW_ARGS:
        if name != "args":
            b.error(
                errors.UnknownContextField(name_span, f"raw_tracepoint {b.argument}", name, "args[i]", "ctx.args[0]")
            )
        return ContextArray(0, layout.U64, raw_argument_count(b))
    point = tracepoint(b)
    found = next((field for field in point.fields if field.name == name), None)
    if found is None:
        known = [field.name for field in point.fields]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean `{near[0]}`?" if near else ""
        b.error(errors.UnknownContextField(name_span, b.argument, name, ", ".join(known) or "none", hint))
    return _field(b, point, found, span)


def _field(b: Builder, point: Tracepoint, field: TracepointField, span: Span) -> Operand:
    match field.kind:
        case "array":
            return ContextArray(field.offset, _integer(field.size, field.signed), field.count)
        case "text":
            base = b.emit(ops.ContextPointer(PointerType(layout.U8, Region.CONTEXT, writable=False), span))
            return b.member(base, field.offset, layout.Text(field.size * max(field.count, 1)), span)
        case "data_loc" if field.element != 1:
            b.error(errors.MemberType(span, b.argument, field.name, "an array of variable length"))
        case "data_loc":
            return _data_loc(b, field, span)
        case "user_pointer":
            return b.emit(ops.ContextLoad(field.offset, 8, AddressType("user"), span))
        case "kernel_pointer":
            return b.emit(ops.ContextLoad(field.offset, 8, AddressType("kernel"), span))
        case "integer":
            type = _integer(field.size, field.signed)
            if point.source == "table" or not point.struct or b.module.btf_or_none() is None:
                return b.emit(ops.ContextLoad(field.offset, field.size, IntType(type.minimum, type.maximum), span))
            return kernel_structs.context_member(b, point.struct, field.name, type, span)


def _integer(size: int, signed: bool) -> layout.Integer:
    return layout.Integer(f"{'i' if signed else 'u'}{size * 8}", size, signed)


def _data_loc(b: Builder, field: TracepointField, span: Span) -> PendingText:
    """Text of variable length: the low half of the field is its offset in the record."""
    base = b.emit(ops.ContextPointer(PointerType(layout.U8, Region.CONTEXT, writable=False), span))
    both = b.emit(ops.ContextLoad(field.offset, 4, IntType(0, 2**32 - 1), span))
    where = b.emit(ops.Binary("&", both, b.const(0xFFFF, span), IntType(0, 0xFFFF), span))
    address = b.emit(
        ops.ElementAddress(base, where, 1 << 16, PointerType(layout.U8, Region.CONTEXT, writable=False), span)
    )

    def write(builder: Builder, destination: ops.Value, size: int) -> None:
        builder.read_text("kernel", destination, size, address, span)

    return PendingText(write, 0, span.text)


def element(b: Builder, array: ContextArray, index: Operand, span: Span, index_span: Span) -> ops.Value:
    """`ctx.args[i]`: the kernel allows constant offsets into a context only."""
    at = context_fields.element(b, array, index, index_span)
    type = array.element
    register = U64 if type.size == 8 and not type.signed else IntType(type.minimum, type.maximum)
    return b.emit(ops.ContextLoad(array.offset + at * type.size, type.size, register, span))


def tracepoint(b: Builder) -> Tracepoint:
    """The program's tracepoint with its fields, or a diagnostic at the decorator."""
    span = decorator_span(b)
    category, colon, name = b.argument.partition(":")
    if not (colon and category and name):
        names = tracepoint_names()
        near = difflib.get_close_matches(b.argument, [known.partition(":")[2] for known in names], n=1, cutoff=0.8)
        full = next((known for known in names if near and known.partition(":")[2] == near[0]), "")
        hint = f'@tracepoint("{full}")' if full else ""
        b.error(errors.BadHookName(span, b.argument, "category:name", hint))
    try:
        found = tracepoint_fields(category, name, btf=b.module.given_btf)
    except Error as error:
        b.error(errors.NoTracepoints(span, b.argument, str(error)))
    if found is None:
        near = difflib.get_close_matches(b.argument, tracepoint_names(), n=1, cutoff=0.6)
        b.error(errors.UnknownTracepoint(span, b.argument, f'@tracepoint("{near[0]}")' if near else ""))
    return found


def decorator_span(b: Builder) -> Span:
    """Where the decorator names the hook's argument; the `def` line if that can't be found."""
    definition = b.probe.span
    for line in range(definition.line, max(definition.line - 40, 0), -1):
        text = definition.source.line(line)
        for quote in "\"'":
            column = text.find(f"{quote}{b.argument}{quote}")
            if column >= 0:
                return Span(definition.source, line, column, line, column + len(b.argument) + 2)
    return definition


def raw_argument_count(b: Builder) -> int:
    """How many arguments a raw tracepoint has, where BTF is at hand to say so."""
    btf = b.module.btf_or_none()
    if btf is None:
        return MOST_RAW_ARGUMENTS
    typedef = btf.find(f"btf_trace_{b.argument}", Kind.TYPEDEF)
    if typedef is None:
        return MOST_RAW_ARGUMENTS
    pointer = btf.type(btf.resolve(typedef))
    prototype = btf.type(btf.resolve(pointer.type_id)) if isinstance(pointer, btf_types.Pointer) else None
    if not isinstance(prototype, btf_types.FunctionPrototype):
        return MOST_RAW_ARGUMENTS
    return max(len(prototype.parameters) - 1, 1)  # the first is the tracing subsystem's own


def check_hook(b: Builder) -> None:
    """A diagnostic if the hook's argument names nothing on the kernel that is compiled for."""
    if b.hook.context is ContextKind.TRACEPOINT:
        tracepoint(b)
    elif b.hook.context is ContextKind.RAW_ARGS:
        _check_raw(b)


def _check_raw(b: Builder) -> None:
    btf = b.module.btf_or_none()
    if btf is None:
        return
    names = raw_tracepoint_names(btf)
    if names and b.argument not in names:
        near = difflib.get_close_matches(b.argument.partition(":")[2] or b.argument, names, n=1, cutoff=0.6)
        hint = f'@raw_tracepoint("{near[0]}")' if near else ""
        b.error(errors.UnknownTracepoint(decorator_span(b), b.argument, hint))


def unknown_member(b: Builder, owner: str, name: str, known: list[str], span: Span, kind: str = "field") -> Operand:
    """Nothing of that name; the nearest is suggested."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(known[:12])}" if known else ""
    b.error(name_errors.UnknownAttribute(span, owner, kind, name, hint))
