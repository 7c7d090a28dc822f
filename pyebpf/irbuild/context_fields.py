"""Fields of contexts that the tables in `kernel.contexts` list: `packet.mark`, `ctx.user_port`.

The kernel translates each access to a context, so offsets are constants and widths as declared. An address of sixteen
bytes is read into memory of the program's own, four bytes at a time.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

from pyebpf import layout
from pyebpf.diagnostics import hooks as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import article
from pyebpf.ir import ops
from pyebpf.ir.types import PointerType, Region
from pyebpf.irbuild import memory
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import ContextArray, Operand, Place
from pyebpf.kernel.contexts import ContextField, ContextStruct, context_of
from pyebpf.kernel.programs import ProgramType
from pyebpf.kernel.registers import registers_of
from pyebpf.source import Span

WORD = layout.U32


def struct_of(b: Builder) -> ContextStruct | None:
    """The program's context, if it has fields by table."""
    architecture = registers_of(b.module.btf_or_none()) if b.hook.program_type is ProgramType.PERF_EVENT else None
    return context_of(b.hook, architecture.machine if architecture is not None else "")


def read(b: Builder, name: str, span: Span, name_span: Span) -> Operand:
    """`ctx.name`."""
    field = _find(b, name, name_span)
    if isinstance(field.type, layout.Array):
        assert isinstance(field.type.element, layout.Integer)
        return ContextArray(field.offset, field.type.element, field.type.length, _may_write(b, field))
    if isinstance(field.type, layout.Address):
        return whole_address(b, field.name, field.type, lambda at: _at(b, field.offset + at, WORD, False, span), span)
    return memory.read(b, _place(b, field, span), span)


def place(b: Builder, name: str, span: Span, name_span: Span) -> Place:
    """Where `ctx.name = …` writes."""
    field = _find(b, name, name_span)
    if not _may_write(b, field):
        _read_only(b, field, span)
    if isinstance(field.type, layout.Array):
        b.error(type_errors.WrongType(span, "one element", f"all of `{span.text}`", f"{span.text}[0] = …"))
    return _place(b, field, span)


def element_place(b: Builder, array: ContextArray, index: Operand, span: Span, index_span: Span) -> Place:
    """Where `packet.cb[0] = …` writes."""
    at = element(b, array, index, index_span)
    if not array.writable:
        b.error(type_errors.ReadOnly(span, f"`{span.text}`"))
    offset = array.offset + at * array.element.size
    return Place(_at(b, offset, array.element, True, span), array.element, span.text, span)


def element(b: Builder, array: ContextArray, index: Operand, index_span: Span) -> int:
    """The number of an element: the kernel allows constant offsets into a context only."""
    if not (ops.is_value(index) and isinstance(index, ops.Const)):
        b.error(type_errors.NotConstant(index_span, "an index into the context", ""))
    if not 0 <= index.value < array.length:
        b.error(type_errors.IndexOutOfRange(index_span, index.value, array.length))
    return index.value


def _find(b: Builder, name: str, name_span: Span) -> ContextField:
    """The field, which programs on this hook may read."""
    struct = struct_of(b)
    assert struct is not None
    known = struct.readable(b.hook)
    field = struct.field(name)
    if field is not None and field in known:
        return field
    names = [each.name for each in known]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near and field is None else ""
    b.error(errors.UnknownContextField(name_span, f"@{b.hook.name}", name, ", ".join(names) or "none", hint))


def _may_write(b: Builder, field: ContextField) -> bool:
    struct = struct_of(b)
    return struct is not None and field in struct.writable(b.hook)


def _read_only(b: Builder, field: ContextField, span: Span) -> None:
    struct = struct_of(b)
    assert struct is not None
    names = [each.name for each in struct.writable(b.hook)]
    b.error(errors.FieldReadOnly(span, field.name, article(b.hook.name), ", ".join(names) or "none of its fields"))


def _place(b: Builder, field: ContextField, span: Span) -> Place:
    """The field as memory, or as some bits of it."""
    unit, bits, bit_offset = field.unit(b.module.big_endian)
    address = _at(b, field.offset, unit, _may_write(b, field), span)
    return Place(address, unit, span.text, span, bits, bit_offset)


def _at(b: Builder, offset: int, type: layout.Type, writable: bool, span: Span) -> ops.Value:
    base = b.emit(ops.ContextPointer(PointerType(layout.U8, Region.CONTEXT, writable=False), span))
    return b.emit(ops.MemberAddress(base, offset, PointerType(type, Region.CONTEXT, writable=writable), span))


def whole_address(
    b: Builder, name: str, type: layout.Address, word_at: Callable[[int], ops.Value], span: Span
) -> ops.Value:
    """An address of several words, as it is now. `word_at`: where the word at a byte of it is."""
    copy = b.slot(name, type, span)
    for at in range(0, type.size, WORD.size):
        word = memory.load(b, word_at(at), WORD, span)
        b.emit(ops.Store(b.member(copy, at, WORD, span), word, span))
    return b.emit(ops.MemberAddress(copy, 0, PointerType(type, Region.STACK, writable=False), span))
