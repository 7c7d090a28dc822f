"""Tristate numbers: of each of 64 bits it is known that it is 0, that it is 1, or nothing.

A pair `(value, mask)`: bits in the mask are unknown, and 0 in the value. Source: kernel/bpf/tnum.c, whose operations
these are; so what is found here is what the verifier finds.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Tnum: TypeAlias = tuple[int, int]

MASK: Final = (1 << 64) - 1
LOW: Final = (1 << 32) - 1
UNKNOWN: Final[Tnum] = (0, MASK)


def between(low: int, high: int) -> Tnum:
    """What is common to the bits of all numbers from `low` to `high`, unsigned."""
    bits = (low ^ high).bit_length()
    if bits > 63:
        return UNKNOWN
    delta = (1 << bits) - 1
    return low & ~delta & MASK, delta


def add(a: Tnum, b: Tnum) -> Tnum:
    sum_of_masks = a[1] + b[1] & MASK
    sum_of_values = a[0] + b[0] & MASK
    changed = (sum_of_masks + sum_of_values & MASK) ^ sum_of_values
    mask = changed | a[1] | b[1]
    return sum_of_values & ~mask & MASK, mask


def subtract(a: Tnum, b: Tnum) -> Tnum:
    difference = a[0] - b[0] & MASK
    changed = (difference + a[1] & MASK) ^ (difference - b[1] & MASK)
    mask = changed | a[1] | b[1]
    return difference & ~mask & MASK, mask


def both(a: Tnum, b: Tnum) -> Tnum:
    """Bitwise and."""
    value = a[0] & b[0]
    return value, (a[0] | a[1]) & (b[0] | b[1]) & ~value & MASK


def either(a: Tnum, b: Tnum) -> Tnum:
    """Bitwise or."""
    value, mask = a[0] | b[0], a[1] | b[1]
    return value, mask & ~value & MASK


def differing(a: Tnum, b: Tnum) -> Tnum:
    """Bitwise exclusive or."""
    value, mask = a[0] ^ b[0], a[1] | b[1]
    return value & ~mask & MASK, mask


def multiply(a: Tnum, b: Tnum) -> Tnum:
    known = a[0] * b[0] & MASK
    unknown: Tnum = (0, 0)
    while a[0] or a[1]:
        if a[0] & 1:
            unknown = add(unknown, (0, b[1]))
        elif a[1] & 1:
            unknown = add(unknown, (0, b[0] | b[1]))
        a = a[0] >> 1, a[1] >> 1
        b = b[0] << 1 & MASK, b[1] << 1 & MASK
    return add((known, 0), unknown)


def intersect(a: Tnum, b: Tnum) -> Tnum:
    """What both say."""
    value, mask = a[0] | b[0], a[1] & b[1]
    return value & ~mask & MASK, mask


def shift_left(a: Tnum, count: int) -> Tnum:
    return a[0] << count & MASK, a[1] << count & MASK


def shift_right(a: Tnum, count: int) -> Tnum:
    return a[0] >> count, a[1] >> count


def shift_right_signed(a: Tnum, count: int, bits: int) -> Tnum:
    full = (1 << bits) - 1
    return signed(a[0] & full, bits) >> count & full, signed(a[1] & full, bits) >> count & full


def signed(number: int, bits: int) -> int:
    """The bits of `number` read as a signed one."""
    return number - (1 << bits) if number >> bits - 1 & 1 else number


def within(outer: Tnum, inner: Tnum) -> bool:
    """Whether all that `inner` may be, `outer` may be."""
    return not inner[1] & ~outer[1] and inner[0] & ~outer[1] == outer[0]
