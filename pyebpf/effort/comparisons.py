"""What a conditional jump decides, and what is known on each of its two ways. Source: `is_scalar_branch_taken` and
`regs_refine_cond_op` in verifier.c."""

from __future__ import annotations

from functools import lru_cache

from pyebpf.effort import tnum
from pyebpf.effort.bounds import MEMORY, Bounds, bits_of, is_known, known, settle
from pyebpf.effort.tnum import LOW

JEQ, JGT, JGE, JSET, JNE, JSGT, JSGE = (code << 4 for code in range(1, 8))
JLT, JLE, JSLT, JSLE = (code << 4 for code in range(10, 14))
OPPOSITE = {JEQ: JNE, JNE: JEQ, JGT: JLE, JLE: JGT, JGE: JLT, JLT: JGE, JSGT: JSLE, JSLE: JSGT, JSGE: JSLT, JSLT: JSGE}
TURNED = {JEQ: JEQ, JNE: JNE, JSET: JSET, JGT: JLT, JLT: JGT, JGE: JLE, JLE: JGE, JSGT: JSLT, JSLT: JSGT}
TURNED |= {JSGE: JSLE, JSLE: JSGE}


@lru_cache(MEMORY)
def taken(code: int, a: Bounds, b: Bounds, wide: bool) -> bool | None:
    """Whether the jump is taken; None if it can't be told."""
    if code in (JEQ, JNE):
        equal = _equal(a, b, wide)
        return equal if code == JEQ or equal is None else not equal
    if code == JSET:
        one, two = bits_of(a), bits_of(b)
        if not wide:
            one, two = (one[0] & LOW, one[1] & LOW), (two[0] & LOW, two[1] & LOW)
        if two[1]:
            return None
        if ~one[1] & one[0] & two[0]:
            return True
        return None if (one[0] | one[1]) & two[0] else False
    at = (0 if wide else 4) if code in (JGT, JGE, JLT, JLE) else (2 if wide else 6)
    low, high, other_low, other_high = a[at], a[at + 1], b[at], b[at + 1]
    if code in (JGT, JSGT):
        return True if low > other_high else False if high <= other_low else None
    if code in (JGE, JSGE):
        return True if low >= other_high else False if high < other_low else None
    if code in (JLT, JSLT):
        return True if high < other_low else False if low >= other_high else None
    return True if high <= other_low else False if low > other_high else None


def _equal(a: Bounds, b: Bounds, wide: bool) -> bool | None:
    one, two = bits_of(a), bits_of(b)
    if not wide:
        one, two = (one[0] & LOW, one[1] & LOW), (two[0] & LOW, two[1] & LOW)
    if not one[1] and not two[1]:
        return one[0] == two[0]
    if one[0] & ~two[1] != two[0] & ~one[1] and (one[0] ^ two[0]) & ~(one[1] | two[1]):
        return False
    for at in (0, 2) if wide else (4, 6):
        if a[at] > b[at + 1] or a[at + 1] < b[at]:
            return False
    if wide and not is_known(b) and not is_known(a):
        for at in (4, 6):
            if a[at] > b[at + 1] or a[at + 1] < b[at]:
                return False
    return None


@lru_cache(MEMORY)
def refined(code: int, a: Bounds, b: Bounds, wide: bool) -> tuple[Bounds, Bounds] | None:
    """Both operands where `a code b` holds; None if that can't be."""
    if code == JSET:
        return _with_bit(a, b, wide, True)
    if code in (JGT, JGE, JSGT, JSGE):
        found = refined(TURNED[code], b, a, wide)
        return None if found is None else (found[1], found[0])
    one, two = list(a), list(b)
    if code == JEQ:
        _same(one, two, a, b, wide)
    elif code == JNE:
        for number, other in ((one, b), (two, a)):
            if is_known(other):
                _unlike(number, other, wide)
    else:
        at = (0 if wide else 4) if code in (JLT, JLE) else (2 if wide else 6)
        less = 1 if code in (JLT, JSLT) else 0
        one[at + 1] = min(one[at + 1], two[at + 1] - less)
        two[at] = max(a[at] + less, two[at])
    first, second = settle(tuple(one)), settle(tuple(two))  # type: ignore[arg-type]
    return None if first is None or second is None else (first, second)


def _same(one: list[int], two: list[int], a: Bounds, b: Bounds, wide: bool) -> None:
    for at in (0, 2, 4, 6) if wide else (4, 6):
        one[at] = two[at] = max(a[at], b[at])
        one[at + 1] = two[at + 1] = min(a[at + 1], b[at + 1])
    if wide:
        one[8:] = two[8:] = tnum.intersect(bits_of(a), bits_of(b))
        return
    short = tnum.intersect((a[8] & LOW, a[9] & LOW), (b[8] & LOW, b[9] & LOW))
    for number in (one, two):
        number[8:] = number[8] & ~LOW | short[0], number[9] & ~LOW | short[1]


def _unlike(number: list[int], other: Bounds, wide: bool) -> None:
    """`number` isn't the one that `other` is: that matters at its ends."""
    for at in (0, 2) if wide else (4, 6):
        if number[at] == other[at]:
            number[at] += 1
        if number[at + 1] == other[at]:
            number[at + 1] -= 1


def _with_bit(a: Bounds, b: Bounds, wide: bool, is_set: bool) -> tuple[Bounds, Bounds] | None:
    """`a & b` isn't 0, or is 0."""
    if not is_known(b):
        return a, b
    mask = b[8] if wide else b[8] & LOW
    value, unknown = a[8], a[9]
    if is_set:
        if mask and not mask & mask - 1:
            value, unknown = value | mask, unknown & ~mask
    else:
        value, unknown = value & ~mask, unknown & ~mask
    first = settle((*a[:8], value, unknown))
    return None if first is None else (first, b)


@lru_cache(MEMORY)
def not_refined(code: int, a: Bounds, b: Bounds, wide: bool) -> tuple[Bounds, Bounds] | None:
    """Both operands where `a code b` doesn't hold."""
    return _with_bit(a, b, wide, False) if code == JSET else refined(OPPOSITE[code], a, b, wide)


ZERO = known(0)
