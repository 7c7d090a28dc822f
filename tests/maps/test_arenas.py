"""Arenas: arrays in memory that programs and Python share, with the checks of any array."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import (
    Arena,
    Global,
    Hash,
    IPv6Address,
    RingBuf,
    be32,
    char,
    comm,
    i32,
    struct,
    syscall,
    u8,
    u32,
    u64,
)
from pyebpf.testing import Simulator

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
COUNT = 100_000


@struct
class Sample:
    count: u64
    last: u32
    big: be32
    name: char[16]
    six: IPv6Address
    parts: u8[4]


@struct
class Given:
    index: i32
    value: u64


counts = Arena[u64](max_entries=COUNT)
samples = Arena[Sample](max_entries=10)
table = Hash[u32, Sample](max_entries=4)
events = RingBuf[bytes](size=4096)
total = Global[u64](0)
equal = Global[u32](0)


@syscall
def use(given: Given):
    counts[given.index] += given.value
    counts[0] = counts[given.index] * 2
    sample = samples[3]
    sample.count += 1
    sample.last = u32(given.value & 255)
    sample.big = 0x01020304
    sample.name = comm()
    sample.parts[given.index & 3] = 9
    samples[4] = Sample(count=9, name="four")
    table[1] = samples[3]
    samples[5] = table[1]
    events.output(samples[4])
    for each in samples:
        total.value += each.count
    if samples[5] == samples[3] and samples[4].name == "four" and samples[4].name != samples[3].name:
        equal.value = 1
    print(f"{samples[4].name} {len(counts)}")
    return 0


@syscall
def beyond(given: Given):
    counts[given.index] = 1
    return 0


@syscall
def add(given: Given):
    counts[7] += 1
    return 0


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load([use, beyond, add], attach=False) as loaded:
        yield loaded


def check() -> None:
    assert (counts[5], counts[0], counts[-1], len(counts)) == (103, 206, 0, COUNT)
    assert (samples[3].count, samples[3].last, samples[3].big) == (1, 3, 0x01020304)
    assert list(samples[3].parts) == [0, 9, 0, 0] and samples[4].name == "four" and samples[5] == samples[3]
    assert table[1] == samples[3] and total.value == 11 and equal.value == 1
    with pytest.raises(IndexError):
        counts[COUNT]
    with pytest.raises(OverflowError):
        counts[0] = -1


def test_in_the_kernel(session: pyebpf.Session) -> None:
    counts[5] = 100
    assert session.programs["use"].test_run(ctx=Given(index=5, value=3)).result == 0
    check()
    assert events.poll()[0][:8] == (9).to_bytes(8, "little")
    assert session.prints.poll() == [f"four {COUNT}"] and session.faults == ()
    assert [each.count for each in samples] == [0, 0, 0, 1, 9, 1, 0, 0, 0, 0]


def test_in_the_simulator() -> None:
    with Simulator() as simulate:
        simulate.watch(globals())
        counts[5] = 100
        result = simulate(use, ctx=Given(index=5, value=3))
        assert result.result == 0 and result.printed == [f"four {COUNT}"]
        check()


@pytest.mark.parametrize("index", [COUNT, -COUNT - 1, 2**31 - 1, -(2**31)])
def test_what_is_outside(session: pyebpf.Session, index: int) -> None:
    session.programs["beyond"].test_run(ctx=Given(index=index))
    assert [(fault.kind, fault.count) for fault in session.faults] == [("IndexError", 1)]


@pytest.mark.parametrize("index", [COUNT - 1, -COUNT, -1, 0])
def test_what_is_just_inside(session: pyebpf.Session, index: int) -> None:
    session.programs["beyond"].test_run(ctx=Given(index=index))
    assert session.faults == () and counts[index] == 1 and sum(counts) == 1


def test_numpy_sees_it_live(session: pyebpf.Session) -> None:
    numpy = pytest.importorskip("numpy")
    live, structs = counts.live(), samples.live()
    assert live.shape == (COUNT,) and live.dtype == numpy.uint64
    live[5] = 100
    session.programs["use"].test_run(ctx=Given(index=5, value=3))
    assert live[5] == 103 and structs["big"][3] == 0x01020304 and structs["name"][4] == b"four"
    structs["count"][9] = 50
    session.programs["use"].test_run(ctx=Given(index=5, value=0))
    assert total.value == 11 + 50 + 2 + 9 + 2
    session.close()
    assert live[5] == 103
    del live, structs
    gc.collect()


def test_additions_are_atomic(session: pyebpf.Session) -> None:
    run = session.programs["add"].test_run
    threads = [threading.Thread(target=lambda: [run(ctx=Given()) for _ in range(300)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts[7] == 600


def test_it_is_for_one_session(session: pyebpf.Session, tmp_path: object) -> None:
    with pytest.raises(pyebpf.LoadError, match="Arena"):
        session.pin(f"{tmp_path}/kept")
    with pyebpf.load(add, attach=False) as other:
        other.programs["add"].test_run(ctx=Given())
        assert other.variables["counts"][7] == 1 and session.variables["counts"][7] == 0
