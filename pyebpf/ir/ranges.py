"""Ranges of arithmetic results in Python's integers, before any wrapping around."""

from __future__ import annotations

from typing import TypeAlias

from pyebpf.ir.ops import Arithmetic

Range: TypeAlias = tuple[int, int]


def exact(operator: Arithmetic, a: Range, c: Range) -> Range:
    """The range of the result in Python's integers, for operands in the ranges `a` and `c`."""
    match operator:
        case "+":
            return a[0] + c[0], a[1] + c[1]
        case "-":
            return a[0] - c[1], a[1] - c[0]
        case "*":
            corners = [x * y for x in a for y in c]
            return min(corners), max(corners)
        case "//":
            return _quotient(a, c)
        case "%":
            return _remainder(a, c)
        case "<<":
            counts = tuple(min(max(count, 0), 64) for count in c)
            corners = [x << n for x in a for n in counts]
            return min(corners), max(corners)
        case ">>":
            counts = tuple(min(max(count, 0), 64) for count in c)
            corners = [x >> n for x in a for n in counts]
            return min(corners), max(corners)
        case "&":
            return _and(a, c)
        case "|" | "^":
            return _or(a, c)


def rounds(start: Range, stop: Range, step: int) -> int:
    """How often at most a counter comes by `step` from `start` to short of `stop`."""
    distance = stop[1] - start[0] if step > 0 else start[1] - stop[0]
    return max(0, -(-distance // abs(step)))


def _quotient(a: Range, c: Range) -> Range:
    divisors = [d for d in (c[0], c[1], -1, 1) if d and c[0] <= d <= c[1]]
    if not divisors:
        return a
    corners = [x // d for x in a for d in divisors]
    return min(corners), max(corners)


def _remainder(a: Range, c: Range) -> Range:
    low = c[0] + 1 if c[0] < 0 else 0
    high = c[1] - 1 if c[1] > 0 else 0
    if a[0] >= 0 and c[0] > 0:
        high = min(high, a[1])
    return low, high


def _and(a: Range, c: Range) -> Range:
    if a[0] >= 0 and c[0] >= 0:
        return 0, min(a[1], c[1])
    if a[0] >= 0:
        return 0, a[1]
    if c[0] >= 0:
        return 0, c[1]
    bits = _bits(a, c)
    return -(1 << bits), max(a[1], c[1], 0)


def _or(a: Range, c: Range) -> Range:
    bits = _bits(a, c)
    return (0 if a[0] >= 0 and c[0] >= 0 else -(1 << bits)), (1 << bits) - 1


def _bits(a: Range, c: Range) -> int:
    """Bits that hold every magnitude in the ranges, sign aside."""
    return max((n if n >= 0 else ~n).bit_length() for n in (*a, *c))
