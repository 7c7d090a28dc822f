"""Arguments of iterators that lead to keys and values of a map: the program says what these are, by an annotation.

    @iterator("bpf_map_elem")
    def entry(key: u32, value: Flow): ...

The kernel compares the sizes with the map's when the program is attached to it. What is there is copied: the entry may
change, or go, while the program runs.
"""

from __future__ import annotations

from typing import Final

from pyebpf import layout
from pyebpf.diagnostics import arguments as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import PointerType, Region, is_scalar
from pyebpf.irbuild import assignments, functions, memory
from pyebpf.irbuild.builder import Builder
from pyebpf.kernel.arguments import WORD, Argument
from pyebpf.kernel.hooks import PLACES
from pyebpf.syntax import tree

LARGEST: Final = 256
"""Bytes that are copied at offsets that the verifier sees; it takes no others here."""


def leads(b: Builder, argument: Argument) -> bool:
    """Whether `argument` leads to a key or a value."""
    place = PLACES.get(b.argument)
    return place is not None and argument.name in place.pointed


def bind(b: Builder, parameter: tree.Parameter, node: tree.Expression, argument: Argument, changed: bool) -> None:
    """The parameter as a copy of what the argument leads to; the program ends where it leads nowhere, at the end."""
    span = parameter.span
    type = assignments.annotation(b, node)
    if not isinstance(type, layout.Type) or layout.locks(type) or layout.renewed(type):
        b.error(errors.ArgumentType(span, span.text))
    if type.size > LARGEST:
        b.error(type_errors.WrongType(node.span, f"a type of up to {LARGEST} bytes", f"{type.size} bytes", ""))
    pointer = PointerType(type, Region.MAP, True, writable=False)
    given = b.emit(ops.ContextLoad(argument.place * WORD, WORD, pointer, span))

    def end() -> None:
        b.emit(ops.Return(b.const(0, span), span))

    b.if_(b.negate(b.present(given, span), span), end, None, span)
    there = b.not_null(given, span)
    if is_scalar(type):
        functions.bind_parameter(b, parameter, memory.load(b, there, type, span), span, changed)
        return
    place = b.slot(parameter.name, type, span)
    b.emit(ops.Copy(place, there, type.size, span))
    functions.bind_value(b, parameter.name, memory.load(b, place, type, span))
