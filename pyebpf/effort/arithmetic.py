"""What the verifier knows of the result of an arithmetic instruction. Source: `scalar_min_max_*` in verifier.c."""

from __future__ import annotations

from functools import lru_cache

from pyebpf.effort import tnum
from pyebpf.effort.bounds import (
    MEMORY,
    S32_MAX,
    S32_MIN,
    S64_MAX,
    S64_MIN,
    UNKNOWN,
    Bounds,
    bits_of,
    from_bits,
    is_known,
    known,
    lower_half,
    settle,
)
from pyebpf.effort.tnum import LOW, MASK, Tnum, signed

ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR, MOV, ARSH, END = (code << 4 for code in range(14))


@lru_cache(MEMORY)
def compute(code: int, left: Bounds, right: Bounds, wide: bool) -> Bounds:
    """The result of an operation (`BPF_OP`), on 64 bits or, zero-extended, on 32."""
    bits = 64 if wide else 32
    if code in (LSH, RSH, ARSH):
        # A count that is not one number within the width says nothing of the result.
        if not is_known(right) or right[0] >= bits:
            return UNKNOWN if wide else lower_half(UNKNOWN)
    elif code not in (ADD, SUB, AND, OR, XOR, MUL):
        return UNKNOWN if wide else lower_half(UNKNOWN)
    found = settle(_raw(code, left, right, wide)) or UNKNOWN
    return found if wide else lower_half(found)


def _raw(code: int, a: Bounds, b: Bounds, wide: bool) -> Bounds:
    if code == ADD:
        return _sum(a, b, tnum.add(bits_of(a), bits_of(b)))
    if code == SUB:
        return _difference(a, b, tnum.subtract(bits_of(a), bits_of(b)))
    if code == MUL:
        return _product(a, b)
    if code in (AND, OR, XOR):
        return _bitwise(code, a, b)
    return _shifted(code, a, b[0], wide)


def _sum(a: Bounds, b: Bounds, bits: Tnum) -> Bounds:
    umin, umax, low, high = a[0] + b[0], a[1] + b[1], a[4] + b[4], a[5] + b[5]
    if umin >> 64 != umax >> 64:  # wraps around on some way, not on others
        umin, umax = 0, MASK
    if low >> 32 != high >> 32:
        low, high = 0, LOW
    smin, smax, slow, shigh = a[2] + b[2], a[3] + b[3], a[6] + b[6], a[7] + b[7]
    if not (smin >= S64_MIN and smax <= S64_MAX):
        smin, smax = S64_MIN, S64_MAX
    if not (slow >= S32_MIN and shigh <= S32_MAX):
        slow, shigh = S32_MIN, S32_MAX
    return umin & MASK, umax & MASK, smin, smax, low & LOW, high & LOW, slow, shigh, *bits


def _difference(a: Bounds, b: Bounds, bits: Tnum) -> Bounds:
    umin, umax, low, high = a[0] - b[1], a[1] - b[0], a[4] - b[5], a[5] - b[4]
    if (umin < 0) != (umax < 0):
        umin, umax = 0, MASK
    if (low < 0) != (high < 0):
        low, high = 0, LOW
    smin, smax, slow, shigh = a[2] - b[3], a[3] - b[2], a[6] - b[7], a[7] - b[6]
    if not (smin >= S64_MIN and smax <= S64_MAX):
        smin, smax = S64_MIN, S64_MAX
    if not (slow >= S32_MIN and shigh <= S32_MAX):
        slow, shigh = S32_MIN, S32_MAX
    return umin & MASK, umax & MASK, smin, smax, low & LOW, high & LOW, slow, shigh, *bits


def _product(a: Bounds, b: Bounds) -> Bounds:
    umin, umax, low, high = a[0] * b[0], a[1] * b[1], a[4] * b[4], a[5] * b[5]
    if umax > MASK:
        umin, umax = 0, MASK
    if high > LOW:
        low, high = 0, LOW
    corners = [x * y for x in a[2:4] for y in b[2:4]]
    smin, smax = min(corners), max(corners)
    if not (smin >= S64_MIN and smax <= S64_MAX):
        smin, smax = S64_MIN, S64_MAX
    corners = [x * y for x in a[6:8] for y in b[6:8]]
    slow, shigh = min(corners), max(corners)
    if not (slow >= S32_MIN and shigh <= S32_MAX):
        slow, shigh = S32_MIN, S32_MAX
    return umin, umax, smin, smax, low, high, slow, shigh, *tnum.multiply(bits_of(a), bits_of(b))


def _bitwise(code: int, a: Bounds, b: Bounds) -> Bounds:
    one, two = bits_of(a), bits_of(b)
    if code == AND:
        value, mask = tnum.both(one, two)
        umin, umax = value, min(a[1], b[1])
        low, high = value & LOW, min(a[5], b[5])
    elif code == OR:
        value, mask = tnum.either(one, two)
        umin, umax = max(a[0], b[0]), value | mask
        low, high = max(a[4], b[4]), (value | mask) & LOW
    else:
        value, mask = tnum.differing(one, two)
        umin, umax = value, value | mask
        low, high = value & LOW, (value | mask) & LOW
    if not mask:
        return known(value)
    smin, smax, slow, shigh = S64_MIN, S64_MAX, S32_MIN, S32_MAX
    if signed(umin, 64) <= signed(umax, 64):
        smin, smax = signed(umin, 64), signed(umax, 64)
    if signed(low, 32) <= signed(high, 32):
        slow, shigh = signed(low, 32), signed(high, 32)
    return umin, umax, smin, smax, low, high, slow, shigh, value, mask


def _shifted(code: int, a: Bounds, count: int, wide: bool) -> Bounds:
    bits = bits_of(a) if wide else (a[8] & LOW, a[9] & LOW)
    if code == ARSH:
        if wide:
            found = from_bits(*tnum.shift_right_signed(bits, count, 64))
            return *found[:2], a[2] >> count, a[3] >> count, *found[4:]
        found = from_bits(*tnum.shift_right_signed(bits, count, 32))
        return *found[:6], a[6] >> count, a[7] >> count, *found[8:]
    if code == RSH:
        value, mask = tnum.shift_right(bits, count)
        found = from_bits(value, mask)
        if wide:
            return a[0] >> count, a[1] >> count, *found[2:]
        return *found[:4], a[4] >> count, a[5] >> count, *found[6:]
    value, mask = tnum.shift_left(bits, count)
    found = from_bits(value, mask)
    umin, umax, low, high = 0, MASK, 0, LOW
    if wide and a[1] <= MASK >> count:
        umin, umax = a[0] << count, a[1] << count
    if a[5] <= LOW >> count if count < 32 else False:
        low, high = a[4] << count, a[5] << count
    return umin, umax, found[2], found[3], low, high, found[6], found[7], value, mask


@lru_cache(MEMORY)
def negated(a: Bounds, wide: bool) -> Bounds:
    """`-x`, as 0 - x."""
    return compute(SUB, known(0), a, wide)


@lru_cache(MEMORY)
def sign_extended(a: Bounds, bits: int, wide: bool) -> Bounds:
    """The lower `bits` of a number, sign-extended (`BPF_MOVSX`)."""
    half = 1 << bits - 1
    if is_known(a):
        found = known(signed(a[0] & (1 << bits) - 1, bits))
    else:
        short = max(-half, S32_MIN), min(half - 1, S32_MAX)
        found = settle((0, MASK, -half, half - 1, 0, LOW, *short, 0, MASK)) or UNKNOWN
        if -half <= a[2] and a[3] < half:
            found = a
    return found if wide else lower_half(found)
