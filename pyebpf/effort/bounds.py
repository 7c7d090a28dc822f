"""What the verifier knows of a number: its least and greatest value in four readings, and its bits.

A tuple of ten integers, `(umin, umax, smin, smax, u32_min, u32_max, s32_min, s32_max, value, mask)`. Each reading tells
something of the others; `settle` makes them agree as far as the verifier does. Source: `reg_bounds_sync` and what it
calls in kernel/bpf/verifier.c.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from pyebpf.effort import tnum
from pyebpf.effort.tnum import LOW, MASK, Tnum, signed

Bounds: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int]

S64_MIN: Final = -(1 << 63)
S64_MAX: Final = (1 << 63) - 1
S32_MIN: Final = -(1 << 31)
S32_MAX: Final = (1 << 31) - 1
UNKNOWN: Final[Bounds] = (0, MASK, S64_MIN, S64_MAX, 0, LOW, S32_MIN, S32_MAX, 0, MASK)
MEMORY: Final = 1 << 14
"""Results that are kept, for the same few come again and again."""


@lru_cache(MEMORY)
def known(number: int) -> Bounds:
    """Exactly the 64 bits of `number`."""
    value = number & MASK
    low, plain, short = value & LOW, signed(value, 64), signed(value & LOW, 32)
    return value, value, plain, plain, low, low, short, short, value, 0


@lru_cache(MEMORY)
def unsigned(high: int) -> Bounds:
    """From 0 to `high`."""
    value, mask = tnum.between(0, high)
    return settle((0, high, S64_MIN, S64_MAX, 0, LOW, S32_MIN, S32_MAX, value, mask)) or UNKNOWN


def is_known(bounds: Bounds) -> bool:
    return not bounds[9]


def from_bits(value: int, mask: int) -> Bounds:
    """All that a Tnum says."""
    return settle((0, MASK, S64_MIN, S64_MAX, 0, LOW, S32_MIN, S32_MAX, value, mask)) or UNKNOWN


def settle(bounds: Bounds) -> Bounds | None:
    """`bounds` with each reading as narrow as the others make it; None if they contradict each other."""
    bounds = _deduced(_deduced(_deduced(_from_bits(bounds))))
    umin, umax, _, _, low, high, _, _, value, mask = bounds
    if umin > umax or low > high:
        return None
    whole = tnum.intersect((value, mask), tnum.between(umin, umax))
    short = tnum.intersect((whole[0] & LOW, whole[1] & LOW), tnum.between(low, high))
    value, mask = whole[0] & ~LOW | short[0] & LOW, whole[1] & ~LOW | short[1] & LOW
    bounds = _from_bits((*bounds[:8], value, mask))
    if bounds[0] > bounds[1] or bounds[2] > bounds[3] or bounds[4] > bounds[5] or bounds[6] > bounds[7]:
        return None
    return bounds


def _from_bits(bounds: Bounds) -> Bounds:
    umin, umax, smin, smax, low, high, slow, shigh, value, mask = bounds
    sign, sign32, value32, mask32 = 1 << 63, 1 << 31, value & LOW, mask & LOW
    return (
        max(umin, value),
        min(umax, value | mask),
        max(smin, signed(value | mask & sign, 64)),
        min(smax, signed(value | mask & ~sign, 64)),
        max(low, value32),
        min(high, value32 | mask32),
        max(slow, signed(value32 | mask32 & sign32, 32)),
        min(shigh, signed(value32 | mask32 & ~sign32, 32)),
        value,
        mask,
    )


def _deduced(bounds: Bounds) -> Bounds:
    umin, umax, smin, smax, low, high, slow, shigh, value, mask = bounds
    # The lower half, from the whole.
    if umin >> 32 == umax >> 32:
        low, high = max(low, umin & LOW), min(high, umax & LOW)
        if signed(umin & LOW, 32) <= signed(umax & LOW, 32):
            slow, shigh = max(slow, signed(umin & LOW, 32)), min(shigh, signed(umax & LOW, 32))
    if smin >> 32 == smax >> 32:
        if smin & LOW <= smax & LOW:
            low, high = max(low, smin & LOW), min(high, smax & LOW)
        if signed(smin & LOW, 32) <= signed(smax & LOW, 32):
            slow, shigh = max(slow, signed(smin & LOW, 32)), min(shigh, signed(smax & LOW, 32))
    for least, greatest in ((umin, umax), (smin, smax)):
        across = (least >> 32) + 1 & LOW == greatest >> 32 & LOW
        if across and signed(least & LOW, 32) < 0 <= signed(greatest & LOW, 32):
            slow, shigh = max(slow, signed(least & LOW, 32)), min(shigh, signed(greatest & LOW, 32))
    if signed(low, 32) <= signed(high, 32):
        slow, shigh = max(slow, signed(low, 32)), min(shigh, signed(high, 32))
    if slow & LOW <= shigh & LOW:
        low, high = max(low, slow & LOW), min(high, shigh & LOW)
    # The whole, signed from unsigned and the other way round.
    if signed(umin, 64) <= signed(umax, 64):
        smin, smax = max(smin, signed(umin, 64)), min(smax, signed(umax, 64))
    if smin & MASK <= smax & MASK:
        umin, umax = max(umin, smin & MASK), min(umax, smax & MASK)
    elif umax < smin & MASK:
        smin, umax = signed(umin, 64), min(umax, smax & MASK)
    elif smax & MASK < umin:
        smax, umin = signed(umax, 64), max(umin, smin & MASK)
    # The whole, from its lower half.
    umin, umax = max(umin, umin & ~LOW | low), min(umax, umax & ~LOW | high)
    smin, smax = max(smin, smin & ~LOW | low), min(smax, smax & ~LOW | high)
    if slow >= 0 and smin >= S32_MIN and smax <= S32_MAX:
        smin, smax, umin, umax = max(smin, slow), min(smax, shigh), max(umin, slow), min(umax, shigh)
        value, mask = tnum.intersect((value, mask), tnum.between(slow, shigh)) if slow <= shigh else (value, mask)
    return umin, umax, smin, smax, low, high, slow, shigh, value, mask


def within(outer: Bounds, inner: Bounds) -> bool:
    """Whether a state that was safe with `outer` is safe with `inner` (`range_within` and `tnum_in`)."""
    return outer is inner or (
        outer[0] <= inner[0]
        and outer[1] >= inner[1]
        and outer[2] <= inner[2]
        and outer[3] >= inner[3]
        and outer[4] <= inner[4]
        and outer[5] >= inner[5]
        and outer[6] <= inner[6]
        and outer[7] >= inner[7]
        and tnum.within((outer[8], outer[9]), (inner[8], inner[9]))
    )


def bits_of(bounds: Bounds) -> Tnum:
    return bounds[8], bounds[9]


@lru_cache(MEMORY)
def lower_half(bounds: Bounds) -> Bounds:
    """The lower 32 bits alone, zero-extended (`zext_32_to_64`)."""
    _, _, _, _, low, high, slow, shigh, value, mask = bounds
    return settle((low, high, low, high, low, high, slow, shigh, value & LOW, mask & LOW)) or UNKNOWN


FIXED32: Final = unsigned(1 << 13)
"""Numbers of CPUs: few, but how many isn't known here."""
