"""Distributions as data: percentiles that say no more than buckets know, and buckets that can be compared."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pyebpf.pictures.distributions import Distribution, linear, log2, same_buckets
from pyebpf.pictures.units import between, percent, quantity, rate

VALUES = some.lists(some.integers(0, 2**40), min_size=1, max_size=200)


def of_values(values: list[int]) -> Distribution:
    counts = [0] * 64
    for value in values:
        counts[max(value.bit_length() - 1, 0)] += 1
    return log2("latency", "ns", counts)


@settings(deadline=None)
@given(VALUES, some.floats(0.1, 100))
def test_a_percentile_lies_in_the_bucket_that_is_told(values: list[int], share: float) -> None:
    found = of_values(values).percentile(share)
    rank = max(1, -int(-share * len(values) // 100))
    exact = sorted(values)[rank - 1]
    assert found is not None and found[0] is not None and found[1] is not None
    assert found[0] <= exact <= found[1]


@settings(deadline=None)
@given(VALUES, some.integers(1, 70))
def test_fewer_buckets_hold_the_same_values(values: list[int], most: int) -> None:
    whole = of_values(values)
    fitted = whole.fitted(most)
    assert len(fitted.buckets) <= most and fitted.total == whole.total == len(values)
    assert (fitted.buckets[0][0], fitted.buckets[-1][1]) == (whole.buckets[0][0], whole.buckets[-1][1])
    assert all(one[1] + 1 == other[0] for one, other in zip(fitted.buckets, fitted.buckets[1:]))


def test_percentiles_beyond_the_buckets_are_open() -> None:
    found = linear("size", "bytes", 100, 50, [2, 0, 5, 0, 3])
    assert found.buckets == ((100, 149, 0), (150, 199, 5), (200, 249, 0)) and found.total == 10
    assert [found.percentile(share) for share in (20, 21, 70, 71)] == [
        (None, 99),
        (150, 199),
        (150, 199),
        (250, None),
    ]
    assert linear("size", "bytes", 0, 1, [0, 0, 0]).percentile(50) is None


def test_empty_buckets_at_the_ends_are_left_out() -> None:
    assert log2("x", "", [0, 0, 3, 0, 1, 0, 0]).buckets == ((4, 7, 3), (8, 15, 0), (16, 31, 1))
    assert log2("x", "", [0] * 64).buckets == () and log2("x", "", [0] * 64).percentile(50) is None
    assert linear("x", "", 0, 1, [0, 0, 2, 0, 0]).trimmed().buckets == ((1, 1, 2),)
    assert linear("x", "", 0, 1, [1, 0, 2, 0, 0]).trimmed().buckets == ((0, 0, 0), (1, 1, 2))


@pytest.mark.parametrize("kind", ["log2", "linear"])
def test_buckets_of_several_keys_are_made_the_same(kind: str) -> None:
    if kind == "log2":
        found = [log2("x", "", [0, 1], "a"), log2("x", "", [0, 0, 0, 0, 2], "b"), log2("x", "", [], "none")]
    else:
        found = [linear("x", "", 0, 5, [0, 3, 0]), linear("x", "", 15, 5, [0, 3, 0])]
    same = same_buckets(found)
    bounds = [[bucket[:2] for bucket in each.buckets] for each in same]
    assert all(each == bounds[0] for each in bounds) and len(bounds[0]) == 4
    assert [each.total for each in same] == [each.total for each in found]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "ns", "0 ns"),
        (999, "ns", "999 ns"),
        (1_500, "ns", "1.5 µs"),
        (2_097_152, "ns", "2.1 ms"),
        (134_217_728, "ns", "134 ms"),
        (3, "ms", "3 ms"),
        (90, "s", "1.5 min"),
        (1023, "bytes", "1023 B"),
        (4096, "bytes", "4 KiB"),
        ((1 << 20) - 1, "bytes", "1 MiB"),
        (-2048, "bytes", "-2 KiB"),
        (1_234_567, "packets", "1,234,567 packets"),
        (1 << 63, "", "9,223,372,036,854,775,808"),
    ],
)
def test_quantities(value: int, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_ranges_rates_and_shares() -> None:
    assert between(1024, 2047, "ns") == "1.02 µs … 2.05 µs"
    assert (between(None, 99, ""), between(250, None, ""), between(7, 7, "")) == ("< 100", "≥ 250", "7")
    assert [rate(value) for value in (0, 1.234, 99.95, 1234, 12_345, 7.6e6)] == [
        "0", "1.23", "100", "1,234", "12.3 k", "7.6 M"
    ]  # fmt: skip
    assert [percent(part, 200) for part in (0, 1, 100, 200)] == ["0%", "0.50%", "50.0%", "100%"]
