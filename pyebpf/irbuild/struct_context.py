"""Programs that user space runs: the struct that it gives them is copied in, and out again on every way out.

The verifier wants each access to a context at an offset that it sees, so that a struct in local memory is the more
useful one. What the program surely leaves as it was isn't copied out.
"""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics.places import ArgumentStruct
from pyebpf.ir import ops
from pyebpf.ir.types import IntType, is_scalar
from pyebpf.irbuild import assignments, functions, memory
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.open_blocks import Held
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.walk import parts

LARGEST: Final = 1024
"""Bytes of the struct. The kernel takes up to 64 KiB."""


def bind(b: Builder, function: tree.Function) -> None:
    """The one parameter, or none."""
    if not function.parameters:
        return
    parameter = function.parameters[0]
    type = assignments.annotation(b, parameter.annotation) if parameter.annotation is not None else None
    wrong = len(function.parameters) > 1 or parameter.default is not None
    if (
        wrong
        or not isinstance(type, layout.Struct)
        or type.size > LARGEST
        or layout.locks(type)
        or layout.renewed(type)
    ):
        b.error(ArgumentStruct(function.name_span, function.name, parameter.name))
    span = parameter.span
    place = b.slot(parameter.name, type, span)
    for offset, number in _chunks(type.size):
        value = b.emit(ops.ContextLoad(offset, number.size, IntType(0, number.maximum), span))
        b.emit(ops.Store(b.member(place, offset, number, span), value, span))
    functions.bind_value(b, parameter.name, memory.load(b, place, type, span))
    if not _only_read(function, parameter.name, type):
        b.unwinding.append(Held(lambda: _copy_out(b, place, type.size, span), 0))


def _copy_out(b: Builder, place: ops.SlotAddress, size: int, span: Span) -> None:
    for offset, number in _chunks(size):
        value = b.emit(ops.Load(b.member(place, offset, number, span), IntType(0, number.maximum), span))
        b.emit(ops.ContextStore(offset, number.size, value, span))


def _chunks(size: int) -> list[tuple[int, layout.Integer]]:
    """Offsets, and the widest numbers that fit there, which cover `size` bytes."""
    found, at = [], 0
    while at < size:
        width = next(width for width in (8, 4, 2, 1) if at + width <= size)
        found.append((at, layout.Integer(f"u{width * 8}", width)))
        at += width
    return found


def _only_read(function: tree.Function, name: str, type: layout.Struct) -> bool:
    """Whether nothing but numbers and text in `name` are looked at, and none of them is assigned."""
    nodes = list(parts(function.body))
    plain = {field.name for field in type.fields if is_scalar(field.type) or isinstance(field.type, layout.Text)}
    read = [node.value for node in nodes if isinstance(node, tree.Attribute) and node.name in plain]
    named = [node for node in nodes if isinstance(node, tree.Name) and node.id == name]
    assigned = [
        inner
        for node in nodes
        if isinstance(node, tree.Assign | tree.AugAssign | tree.AnnAssign)
        for target in (node.targets if isinstance(node, tree.Assign) else (node.target,))
        for inner in parts(target)
        if isinstance(inner, tree.Name) and inner.id == name
    ]
    return not assigned and all(any(node is each for each in read) for node in named)
