"""`x.name`: fields of structs, members of kernel structs, the context, variables, enums and modules."""

from __future__ import annotations

import difflib
from enum import EnumMeta
from types import ModuleType

from pyebpf import layout
from pyebpf.diagnostics import ksyms as ksym_errors
from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import KernelType, PointerType, Region, is_scalar
from pyebpf.irbuild import (
    context_fields,
    contexts,
    entries,
    integers,
    kept,
    kernel_structs,
    maps,
    memory,
    names,
    packets,
    sockets,
    storage,
    text_methods,
    text_scan,
    timers,
    values,
)
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import (
    Context,
    HistogramAt,
    KernelInteger,
    Method,
    Operand,
    Packet,
    Place,
    Static,
    describe,
    is_text,
    reference,
)
from pyebpf.kernel.hooks import ContextKind
from pyebpf.kernel.packets import access_or_none
from pyebpf.kernel.sockets import FIELDS
from pyebpf.lang.ksyms import Ksym
from pyebpf.lang.maps import Map
from pyebpf.lang.variables import Declared
from pyebpf.source import Span

PACKET_METHODS = ("parse", "load", "read", "write", "store")


def read(
    b: Builder,
    base: Operand,
    name: str,
    span: Span,
    name_span: Span,
    base_span: Span,
    chained: bool = False,
    pending: bool = False,
) -> Operand | KernelInteger:
    """The value of `base.name`. `chained` and `pending` are those of `kernel_structs.read_member`."""
    if is_text(base):
        return text_methods.attribute(b, values.plain(b, base, base_span), name, name_span)
    match base:
        case Context() if (access := access_or_none(b.hook.context)) is not None and name == access.member:
            return Packet()
        case Context() if name == "socket" and context_fields.struct_of(b) is not None:
            return storage.socket(b, span, name_span)
        case Context():
            return contexts.attribute(b, name, span, name_span)
        case Packet():
            return _packet(b, name, span, name_span)
        case Static(value=Map()):
            return _map_method(b, base, name, name_span)
        case HistogramAt() if name == "observe":
            return Method(base, name)
        case HistogramAt():
            hint = f"{base.histogram.name}[{base.key_span.text}].observe(x)"
            b.error(map_errors.NoSuchOperation(name_span, "a histogram", name, hint))
        case Static(value=Ksym() as ksym):
            b.error(ksym_errors.NeedsCpu(base_span, ksym.name))
        case Static(value=Declared()):
            return memory.read(b, variable_place(b, base, name, span, name_span), span)
        case Static():
            return _python(b, base, name, span, name_span)
    base = values.plain(b, base, base_span)
    if values.is_number(base):
        return integers.attribute(b, base, name, name_span)
    if timers.is_timer(base):
        return timers.attribute(b, base, name, name_span)
    if name == "copy" and _can_be_copied(base):
        return Method(base, name)
    if ops.is_value(base) and isinstance(base.type, KernelType) and base.type.struct in FIELDS:
        return sockets.field(b, base, base.type.struct, name, (span, name_span, base_span))
    if ops.is_value(base) and isinstance(base.type, KernelType):
        return kernel_structs.read_member(b, base, base.type.struct, name, span, chained, pending)
    place = _field(b, base, name, span, name_span, base_span)
    if isinstance(place.type, layout.Text) and _untidy(place.address):
        return text_scan.whole(place.address, span)
    if kept.keeper(place.type) is not None:
        return kept.read(b, place, span)
    return memory.read(b, place, span)


def _untidy(address: ops.Value) -> bool:
    """Whether what lies there came from outside, or may have been written as something else."""
    if isinstance(address.type, PointerType) and address.type.region in (Region.PACKET, Region.SLICE):
        return True
    while isinstance(address, ops.MemberAddress | ops.ElementAddress):
        address = address.base
        target = address.type.target if isinstance(address.type, PointerType) else None
        if isinstance(target, layout.Struct) and target.is_union:
            return True
    return False


def _can_be_copied(base: Operand) -> bool:
    pointer = reference(base)
    target = pointer.target if pointer is not None else None
    return isinstance(target, layout.Array) or (isinstance(target, layout.Struct) and target.field("copy") is None)


def place(b: Builder, base: Operand, name: str, span: Span, name_span: Span, base_span: Span) -> Place:
    """Where `base.name = …` writes."""
    match base:
        case Static(value=Declared()):
            return variable_place(b, base, name, span, name_span)
        case Context() | Packet() if context_fields.struct_of(b) is not None:
            return context_fields.place(b, name, span, name_span)
        case Context():
            b.error(type_errors.ReadOnly(span, "the context"))
        case Static():
            b.error(type_errors.ReadOnly(span, f"`{span.text}`"))
    base = values.plain(b, base, base_span)
    if ops.is_value(base) and isinstance(base.type, KernelType):
        b.error(type_errors.ReadOnly(span, f"struct {base.type.struct}"))
    return _field(b, base, name, span, name_span, base_span)


def _field(b: Builder, base: Operand, name: str, span: Span, name_span: Span, base_span: Span) -> Place:
    if ops.is_value(base) and isinstance(base.type, PointerType):
        struct = base.type.target
        if struct in layout.LATER:
            timers.attribute(b, base, name, name_span)
        elif isinstance(struct, layout.Struct):
            field = struct.field(name)
            if field is None:
                known = [field.name for field in struct.fields]
                contexts.unknown_member(b, f"{struct.kind} {struct.name}", name, known, name_span)
                raise values.abandoned()
            return memory.field_place(b, base, field, span.text, span)
    hint = "whole texts are compared, with == and !=" if is_text(base) else ""
    b.error(errors.UnknownAttribute(name_span, describe(base), "attribute", name, hint))


def variable_place(b: Builder, base: Static, name: str, span: Span, name_span: Span) -> Place:
    """`variable.value`."""
    declared = base.value
    assert isinstance(declared, Declared)
    if name != "value":
        b.error(errors.UnknownAttribute(name_span, f"a {declared.kind}", "attribute", name, f"{base.name}.value"))
    variable = b.module.variable(declared, base.name)
    pointer = PointerType(declared.type, Region.DATA, writable=declared.kind == "Global")
    return Place(b.emit(ops.VariableAddress(variable, pointer, span)), declared.type, span.text, span)


def _packet(b: Builder, name: str, span: Span, name_span: Span) -> Operand:
    if name == "offset":
        return packets.offset(b, span)
    if name == "socket":
        return storage.socket(b, span, name_span)
    if name == "flow_keys" and b.hook.context is ContextKind.FLOW_PACKET:
        return packets.flow_keys(b, span)
    if name in PACKET_METHODS:
        return Method(Packet(), name)
    struct = context_fields.struct_of(b)
    fields = [field.name for field in struct.readable(b.hook)] if struct is not None else []
    if struct is not None and struct.field(name) is not None:
        return context_fields.read(b, name, span, name_span)
    near = difflib.get_close_matches(name, (*PACKET_METHODS, "offset", "socket", *fields), n=1, cutoff=0.4)
    hint = f"did you mean `{near[0]}`?" if near else "read headers: ip = packet.parse(IPv4)"
    b.error(errors.UnknownAttribute(name_span, "the packet", "attribute", name, hint))


def _map_method(b: Builder, base: Static, name: str, name_span: Span) -> Operand:
    declared = base.value
    assert isinstance(declared, Map)
    known = (*maps.METHODS[declared.kind], *(entries.VIEWS if declared.kind in entries.HASHES else ()))
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        instead = maps.KEYLESS.get(declared.kind, "").format(base.name)
        words = "it has " + ", ".join(f"`{word}`" for word in known) if known else instead
        hint = f"did you mean `{near[0]}`?" if near else words
        b.error(map_errors.NoSuchOperation(name_span, f"a {declared.kind}", name, hint))
    return Method(base, name)


def _constant_field(b: Builder, base: Static, shape: layout.Struct, name: str, span: Span, name_span: Span) -> Operand:
    """A field of a struct that the module made: a constant, unless it is an array or the like."""
    field = shape.field(name)
    if field is None and name == "copy":
        return Method(values.in_memory(b, base, span), name)
    if field is None:
        known = [field.name for field in shape.fields]
        contexts.unknown_member(b, f"{shape.kind} {shape.name}", name, known, name_span)
        raise values.abandoned()
    value = getattr(base.value, name)
    inner = Static(value, span.text)
    if values.shape_of(inner) is not None:
        return inner
    if is_scalar(field.type) and not shape.is_union:
        return names.static(b, value, span.text, span)
    place = values.in_memory(b, base, span)
    assert ops.is_value(place)
    return memory.read(b, memory.field_place(b, place, field, span.text, span), span)


def _python(b: Builder, base: Static, name: str, span: Span, name_span: Span) -> Operand:
    """An attribute of a Python object that is known now: an enum's member, a module's constant."""
    owner, shape = base.value, values.shape_of(base)
    if shape is not None:
        return _constant_field(b, base, shape, name, span, name_span)
    constant = isinstance(owner, type) and isinstance(vars(owner).get(name), int | str)
    if constant or isinstance(owner, EnumMeta | ModuleType) or hasattr(type(owner), name):
        try:
            return names.static(b, getattr(owner, name), span.text, span)
        except AttributeError:
            pass
    if isinstance(owner, EnumMeta):
        contexts.unknown_member(b, base.name, name, list(owner.__members__), name_span, "member")
    if isinstance(owner, str):
        b.error(errors.UnknownAttribute(name_span, "text in a probe", "method", name, ""))
    known = [word for word in dir(owner) if not word.startswith("_")] if isinstance(owner, ModuleType) else []
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    what = "None" if owner is None else f"`{base.name}`"
    b.error(errors.UnknownAttribute(name_span, what, "attribute", name, f"did you mean `{near[0]}`?" if near else ""))
