"""`Exec(pid=1)`, `u32[4](1, 2, 3, 4)`, `char[16]()`: new structs, arrays and texts."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.diagnostics import data as errors
from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.irbuild import contexts, expressions, memory, text_build
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, describe, is_text
from pyebpf.source import Span
from pyebpf.syntax import tree


def construct(b: Builder, type: layout.Type, node: tree.Call) -> Operand:
    """A call of a type that doesn't fit a register: zero but for what is given."""
    if isinstance(type, layout.Array) and not node.keywords:
        return _array(b, type, node)
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
            contexts.unknown_member(b, f"struct {type.name}", word.name, known, word.span)
        else:
            fields.append(field)
    given = expressions.in_order(b, [word.value for word in node.keywords])
    return _new(b, type, fields, given, node.span)


def _text(b: Builder, type: layout.Text, node: tree.Expression, span: Span) -> Operand:
    """`char[8](text)`: as much of it as fits."""
    operand = expressions.evaluate(b, node)
    if not is_text(operand):
        b.error(type_errors.WrongType(node.span, "text", describe(operand), f"str({node.span.text})"))
    return text_build.cut(b, operand, type.length, span)


def _array(b: Builder, type: layout.Array, node: tree.Call) -> Operand:
    if len(node.arguments) not in (0, type.length):
        span = node.arguments[-1].span
        b.error(errors.ArrayValues(span, str(type), type.length, str(len(node.arguments))))
    size = type.element.size
    fields = [layout.Field(f"{number}", type.element, number * size) for number in range(len(node.arguments))]
    return _new(b, type, fields, expressions.in_order(b, node.arguments), node.span)


def _new(
    b: Builder, type: layout.Type, fields: list[layout.Field], given: list[tuple[Operand, Span]], span: Span
) -> ops.Value:
    """A `type` on the stack, zero but for `fields`, which have the `given` values."""
    if b.in_loop:  # in the next round they may come from the very same memory
        given = [(memory.hold(b, operand, where), where) for operand, where in given]
    address = b.slot(str(type).lower(), type, span)
    b.zero(address, type.size, span)
    for field, (operand, where) in zip(fields, given, strict=True):
        memory.store(b, memory.field_place(b, address, field, f"{type}.{field.name}", where), operand, where)
    return address
