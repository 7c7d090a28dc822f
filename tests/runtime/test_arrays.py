"""Array and PerCpuArray are sequences of fixed length; Histogram counts by powers of two."""

from __future__ import annotations

import random
from types import ModuleType

import pytest

import pyebpf
from pyebpf.loader.cpus import possible_cpus

pytestmark = pytest.mark.kernel


def test_what_sequences_do(shapes: ModuleType) -> None:
    cells = shapes.cells
    for index, value in enumerate([5, -6, 7, -(2**31), 2**31 - 1]):
        cells[index] = value
    plain = [5, -6, 7, -(2**31), 2**31 - 1]
    assert list(cells) == plain == [cells[index] for index in range(5)] and len(cells) == 5
    assert [cells[index] for index in range(-5, 0)] == plain
    assert list(reversed(cells)) == plain[::-1] and max(cells) == 2**31 - 1
    assert cells.to_dict() == dict(enumerate(plain)) and cells.items() == list(enumerate(plain))
    cells[-1] = 1
    cells[True] = 2
    assert (cells[4], cells[1]) == (1, 2)
    cells.clear()
    assert list(cells) == [0] * 5


@pytest.mark.parametrize(
    "part", [slice(None), slice(1, 3), slice(-2, None), slice(None, None, -2), slice(3, 1), slice(0, 99)]
)
def test_slices(shapes: ModuleType, part: slice) -> None:
    for index in range(5):
        shapes.cells[index] = index * 10
    assert shapes.cells[part] == [0, 10, 20, 30, 40][part]


@pytest.mark.parametrize("index", [5, -6, 2**32, -(2**32)])
def test_indexes_out_of_range(shapes: ModuleType, index: int) -> None:
    with pytest.raises(IndexError, match=f"cells has 5 elements, not one at {index}"):
        shapes.cells[index]
    with pytest.raises(IndexError):
        shapes.cells[index] = 1
    assert list(shapes.cells) == [0] * 5


@pytest.mark.parametrize(
    ("use", "error"),
    [
        ("cells['0']", TypeError),
        ("cells[1.0]", TypeError),
        ("cells[None] = 1", TypeError),
        ("cells[0:2] = [1]", ValueError),
        ("del cells[0]", TypeError),
        ("cells[0] = 2**31", OverflowError),
        ("cells[0] = 'one'", TypeError),
        ("cells_by_cpu[0] = [1] * 1000", ValueError),
        ("cells_by_cpu[0] = -1", OverflowError),
        ("pairs[0] = 5", TypeError),
        ("pairs[0] = Inner(a=300)", OverflowError),
        ("cells.nothing", AttributeError),
    ],
)
def test_wrong_uses(shapes: ModuleType, use: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        exec(use, vars(shapes))
    assert caught.type is error and "__index__" not in str(caught.value)
    assert not any(shapes.cells) and not any(value.sum() for value in shapes.cells_by_cpu)


def test_what_the_program_counts(shapes: ModuleType, session: pyebpf.Session) -> None:
    for _ in range(4):
        session.programs["use"].test_run(ctx=bytes(16))
    assert list(shapes.cells) == [0, 0, 0, 0, -36]
    assert [value.sum() for value in shapes.cells_by_cpu] == [0, 0, 12]
    assert list(shapes.pairs) == [(0, 0), (0, -5)] and shapes.pairs[1].b == -5
    shapes.pairs[0] = shapes.Inner(a=1, b=2)
    assert shapes.pairs[0] == (1, 2)


def test_values_per_cpu(shapes: ModuleType) -> None:
    count = possible_cpus()
    shapes.cells_by_cpu[0] = list(range(count))
    shapes.cells_by_cpu[-1] = 4
    assert [value.sum() for value in shapes.cells_by_cpu] == [sum(range(count)), 0, 4 * count]
    assert list(shapes.cells_by_cpu[0]) == list(range(count)) and shapes.cells_by_cpu[1:][0].sum() == 0
    shapes.arrays_by_cpu[0] = [1, 2]  # one array, which each CPU gets
    assert list(shapes.arrays_by_cpu[0]) == [(1, 2)] * count
    shapes.arrays_by_cpu[0] = [(cpu, 5) for cpu in range(count)]
    assert shapes.arrays_by_cpu[0].sum() == (sum(range(count)), 5 * count)


def observe(session: pyebpf.Session, value: int) -> None:
    session.programs["observe"].test_run(ctx=value.to_bytes(8, "little") + bytes(8))


def buckets_of(values: list[int]) -> list[tuple[int, int, int]]:
    """What the buckets should be, by comparisons alone."""
    edges = [(0, 1)] + [(2**k, 2 * 2**k - 1) for k in range(1, 64)]
    counts = [(low, high, sum(low <= value <= high for value in values)) for low, high in edges]
    used = [place for place, (_, _, count) in enumerate(counts) if count]
    return counts[used[0] : used[-1] + 1] if used else []


EDGES = sorted({max(0, 2**power + step) for power in range(64) for step in (-1, 0, 1)} | {2**64 - 1})
CHANCE = random.Random(1)


@pytest.mark.parametrize(
    "values",
    [
        [], [0], [1], [0, 1, 2], [2**64 - 1], [5, 5, 6, 1000], [2**63, 2**63 - 1], EDGES,
        [CHANCE.getrandbits(CHANCE.randint(1, 64)) for _ in range(300)],
    ],
    ids=len,
)  # fmt: skip
def test_buckets(shapes: ModuleType, session: pyebpf.Session, values: list[int]) -> None:
    for value in values:
        observe(session, value)
    assert shapes.sizes.buckets() == buckets_of(values)
    assert shapes.sizes.total == len(values) and shapes.sizes.unit == "bytes"
