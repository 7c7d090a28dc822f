"""What the model of the verifier says of numbers holds for numbers: checked by computing with some of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pyebpf.effort import arithmetic, comparisons
from pyebpf.effort.bounds import Bounds, from_bits, known, lower_half, settle, unsigned, within
from pyebpf.effort.tnum import LOW, MASK, signed

words = st.one_of(
    st.integers(0, MASK),
    st.integers(0, 300),
    st.sampled_from([0, 1, LOW, LOW + 1, 1 << 31, 1 << 63, (1 << 63) - 1, MASK, MASK - 7]),
)
OPERATIONS = {
    arithmetic.ADD: lambda a, b: a + b,
    arithmetic.SUB: lambda a, b: a - b,
    arithmetic.MUL: lambda a, b: a * b,
    arithmetic.AND: lambda a, b: a & b,
    arithmetic.OR: lambda a, b: a | b,
    arithmetic.XOR: lambda a, b: a ^ b,
}
TESTS = {
    comparisons.JEQ: lambda a, b, bits: a == b,
    comparisons.JNE: lambda a, b, bits: a != b,
    comparisons.JGT: lambda a, b, bits: a > b,
    comparisons.JGE: lambda a, b, bits: a >= b,
    comparisons.JLT: lambda a, b, bits: a < b,
    comparisons.JLE: lambda a, b, bits: a <= b,
    comparisons.JSET: lambda a, b, bits: bool(a & b),
    comparisons.JSGT: lambda a, b, bits: signed(a, bits) > signed(b, bits),
    comparisons.JSGE: lambda a, b, bits: signed(a, bits) >= signed(b, bits),
    comparisons.JSLT: lambda a, b, bits: signed(a, bits) < signed(b, bits),
    comparisons.JSLE: lambda a, b, bits: signed(a, bits) <= signed(b, bits),
}


@st.composite
def numbers(draw: st.DrawFn) -> tuple[Bounds, int]:
    """Bounds, and a number that lies within them."""
    number = draw(words)
    match draw(st.integers(0, 4)):
        case 0:
            return known(number), number
        case 1:
            mask = draw(words)
            return from_bits(number & ~mask, mask), number
        case 2:
            high = max(number, draw(words))
            return unsigned(high), number
        case 3:
            other = draw(words)
            low, high = sorted((signed(number, 64), signed(other, 64)))
            found = settle((0, MASK, low, high, 0, LOW, -(1 << 31), (1 << 31) - 1, 0, MASK))
            assert found is not None
            return found, number
        case _:
            return lower_half(from_bits(0, MASK)), number & LOW


def holds(bounds: Bounds, number: int) -> bool:
    return within(bounds, known(number))


@settings(deadline=None, max_examples=300)
@given(numbers(), numbers(), st.sampled_from(sorted(OPERATIONS)), st.booleans())
def test_results_lie_where_they_are_said_to(
    a: tuple[Bounds, int], b: tuple[Bounds, int], code: int, wide: bool
) -> None:
    result = OPERATIONS[code](a[1], b[1]) & (MASK if wide else LOW)
    assert holds(arithmetic.compute(code, a[0], b[0], wide), result)


@settings(deadline=None, max_examples=300)
@given(numbers(), st.integers(0, 70), st.sampled_from([arithmetic.LSH, arithmetic.RSH, arithmetic.ARSH]), st.booleans())
def test_shifted_numbers_lie_where_they_are_said_to(a: tuple[Bounds, int], count: int, code: int, wide: bool) -> None:
    bits = 64 if wide else 32
    full = (1 << bits) - 1
    number, by = a[1] & full, count & bits - 1
    result = number << by if code == arithmetic.LSH else number >> by
    if code == arithmetic.ARSH:
        result = signed(number, bits) >> by
    assert holds(arithmetic.compute(code, a[0], known(count), wide), result & full)


@settings(deadline=None, max_examples=300)
@given(numbers(), st.sampled_from([8, 16, 32]), st.booleans())
def test_extended_numbers_lie_where_they_are_said_to(a: tuple[Bounds, int], bits: int, wide: bool) -> None:
    result = signed(a[1] & (1 << bits) - 1, bits) & (MASK if wide else LOW)
    assert holds(arithmetic.sign_extended(a[0], bits, wide), result)


@settings(deadline=None, max_examples=300)
@given(numbers(), numbers(), st.sampled_from(sorted(TESTS)), st.booleans())
def test_jumps_go_where_they_are_said_to(a: tuple[Bounds, int], b: tuple[Bounds, int], code: int, wide: bool) -> None:
    bits = 64 if wide else 32
    full = (1 << bits) - 1
    truth = TESTS[code](a[1] & full, b[1] & full, bits)
    assert comparisons.taken(code, a[0], b[0], wide) in (None, truth)
    found = (comparisons.refined if truth else comparisons.not_refined)(code, a[0], b[0], wide)
    assert found is not None
    assert holds(found[0], a[1]) and holds(found[1], b[1])
