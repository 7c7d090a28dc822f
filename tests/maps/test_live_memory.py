"""Arrays and Globals as memory that programs and Python share, without system calls, and beyond the session's end."""

from __future__ import annotations

import gc
import io
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import (
    Array,
    Config,
    Global,
    Hash,
    IPv6Address,
    PerCpuArray,
    be32,
    char,
    i16,
    struct,
    syscall,
    u8,
    u32,
    u64,
)
from pyebpf.loader import sys
from pyebpf.testing import Simulator

numpy = pytest.importorskip("numpy")
pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Inner:
    low: i16
    big: be32


@struct
class Point:
    x: u32
    name: char[5]
    inner: Inner
    six: IPv6Address
    more: u8[3]


@struct
class Given:
    index: u32
    value: u64


cells = Array[u64](max_entries=1000, mmapable=True)
small = Array[u8](max_entries=9, mmapable=True)
points = Array[Point](max_entries=5, mmapable=True)
plain = Array[u64](max_entries=4)
by_cpu = PerCpuArray[u64](max_entries=4)
table = Hash[u32, u64](max_entries=4)
total = Global[u64](5)
zero = Global[u8]()
many = Global[u32[4]]()
point = Global[Point]()
limit = Config[u32](7)


@syscall
def write(given: Given):
    cells[given.index] += given.value
    small[given.index] = u8(given.value & 255)
    points[given.index].inner.big = u32(given.value & 0xFFFF)
    points[given.index].name = "abc"
    plain[given.index] = given.value
    by_cpu[0] = 1
    table[1] = limit.value
    total.value += cells[0]
    zero.value += 1
    many.value[1] = u32(given.value & 0xFFFF)
    point.value.x = 9
    return 0


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load(write, attach=False) as loaded:
        yield loaded


def test_both_sides_see_what_the_other_writes(session: pyebpf.Session) -> None:
    run = session.programs["write"].test_run
    seen, bytes_, structs = cells.live(), small.live(), points.live()
    run(ctx=Given(index=3, value=0x1234))
    assert seen[3] == 0x1234 and seen.sum() == 0x1234 and seen.dtype == numpy.uint64 and seen.shape == (1000,)
    assert bytes_.tolist() == [0, 0, 0, 0x34, 0, 0, 0, 0, 0]
    assert structs["inner"]["big"][3] == 0x1234 and structs["name"][3] == b"abc"
    seen[0] = 100
    structs["x"][4] = 17
    cells[1] = 6
    assert seen[1] == 6 and points[4].x == 17
    run(ctx=Given(index=0, value=1))
    assert seen[0] == 101 and total.value == 5 + 0 + 101
    assert list(cells)[:4] == [101, 6, 0, 0x1234] == cells.to_numpy()[:4].tolist()
    assert cells[-1] == 0 and cells[999] == 0
    with pytest.raises(IndexError):
        cells[1000]
    with pytest.raises(OverflowError):
        cells[0] = -1


def test_values_are_read_and_written_without_a_system_call(
    session: pyebpf.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    small[3] = 1  # mapped from now on
    total.value = 1
    asked: list[str] = []
    for name in ("map_lookup", "map_update"):
        monkeypatch.setattr(sys, name, lambda *_, name=name, **__: asked.append(name))
    small[3] = 9
    assert small[3] == 9
    total.value = 44
    assert total.value == 44 and asked == []


def test_globals_as_memory(session: pyebpf.Session) -> None:
    run = session.programs["write"].test_run
    whole, numbers, struct_, byte = total.live(), many.live(), point.live(), zero.live()
    run(ctx=Given(index=0, value=3))
    assert whole.shape == () and whole[()] == 8 and numbers.tolist() == [0, 3, 0, 0]
    assert struct_["x"] == 9 and byte[()] == 1
    whole[()] = 50
    numbers[3] = 4
    assert total.value == 50 and list(many.value) == [0, 3, 0, 4]
    with pytest.raises(io.UnsupportedOperation, match="never changes"):
        limit.live()


def test_memory_outlives_its_session() -> None:
    with pyebpf.load(write, attach=False) as session:
        session.programs["write"].test_run(ctx=Given(index=2, value=7))
        seen, value, raw = cells.live(), total.live(), small.memory()
    assert seen[2] == 7 and value[()] == 5 and raw[16] == 7
    seen[2] = 8
    raw[16] = 1
    with pytest.raises(RuntimeError):
        cells.live()
    with pytest.raises(ValueError, match="closed"):
        session.maps["cells"][0]
    assert seen[2] == 8
    del seen, value, raw
    gc.collect()


def test_what_is_no_shared_memory(session: pyebpf.Session) -> None:
    for name in ("plain", "by_cpu"):
        with pytest.raises(io.UnsupportedOperation, match="mmapable=True"):
            session.maps[name].live()
    with pytest.raises(AttributeError):
        session.maps["table"].live()


def test_the_simulator_says_that_it_shares_none() -> None:
    with Simulator() as simulate:
        simulate(write, ctx=Given(index=1, value=3))
        assert cells[1] == 3
        with pytest.raises(io.UnsupportedOperation, match="isn't in the kernel"):
            cells.live()


def test_pages_are_shared_by_thousands_of_elements() -> None:
    cells = Array[u64](max_entries=100_000, mmapable=True)

    @syscall
    def fill(given: Given):
        for i in range(100_000):
            cells[i] = i * 3
        return 0

    with pyebpf.load(fill, attach=False) as session:
        session.programs["fill"].test_run(ctx=Given())
        assert (cells.live() == numpy.arange(100_000, dtype=numpy.uint64) * 3).all()
