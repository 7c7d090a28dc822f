"""Arithmetic in 64 bits. Numbers are Python integers as their types read them; nothing else has that many bits."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final

from pyebpf.diagnostics.base import InternalError
from pyebpf.ir.ops import Arithmetic, Comparison
from pyebpf.ir.types import U64_MAX, BoolType, IntType, PointerType, ValueType
from pyebpf.layout import Integer
from pyebpf.simulator.memory import Word

WIDTH: Final = 64
COMPARE: Final[dict[Comparison, Callable[[int, int], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def register(value: int, type: ValueType) -> int:
    """The low 64 bits of `value`, as a `type` reads them."""
    value &= U64_MAX
    negative = isinstance(type, IntType) and type.low < 0 and value >> (WIDTH - 1)
    return value - (1 << WIDTH) if negative else value


def arithmetic(sign: Arithmetic, left: int, right: int) -> int:
    """Python's result."""
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "//" | "%":
            if not right:
                raise InternalError("the program divides by zero, against its check")
            return left // right if sign == "//" else left % right
        case "<<" | ">>":
            if right < 0:
                raise InternalError(f"the program shifts by {right}, against its check")
            if sign == ">>":
                return left >> min(right, WIDTH)
            return left << right if right < WIDTH else 0
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right


def converted(value: int, target: Integer) -> int:
    """The low bits of `value`, read as `target`."""
    bits = target.size * 8
    value &= (1 << bits) - 1
    return value - (1 << bits) if target.signed and value >> (bits - 1) else value


def in_type(value: Word, type: ValueType, what: str) -> Word:
    """`value`, which the compiler says is a `type`. InternalError if it isn't."""
    match type:
        case IntType():
            if not (isinstance(value, int) and type.low <= value <= type.high):
                raise InternalError(f"{what} is {value}, which is no {type}")
        case BoolType():
            if not (isinstance(value, int) and 0 <= value <= 1):
                raise InternalError(f"{what} is {value}, which is no truth value")
        case PointerType(nullable=False):
            if value is None:
                raise InternalError(f"{what} is null, which {type} never is")
        case _:
            pass
    return value
