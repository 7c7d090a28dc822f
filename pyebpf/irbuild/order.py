"""The order of evaluation: operands keep what they were while those after them are computed.

    same(event.name, rename(event))     # the first argument is the name before rename

Numbers are values from the start, and names may well refer to the same struct. But text and addresses lie in memory
until they are used, and in Python they never change.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Final

from pyebpf import layout
from pyebpf.ir import ops
from pyebpf.irbuild import memory, names
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Operand, Optional, OptionalValues, PendingText, Static, Values, reference
from pyebpf.lang.functions import Builtin
from pyebpf.lang.types import layout_or_none
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.walk import parts

HARMLESS: Final = (
    *(print, min, max, abs, len, range, enumerate, zip),
    *(),
)
"""Python's functions that change nothing."""
READING: Final = frozenset({"kernel_read", "user_read"})
"""The language's own functions that may raise."""
CHANGING: Final = frozenset({"pop", "push", "setdefault"})
"""Methods of maps that change which entries there are."""


def frozen(b: Builder, operand: Operand, span: Span) -> Operand:
    """`operand`, copied if it is text or an address, for statements that come before it is used may change it."""
    if isinstance(operand, Values):
        return Values(tuple(frozen(b, item, span) for item in operand.items))
    if isinstance(operand, PendingText) and operand.sources:
        return memory.hold(b, operand, span)
    pointer = reference(operand)
    if pointer is None or isinstance(pointer.target, layout.Struct | layout.Array):
        return operand
    return memory.hold(b, operand, span)


def kept(b: Builder, operand: Operand, span: Span, later: Sequence[tree.Expression]) -> Operand:
    """`operand`, copied if it is text or an address that computing `later` may change."""
    if isinstance(operand, Values):
        return Values(tuple(kept(b, item, span, later) for item in operand.items))
    if isinstance(operand, OptionalValues):
        return OptionalValues(
            operand.present, Values(tuple(kept(b, item, span, later) for item in operand.values.items))
        )
    if isinstance(operand, Optional):
        held = kept(b, operand.value, span, later)
        assert ops.is_value(held)
        return Optional(operand.present, held)
    if isinstance(operand, PendingText) and (operand.sources or operand.may_fault):
        early = may_change(b, later) or (operand.may_fault and _may_raise(b, later))
        return memory.hold(b, operand, span) if early else operand
    pointer = reference(operand)
    if pointer is None or isinstance(pointer.target, layout.Struct | layout.Array):
        return operand
    return memory.hold(b, operand, span) if may_change(b, later) else operand


def may_change(b: Builder, later: Sequence[tree.Expression]) -> bool:
    """Whether computing `later` may change what lies in memory."""
    return any(_may_write(b, node) for node in later)


def _may_write(b: Builder, node: tree.Expression) -> bool:
    """Whether `node` assigns a name, calls a @function, or changes which entries a map has."""
    return any(
        isinstance(part, tree.Walrus) or (isinstance(part, tree.Call) and _may_call_function(b, part.function))
        for part in parts(node)
    )


def _may_raise(b: Builder, later: Sequence[tree.Expression]) -> bool:
    """Whether computing `later` may raise, which what comes before it has to be ahead of."""
    return any(
        isinstance(part, tree.Subscript)
        or (isinstance(part, tree.Binary) and part.operator in ("//", "%"))
        or (isinstance(part, tree.Call) and _may_call_raise(b, part.function))
        for node in later
        for part in parts(node)
    )


def _may_call_raise(b: Builder, node: tree.Expression) -> bool:
    if isinstance(node, tree.Name) and isinstance(static(b, node.id), Builtin):
        return node.id in READING
    return _may_call_function(b, node)


def _may_call_function(b: Builder, node: tree.Expression) -> bool:
    if isinstance(node, tree.Attribute) and isinstance(node.value, tree.Name):
        if node.name in CHANGING:
            return True
        return isinstance(static(b, node.value.id), ModuleType)  # others have methods of the language
    if not isinstance(node, tree.Name):
        return True
    value = static(b, node.id)
    known = isinstance(value, Builtin) or any(value is function for function in HARMLESS)
    return not known and layout_or_none(value) is None


def static(b: Builder, name: str) -> object:
    """The Python object that `name` stands for, if it does."""
    binding = b.frame.bindings.get(name)
    if binding is None:
        return names.lookup(b.frame.python, name)[1]
    return binding.operand.value if isinstance(binding, Fixed) and isinstance(binding.operand, Static) else None
