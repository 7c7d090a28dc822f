"""Arithmetic of constants, by Python itself: only its result must fit 64 bits.

2**64 - 1           # a fine constant, though 2**64 alone is none
(1 << BITS) - 1     # BITS is an integer at module level
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final

from pyebpf.irbuild import names
from pyebpf.irbuild.builder import Builder
from pyebpf.syntax import tree

LARGEST_BITS: Final = 1024
"""Of what is computed on the way; longer numbers are left to the diagnostics of the operators."""

_OPERATORS: Final[dict[str, Callable[[int, int], int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
}


def fold(b: Builder, node: tree.Expression) -> int | None:
    """The value of an expression of literals and module-level integers; None if it is anything else, or has no
    value."""
    match node:
        case tree.IntLiteral():
            return node.value
        case tree.Name(id=name) if name not in b.frame.bindings:
            found, value = names.lookup(b.frame.python, name)
            return value if found and type(value) is int and name not in _locals(b) else None
        case tree.Unary(operator="-" | "+" | "~"):
            inner = fold(b, node.operand)
            if inner is None:
                return None
            return {"-": -inner, "+": inner, "~": ~inner}[node.operator]
        case tree.Binary():
            return _binary(node.operator, fold(b, node.left), fold(b, node.right))
        case _:
            return None


def _locals(b: Builder) -> tuple[str, ...]:
    code = b.frame.python.__code__
    return code.co_varnames + code.co_cellvars


def _binary(operator: str, left: int | None, right: int | None) -> int | None:
    if left is None or right is None or operator not in _OPERATORS:
        return None
    if max(left.bit_length(), right.bit_length()) > LARGEST_BITS:
        return None
    if operator in ("<<", ">>", "**") and not 0 <= right <= LARGEST_BITS:
        return None
    if operator == "**" and left.bit_length() * right > LARGEST_BITS:
        return None
    if operator in ("//", "%") and right == 0:
        return None
    return _OPERATORS[operator](left, right)
