"""Histograms, log2 and linear, with and without keys: what was observed is counted where Python would count it."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import Histogram, LinearHistogram, char, i64, struct, syscall, u32, u64
from pyebpf.lang.errors import DeclarationError
from pyebpf.testing import Simulator

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Seen:
    signed: i64
    unsigned: u64
    key: u32
    weight: u32
    name: char[8]


sizes = Histogram(unit="bytes")
percent = LinearHistogram(0, 100, 10, unit="%")
around = LinearHistogram(-40, 60, 20)
far = LinearHistogram(-(2**62), 2**62 - 2, (2**63 - 2) // 6)
by_key = Histogram[u32](unit="ns", max_entries=3)
by_name = LinearHistogram[char[8]](-40, 60, 20, max_entries=16)


@syscall
def observe(seen: Seen):
    sizes.observe(seen.unsigned)
    percent.observe(seen.unsigned)
    around.observe(seen.signed)
    far.observe(seen.signed)
    by_name[seen.name].observe(seen.signed, seen.weight)
    return 0


@syscall
def observe_key(seen: Seen):
    by_key[seen.key].observe(seen.unsigned)
    return 0


@syscall
def constants(seen: Seen):
    around.observe(-41)
    around.observe(-40)
    around.observe(59)
    around.observe(60)
    sizes.observe(0)
    sizes.observe(1023)
    by_key[7].observe(1023, 5)
    try:
        by_key[seen.key].observe(1)
    except MemoryError:
        return 12
    return 0


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load([observe, observe_key, constants], attach=False) as loaded:
        yield loaded


def linear_slot(low: int, end: int, step: int, x: int) -> int:
    return 0 if x < low else (end - low) // step + 1 if x >= end else (x - low) // step + 1


def numbers(seed: int) -> list[int]:
    chosen = random.Random(seed)
    edges = [-(2**63), 2**63 - 1, -1, 0, 1, -41, -40, -21, -20, 19, 20, 59, 60, 99, 100, 2**62, 2**60, -(2**62) - 1]
    return edges + [chosen.randrange(-(1 << bits), 1 << bits) for bits in range(1, 64)]


def test_every_value_is_counted_in_its_slot() -> None:
    logs, tens, twenties, fars = Counter[int](), Counter[int](), Counter[int](), Counter[int]()
    observed: list[Seen] = []
    named: dict[str, Counter[int]] = {"even": Counter(), "odd": Counter()}
    for x in numbers(1):
        unsigned, name = x % 2**64, "odd" if x % 2 else "even"
        given = Seen(signed=x, unsigned=unsigned, weight=3, name=name)
        observed.append(given)
        logs[max(unsigned.bit_length() - 1, 0)] += 1
        tens[linear_slot(0, 100, 10, unsigned)] += 1
        twenties[linear_slot(-40, 60, 20, x)] += 1
        fars[linear_slot(-(2**62), 2**62 - 2, (2**63 - 2) // 6, x)] += 1
        named[name][linear_slot(-40, 60, 20, x)] += 3

    def check() -> None:
        for histogram, counts in ((sizes, logs), (percent, tens), (around, twenties), (far, fars)):
            assert {slot: count for slot, count in enumerate(histogram) if count} == dict(counts), histogram
        for name, counts in named.items():
            found = by_name[name]
            assert (found.below, found.above) == (counts[0], counts[6])
            assert [bucket[2] for bucket in found.buckets] == [counts[slot] for slot in range(1, 6)]
            assert found.key == name and found.total == sum(counts.values())

    with pyebpf.load(observe, attach=False) as session:
        for given in observed:
            session.programs["observe"].test_run(ctx=given)
        check()
        assert session.faults == ()
    with Simulator() as simulate:
        for given in observed:
            simulate(observe, ctx=given)
        check()
        assert simulate.faults == ()


def test_distributions_of_a_linear_histogram(session: pyebpf.Session) -> None:
    for x in (-41, -40, -1, 0, 19, 59, 60, 61):
        session.programs["observe"].test_run(ctx=Seen(signed=x, unsigned=95, weight=1, name="all"))
    assert around.total == 8 and (around.below, around.above) == (1, 2)
    assert around.buckets() == [(-40, -21, 1), (-20, -1, 1), (0, 19, 2), (20, 39, 0), (40, 59, 1)]
    assert percent.buckets() == [(90, 99, 8)] and percent.unit == "%"
    assert around.percentile(50) == (0, 19) and around.percentile(99) == (60, None)
    assert around.percentile(1) == (None, -41)
    assert by_name.distribution().total == 8 and by_name.total == 8
    assert list(by_name) == ["all"] and "all" in by_name and "none" not in by_name
    del by_name["all"]
    assert len(by_name) == 0
    with pytest.raises(KeyError):
        by_name["all"]
    around.clear()
    assert around.total == 0 and around.buckets() == []


def test_a_full_histogram_is_a_fault(session: pyebpf.Session) -> None:
    for key in (1, 2, 3, 4, 1, 4):
        session.programs["observe_key"].test_run(ctx=Seen(key=key, unsigned=1 << key))
    assert {key: found.buckets for key, found in by_key.items()} == {
        1: ((2, 3, 2),), 2: ((4, 7, 1),), 3: ((8, 15, 1),),
    }  # fmt: skip
    assert [(fault.kind, fault.count) for fault in session.faults] == [("MemoryError", 2)]


def test_constants_and_the_fault_caught(session: pyebpf.Session) -> None:
    run = session.programs["constants"].test_run
    assert [run(ctx=Seen(key=key)).result for key in (1, 2, 3)] == [0, 0, 12]
    assert list(around) == [3, 3, 0, 0, 0, 3, 3]
    assert sizes.buckets()[0] == (0, 1, 3) and sizes.buckets()[-1] == (512, 1023, 3)
    assert by_key[7].total == 15


def test_growth_loses_nothing_while_programs_count(session: pyebpf.Session) -> None:
    """Two threads have the program count; whatever moments growth is asked at, its answers are all there is."""
    rounds = 300
    seen = Seen(unsigned=100, weight=2, name="busy")
    run = session.programs["observe"].test_run

    def count() -> None:
        for _ in range(rounds):
            run(ctx=seen)

    threads = [threading.Thread(target=count) for _ in range(2)]
    for thread in threads:
        thread.start()
    grown, keyed = 0, 0
    while any(thread.is_alive() for thread in threads):
        grown += sizes.growth().total
        keyed += sum(each.total for each in by_name.growth().values())
    grown += sizes.growth().total
    keyed += sum(each.total for each in by_name.growth().values())
    assert (grown, keyed) == (2 * rounds, 4 * rounds)
    assert sizes.growth().total == 0 and by_name.growth() == {}


def test_arrays_of_counts(session: pyebpf.Session) -> None:
    numpy = pytest.importorskip("numpy")
    session.programs["observe_key"].test_run(ctx=Seen(key=2, unsigned=9))
    rows = by_key.to_numpy()
    assert rows["key"].tolist() == [2] and rows["value"].shape == (1, 64) and rows["value"].dtype == numpy.uint64
    assert rows["value"][0].nonzero()[0].tolist() == [3]


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ((0, 100, 7), "LinearHistogram(0, 105, 7)"),
        ((0, 100_000, 1), "LinearHistogram(0, 100058, 98)"),
    ],
)
def test_what_to_write_instead_can_be_written(arguments: tuple[int, int, int], cure: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        LinearHistogram(*arguments)
    assert caught.value.help == cure
    assert eval(cure, {"LinearHistogram": LinearHistogram}).slots <= 1026
