"""Many entries at once: written, read, taken out, and what they have grown by."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import numpy
import pytest

import pyebpf
from pyebpf.loader.cpus import possible_cpus

pytestmark = pytest.mark.kernel
GETPPID = {"x86_64": 110, "aarch64": 173, "s390x": 64}[os.uname().machine]
PROGRAM = """
from pyebpf import Array, Config, Hash, IPv4Address, IPv4Network, LpmTrie, LruHash, PerCpuHash
from pyebpf import be32, char, pid, raw_tracepoint, struct, u32, u64


@struct
class Pair:
    number: u64
    small: u32


@struct
class Named:
    name: char[8]
    number: u32


only = Config[u32](0)
numbers, by_cpu = Hash[u32, u64](max_entries=100_000), PerCpuHash[u32, u64](max_entries=1000)
swapped, recent = Hash[be32, u32](max_entries=1000), LruHash[u32, u64](max_entries=1000)
pairs, names = Hash[u32, Pair](max_entries=1000), Hash[u32, Named](max_entries=8)
networks, cells = LpmTrie[IPv4Network, u32](max_entries=100), Array[u64](max_entries=1000)


@raw_tracepoint("sys_enter")
def probe(ctx):
    if pid() == only.value:
        call = u32(ctx.args[1])
        numbers[call] += 1
        by_cpu[call] += 1
        if call == 1 << 31:  # never: the maps are Python's
            pairs[1], names[1], recent[1] = Pair(number=1), Named(name="one"), 1
            swapped[1], cells[0] = networks.get(IPv4Address("10.0.0.1"), 0), 1
"""


@pytest.fixture
def session(tmp_path: Path) -> Iterator[pyebpf.Session]:
    path = tmp_path / "probe.py"
    path.write_text(PROGRAM)
    with pyebpf.load(path, config={"only": os.getpid()}, attach=False) as session:
        yield session


def test_what_is_written_is_read(session: pyebpf.Session) -> None:
    given = {
        "numbers": {number * 7: 2**64 - 1 - number for number in range(100_000)},
        "swapped": {number: number * 3 for number in range(1000)},
        "pairs": {number: (number, number * 2) for number in range(1000)},
        "names": {number: (f"name {number}", number) for number in range(8)},
        "by_cpu": {number: tuple(range(number, number + possible_cpus())) for number in range(1000)},
        "networks": {IPv4Network(f"10.{number}.0.0/16"): number for number in range(100)},
    }
    for name, entries in given.items():
        view = session.maps[name]
        view.update({key: list(value) if name == "by_cpu" else value for key, value in entries.items()})
        assert view.to_dict() == entries, name
        assert len(view) == len(entries) and set(view) == set(entries), name
        rows = view.to_numpy()
        view.clear()
        assert len(view) == 0, name
        view.update(rows)
        assert view.to_dict() == entries, name


def test_arrays(session: pyebpf.Session) -> None:
    cells = session.maps["cells"]
    cells[999] = 5
    assert cells.to_numpy()[999] == list(cells)[999] == cells.to_dict()[999] == 5
    cells.clear()
    assert not any(cells)


def test_all_is_taken_out(session: pyebpf.Session) -> None:
    for name in ("numbers", "recent", "by_cpu", "pairs", "networks"):
        view = session.maps[name]
        key = IPv4Network("10.0.0.0/8") if name == "networks" else 3
        view.update({key: (4, 5) if name == "pairs" else 6})
        before = view.to_dict()
        assert len(before) == 1 and view.drain() == before and view.to_dict() == view.drain() == {}


def test_a_map_that_gets_full(session: pyebpf.Session) -> None:
    names = session.maps["names"]
    with pytest.raises(MemoryError, match="names is full: 8 of 20 entries were written"):
        names.update({number: ("", number) for number in range(20)})
    assert set(names) == set(range(8))
    with pytest.raises(MemoryError, match="names is full: 0 of 1 entries were written"):
        names.update({8: ("", 8)})
    names.update({})
    names.update({7: ("seven", 7)})
    assert names[7].name == "seven"


def test_arrays_of_another_shape(session: pyebpf.Session) -> None:
    numbers = session.maps["numbers"]
    for wrong in (
        numpy.zeros(3, "u4"),
        numpy.zeros(3, [("key", "u4"), ("other", "u8")]),
        numpy.zeros(3, [("key", "u8"), ("value", "u8")]),
        numpy.zeros(3, [("key", "u4"), ("value", "f8")]),
        numpy.zeros(3, [("key", "u4"), ("value", "u8", (2,))]),
        numpy.zeros((3, 3), [("key", "u4"), ("value", "u8")]),
    ):
        with pytest.raises(TypeError, match="numbers"):
            numbers.update(wrong)
    assert len(numbers) == 0
    numbers.update(numpy.array([(1, 2)], [("key", "u1"), ("value", "u2")]))
    assert numbers.to_dict() == {1: 2}


def test_growth_has_every_count(session: pyebpf.Session) -> None:
    """However often it is asked while a program counts."""
    calls = 30_000

    def call() -> None:
        for _ in range(calls):
            os.getppid()

    threads = [threading.Thread(target=call) for _ in range(2)]
    found, by_cpu = Counter[int](), Counter[int]()
    session.attach("probe")
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found.update(session.maps["numbers"].growth())
        by_cpu.update(session.maps["by_cpu"].growth())
    for thread in threads:
        thread.join()
    found.update(session.maps["numbers"].growth())
    by_cpu.update(session.maps["by_cpu"].growth())
    assert found[GETPPID] == by_cpu[GETPPID] == calls * len(threads) == session.maps["numbers"][GETPPID]


def test_growth_of_structs_and_of_what_is_made_anew(session: pyebpf.Session) -> None:
    pairs = session.maps["pairs"]
    pairs.update({1: (5, 1), 2: (9, 9)})
    assert pairs.growth() == {1: (5, 1), 2: (9, 9)}
    pairs[1] = (7, 4)
    assert pairs.growth() == {1: (2, 3)} and pairs.growth() == {}
    pairs[2] = (1, 10)
    del pairs[1]
    assert pairs.growth() == {2: (1, 10)}
    session.maps["names"][1] = ("text", 1)
    with pytest.raises(TypeError, match="no number"):
        session.maps["names"].growth()
