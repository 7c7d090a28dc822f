"""HashOfMaps and ArrayOfMaps: programs use the maps in them as any other; Python, or the module, puts them there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import (
    XDP,
    Array,
    ArrayOfMaps,
    Global,
    Hash,
    HashOfMaps,
    IPv4Address,
    IPv4Network,
    LpmTrie,
    Queue,
    char,
    function,
    struct,
    u32,
    u64,
    xdp,
)

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Stat:
    packets: u64
    name: char[8]


first = Hash[u32, u64](max_entries=16)
second = Hash[u32, u64](max_entries=32)
tables = HashOfMaps[u32, Hash[u32, u64](max_entries=16)](max_entries=8)
by_name = HashOfMaps[char[8], Hash[u32, Stat](max_entries=4)](max_entries=8)
fixed = ArrayOfMaps[Hash[u32, u64](max_entries=16)]({0: first, 2: second}, max_entries=4)
arrays = ArrayOfMaps[Array[u64](max_entries=4)](max_entries=2)
queues = ArrayOfMaps[Queue[u32](max_entries=4)](max_entries=2)
networks = ArrayOfMaps[LpmTrie[IPv4Network, u32](max_entries=4)](max_entries=2)
which = Global[u64]()
key = Global[u32]()
out = Global[u64]()
more = Global[u64]()


@xdp
def use(packet):
    table = tables[u32(which.value)]
    table[key.value] += 1
    table[key.value + 1 & 0xFF] = 7
    if 100 in table:
        del table[100]
    out.value = table[key.value]
    more.value = table.get(5, 55)
    if (popped := table.pop(6)) is not None:
        more.value = popped
    return XDP.DROP


@function
def count(table, key):
    table[key] += 10
    return table[key]


@xdp
def changed(packet):
    total = 0
    chosen = fixed[0]
    kept = chosen
    for i in range(4):
        if i in fixed:
            chosen = fixed[i]
            total += count(chosen, i)
    kept[50] = 1
    try:
        chosen = fixed[which.value]
        chosen[60] = 2
    except KeyError:
        total += 1000
    out.value = u64(total)
    return XDP.DROP


@xdp
def others(packet):
    stats = by_name["eth0"]
    stat = stats[1]
    stat.packets += 5
    arrays[1][key.value] = 9
    arrays[1][0] += 1
    out.value = arrays[1][3]
    queues[0].push(44)
    more.value = queues[0].pop(0)
    if IPv4Address("10.1.2.3") in networks[0]:
        more.value = networks[0][IPv4Address("10.1.2.3")]
    return XDP.DROP


@xdp
def through(packet):
    array = arrays[0]
    for n in first:
        array[n & 3] += 1
    for i in range(50_000):
        array[i & 3] += 1
        if i == 41:
            array = arrays[1]
    return XDP.DROP


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load((use, changed, others, through), attach=False) as loaded:
        yield loaded


def run(session: pyebpf.Session, name: str) -> list[str]:
    """The faults of one run."""
    before = {(fault.kind, fault.line): fault.count for fault in session.faults}
    session.programs[name].test_run(data=bytes(64))
    return [fault.kind for fault in session.faults if fault.count > before.get((fault.kind, fault.line), 0)]


def test_maps_from_python(session: pyebpf.Session) -> None:
    which.value, key.value = 3, 6
    assert run(session, "use") == ["KeyError"]
    tables[3] = small = Hash[u32, u64](max_entries=8)
    small.update({5: 500, 6: 60, 100: 1})
    assert run(session, "use") == [] and (out.value, more.value) == (61, 61)
    assert small.to_dict() == {5: 500, 7: 7} and tables[3].to_dict() == small.to_dict()
    tables[4] = first
    which.value, key.value = 4, 1
    assert run(session, "use") == [] and (out.value, more.value) == (1, 55)
    assert first.to_dict() == {1: 1, 2: 7} == tables[4]
    assert sorted(tables) == [3, 4] and len(tables) == 2 and 3 in tables and 5 not in tables
    del tables[4]
    assert run(session, "use") == ["KeyError"] and first[1] == 1
    with pytest.raises(KeyError):
        tables[4]
    with pytest.raises(TypeError, match="takes maps of the kind Hash"):
        tables[4] = Hash[u32, u32](max_entries=8)
    with pytest.raises(pyebpf.LoadError):
        tables[4] = by_name


def test_names_keep_their_maps(session: pyebpf.Session) -> None:
    assert sorted(fixed) == [0, 2]
    which.value = 2
    assert run(session, "changed") == [] and out.value == 20
    assert first.to_dict() == {0: 10, 50: 1} and second.to_dict() == {2: 10, 60: 2}
    which.value = 2**40
    assert run(session, "changed") == [] and out.value == 1040


def test_other_maps_inside(session: pyebpf.Session) -> None:
    by_name["eth0"] = interface = Hash[u32, Stat](max_entries=4)
    interface[1] = Stat(name="one")
    arrays[1] = Array[u64](max_entries=4)
    queues[0] = Queue[u32](max_entries=2)
    networks[0] = LpmTrie[IPv4Network, u32](max_entries=4)
    networks[0]["10.0.0.0/8"] = 77
    key.value = 3
    assert run(session, "others") == []
    assert interface[1].packets == 5 and list(arrays[1]) == [1, 0, 0, 9]
    assert (out.value, more.value) == (9, 77)
    key.value = 4
    assert run(session, "others") == ["IndexError"]
    assert list(by_name) == ["eth0"]


def test_in_loops_that_the_kernel_runs(session: pyebpf.Session) -> None:
    arrays[0], arrays[1] = Array[u64](max_entries=4), Array[u64](max_entries=4)
    first.update({0: 1, 4: 1, 3: 1})
    assert run(session, "through") == []
    assert list(arrays[0]) == [2 + 11, 11, 10, 1 + 10]
    assert sum(arrays[1]) == 50_000 - 42


def test_declarations_are_free_again() -> None:
    inner = Hash[u32, u64](max_entries=8)
    with pyebpf.load(use, attach=False):
        tables[1] = inner
        inner[1] = 5
    with pytest.raises(RuntimeError):
        inner[1]
