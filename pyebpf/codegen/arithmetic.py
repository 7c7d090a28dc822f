"""Integer operations with Python's meaning, in instructions that every BPF processor version has."""

from __future__ import annotations

from typing import Final

from pyebpf.codegen.memory import extend, swap_constant
from pyebpf.codegen.text import Code, Operand, as_integer, constant, low_bits
from pyebpf.diagnostics.base import InternalError
from pyebpf.ir import ops
from pyebpf.ir.types import I64_MAX, U64, BoolType, IntType, ValueType
from pyebpf.layout import Integer

_SIMPLE: Final = {"+": "add", "-": "sub", "*": "mul", "&": "and", "|": "or", "^": "xor"}
_ORDER: Final = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


def integer(type: ValueType) -> IntType:
    """The range of an operand; truth values count as 0 and 1."""
    match type:
        case IntType():
            return type
        case BoolType():
            return IntType(0, 1)
        case _:
            raise InternalError(f"arithmetic with {type}")


def binary(code: Code, op: ops.Binary, left: Operand, right: Operand) -> Operand:
    """`left operator right` in 64 bits."""
    x, y = as_integer(code, left), as_integer(code, right)
    if op.operator in ("&", "|") and may_be_truth(op.left) and may_be_truth(op.right):
        # Of `(p is not None) | (q is not None)` LLVM makes (p | q) != 0, and the verifier has no pointers or-ed.
        x = code.hidden(x)
    signed = integer(op.left.type).signed
    match op.operator:
        case "+" | "-" | "*" | "&" | "|" | "^":
            text = code.value(f"{_SIMPLE[op.operator]} i64 {x}, {y}")
        case "<<" | ">>":
            text = _shift(code, op, x, y, signed)
        case "//":
            text = _quotient(code, op, x, y, signed)
        case "%":
            text = _remainder(code, op, x, y, signed)
    return Operand(text, "i64")


def may_be_truth(value: ops.Value) -> bool:
    """Whether a value may be the outcome of a test, as it is or by way of names."""
    match value:
        case ops.Convert() | ops.Prove():
            return may_be_truth(value.value)
        case ops.Binary():
            return value.operator in ("&", "|", "^") and may_be_truth(value.left) and may_be_truth(value.right)
        case ops.Const() | ops.Load() | ops.BitLength() | ops.Call() | ops.KfuncCall():
            return False
        case _:
            return not isinstance(value.type, IntType) or value.type.low <= 1 <= value.type.high


def _shift(code: Code, op: ops.Binary, x: str, y: str, signed: bool) -> str:
    instruction = "shl" if op.operator == "<<" else "ashr" if signed else "lshr"
    if isinstance(op.right, ops.Const):
        if op.right.value < 64:
            return code.value(f"{instruction} i64 {x}, {op.right.value}")
        return code.value(f"ashr i64 {x}, 63") if instruction == "ashr" else "0"
    if integer(op.right.type).high < 64:
        return code.value(f"{instruction} i64 {x}, {y}")
    small = code.value(f"icmp ult i64 {y}, 64")
    if instruction == "ashr":
        count = code.value(f"select i1 {small}, i64 {y}, i64 63")
        return code.value(f"ashr i64 {x}, {count}")
    shifted = code.value(f"{instruction} i64 {x}, {y}")
    return code.value(f"select i1 {small}, i64 {shifted}, i64 0")


def _quotient(code: Code, op: ops.Binary, x: str, y: str, signed: bool) -> str:
    divisor = op.right
    if isinstance(divisor, ops.Const) and divisor.value > 0 and divisor.value & (divisor.value - 1) == 0:
        # The shift floors, as Python does.
        return code.value(f"{'ashr' if signed else 'lshr'} i64 {x}, {divisor.value.bit_length() - 1}")
    if integer(divisor.type).signed:
        quotient, remainder, opposite = _unsigned_division(code, x, y)
        rest = code.value(f"icmp ne i64 {remainder}, 0")
        up = code.value(f"add i64 {quotient}, {code.value(f'zext i1 {rest} to i64')}")
        down = code.value(f"sub i64 0, {up}")
        return code.value(f"select i1 {opposite}, i64 {down}, i64 {quotient}")
    if not signed:
        return code.value(f"udiv i64 {x}, {y}")
    # -1 - a is not negative where a is, and ~((~a) // b) == a // b.
    sign = code.value(f"ashr i64 {x}, 63")
    quotient = code.value(f"udiv i64 {code.value(f'xor i64 {x}, {sign}')}, {y}")
    return code.value(f"xor i64 {quotient}, {sign}")


def _remainder(code: Code, op: ops.Binary, x: str, y: str, signed: bool) -> str:
    divisor = op.right
    if isinstance(divisor, ops.Const) and divisor.value > 0 and divisor.value & (divisor.value - 1) == 0:
        return code.value(f"and i64 {x}, {divisor.value - 1}")
    if integer(divisor.type).signed:
        _, remainder, opposite = _unsigned_division(code, x, y)
        size = _magnitude(code, y)
        other = code.value(f"sub i64 {size}, {remainder}")
        rest = code.value(f"icmp ne i64 {remainder}, 0")
        turn = code.value(f"select i1 {opposite}, i1 {rest}, i1 false")
        result = code.value(f"select i1 {turn}, i64 {other}, i64 {remainder}")
        sign = code.value(f"ashr i64 {y}, 63")
        return code.value(f"sub i64 {code.value(f'xor i64 {result}, {sign}')}, {sign}")
    if not signed:
        return code.value(f"urem i64 {x}, {y}")
    # As for the quotient: where a is negative, a % b == b - 1 - (~a) % b.
    sign = code.value(f"ashr i64 {x}, 63")
    remainder = code.value(f"urem i64 {code.value(f'xor i64 {x}, {sign}')}, {y}")
    turned = code.value(f"xor i64 {remainder}, {sign}")
    return code.value(f"add i64 {turned}, {code.value(f'and i64 {y}, {sign}')}")


def _magnitude(code: Code, x: str) -> str:
    sign = code.value(f"ashr i64 {x}, 63")
    return code.value(f"sub i64 {code.value(f'xor i64 {x}, {sign}')}, {sign}")


def _unsigned_division(code: Code, x: str, y: str) -> tuple[str, str, str]:
    """Quotient and remainder of the magnitudes, and whether the signs differ."""
    a, b = _magnitude(code, x), _magnitude(code, y)
    quotient = code.value(f"udiv i64 {a}, {b}")
    remainder = code.value(f"sub i64 {a}, {code.value(f'mul i64 {quotient}, {b}')}")
    opposite = code.value(f"icmp slt i64 {code.value(f'xor i64 {x}, {y}')}, 0")
    return quotient, remainder, opposite


def compare(code: Code, op: ops.Compare, left: Operand, right: Operand) -> Operand:
    """Compare exactly."""
    if left.type == right.type == "i1":
        predicate = {"==": "eq", "!=": "ne"}.get(op.operator) or "u" + _ORDER[op.operator]
        return Operand(code.value(f"icmp {predicate} i1 {left.text}, {right.text}"), "i1")
    a, b = integer(op.left.type), integer(op.right.type)
    if op.operator in ("==", "!="):
        return _equality(code, op, left, right)
    x, y = as_integer(code, left), as_integer(code, right)
    # Against zero LLVM makes an unsigned comparison an inequality, of which verifiers before 6.8 learn nothing.
    zero = isinstance(op.right, ops.Const) and op.right.value == 0 and op.operator in (">", "<=")
    if a.low >= 0 and b.low >= 0 and not (zero and a.high <= I64_MAX):
        return Operand(code.value(f"icmp u{_ORDER[op.operator]} i64 {x}, {y}"), "i1")
    if a.high <= I64_MAX and b.high <= I64_MAX:
        return Operand(code.value(f"icmp s{_ORDER[op.operator]} i64 {x}, {y}"), "i1")
    # One may be negative, the other may be beyond the signed numbers: a negative one is the smaller.
    negative, smaller = (x, "true") if a.low < 0 else (y, "false")
    wins = smaller if op.operator in ("<", "<=") else "false" if smaller == "true" else "true"
    sign = code.value(f"icmp slt i64 {negative}, 0")
    unsigned = code.value(f"icmp u{_ORDER[op.operator]} i64 {x}, {y}")
    return Operand(code.value(f"select i1 {sign}, i1 {wins}, i1 {unsigned}"), "i1")


def _equality(code: Code, op: ops.Compare, left: Operand, right: Operand) -> Operand:
    a, b = integer(op.left.type), integer(op.right.type)
    predicate = "eq" if op.operator == "==" else "ne"
    for one, other, range in ((left, op.right, b), (right, op.left, a)):
        # A constant is swapped when compiling rather than what it is compared with at each run.
        if one.stored and isinstance(other, ops.Const) and range.low >= 0 and range.high < 1 << one.stored[1]:
            expected = swap_constant(constant(other.value), one.stored[1])
            return Operand(code.value(f"icmp {predicate} i{one.stored[1]} {one.stored[0]}, {expected}"), "i1")
    x, y = as_integer(code, left), as_integer(code, right)
    same = code.value(f"icmp {predicate} i64 {x}, {y}")
    if min(a.low, b.low) >= 0 or max(a.high, b.high) <= I64_MAX:
        return Operand(same, "i1")
    negative = code.value(f"icmp slt i64 {x if a.low < 0 else y}, 0")
    unequal = "false" if op.operator == "==" else "true"
    return Operand(code.value(f"select i1 {negative}, i1 {unequal}, i1 {same}"), "i1")


def convert(code: Code, source: Operand, type: ValueType, target: Integer) -> Operand:
    """The low bits of `source`, read as `target`."""
    known = U64 if source.type == "ptr" else integer(type)
    if target.size == 8 or (target.minimum <= known.low and known.high <= target.maximum):
        return Operand(as_integer(code, source), "i64", source.narrow, source.stored)
    bits = target.size * 8
    return extend(code, low_bits(code, source, bits), bits, target.signed)


def bit_length(code: Code, value: Operand, type: ValueType) -> Operand:
    """The highest set bit, counted from 1: halve the width six times, keeping the half that has it."""
    rest, count = as_integer(code, value), "0"
    for step in (32, 16, 8, 4, 2, 1):
        if integer(type).high < 1 << step:
            continue
        before, taken, after = code.block, code.name("high"), code.name("low")
        high = code.value(f"lshr i64 {rest}, {step}")
        code.branch(code.value(f"icmp eq i64 {high}, 0"), after, taken)
        code.start(taken)
        more = str(step) if count == "0" else code.value(f"add i64 {count}, {step}")
        code.jump(after)
        code.start(after)
        rest = code.phi("i64", [(rest, before), (high, taken)])
        count = code.phi("i64", [(count, before), (more, taken)])
    return Operand(code.value(f"add i64 {rest}, {count}"), "i64")
