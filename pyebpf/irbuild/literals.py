"""`Exec(pid=1)`, `u32[4](1, 2, 3, 4)`, `char[16]()`: new structs, arrays and texts."""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import data as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.loops import StackTooLarge
from pyebpf.ir import ops
from pyebpf.ir.scratch import LARGEST
from pyebpf.irbuild import contexts, expressions, memory, stacks, text_build
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, describe, is_text
from pyebpf.lang.structs import initial_of
from pyebpf.source import Span
from pyebpf.syntax import tree

WORD: Final = 8


def construct(b: Builder, declared: object, type: layout.Type, node: tree.Call) -> Operand:
    """A call of a type that doesn't fit a register: zero but for defaults and what is given."""
    if type.size > LARGEST:
        b.error(StackTooLarge(node.span, type.size, LARGEST, str(type), type.size))
    if isinstance(type, layout.Array) and not node.keywords:
        return _array(b, declared, type, node)
    if isinstance(type, layout.Text) and len(node.arguments) == 1 and not node.keywords:
        return _text(b, type, node.arguments[0], node.span)
    if node.arguments:
        what = "keyword arguments" if isinstance(type, layout.Struct) else "no arguments"
        b.error(name_errors.WrongArguments(node.arguments[0].span, str(type), what, "positional ones"))
    fields = []
    for word in node.keywords:
        if not isinstance(type, layout.Struct):
            b.error(name_errors.WrongArguments(word.span, str(type), "no arguments", f"`{word.name}=`"))
        field = type.field(word.name)
        if field is None:
            known = [field.name for field in type.fields]
            contexts.unknown_member(b, f"{type.kind} {type.name}", word.name, known, word.span)
        else:
            fields.append(field)
    if isinstance(type, layout.Struct) and type.is_union and len(fields) > 1:
        b.error(errors.UnionFields(node.keywords[1].span, type.name, fields[0].name, fields[1].name))
    words = [
        (field, word.value, stacks.wanted(b, word.value)) for field, word in zip(fields, node.keywords, strict=True)
    ]
    given = expressions.in_order(b, [value for _, value, stack in words if stack is None])
    plain = [field for field, _, stack in words if stack is None]
    new = _new(b, type, plain, given, initial_of(declared, type.size), node.span)
    for field, _, stack in words:  # written by the kernel, straight to where they go
        if stack is not None:
            stacks.store(b, memory.field_place(b, new, field, f"{type}.{field.name}", stack.span), stack)
    return new


def _text(b: Builder, type: layout.Text, node: tree.Expression, span: Span) -> Operand:
    """`char[8](text)`: as much of it as fits."""
    operand = expressions.evaluate(b, node)
    if not is_text(operand):
        b.error(type_errors.WrongType(node.span, "text", describe(operand), f"str({node.span.text})"))
    return text_build.cut(b, operand, type.length, span)


def _array(b: Builder, declared: object, type: layout.Array, node: tree.Call) -> Operand:
    if len(node.arguments) not in (0, type.length):
        span = node.arguments[-1].span
        b.error(errors.ArrayValues(span, str(type), type.length, str(len(node.arguments))))
    size = type.element.size
    fields = [layout.Field(f"{number}", type.element, number * size) for number in range(len(node.arguments))]
    given = expressions.in_order(b, node.arguments)
    return _new(b, type, fields, given, initial_of(declared, type.size), node.span)


def _new(
    b: Builder,
    type: layout.Type,
    fields: list[layout.Field],
    given: list[tuple[Operand, Span]],
    initial: bytes,
    span: Span,
) -> ops.Value:
    """A `type` on the stack: the `initial` bytes, but for `fields`, which have the `given` values."""
    if b.in_loop:  # in the next round they may come from the very same memory
        given = [(memory.hold(b, operand, where), where) for operand, where in given]
    address = b.slot(str(type).lower(), type, span)
    b.zero(address, type.size, span)
    if not (isinstance(type, layout.Struct) and type.is_union and fields):
        _defaults(b, address, fields, initial, span)
    for field, (operand, where) in zip(fields, given, strict=True):
        memory.store(b, memory.field_place(b, address, field, f"{type}.{field.name}", where), operand, where)
    return address


def _defaults(b: Builder, address: ops.Value, fields: list[layout.Field], initial: bytes, span: Span) -> None:
    """Write those words of `initial` that aren't zero; of what is given next, nothing."""
    left = bytearray(initial)
    for field in fields:
        if not field.bits:
            left[field.offset : field.offset + field.type.size] = bytes(field.type.size)
    for at in range(0, len(left), WORD):
        word = bytes(left[at : at + WORD])
        if any(word):
            place = b.member(address, at, layout.Array(layout.U8, len(word)), span)
            b.emit(ops.StoreBytes(place, word, span))
