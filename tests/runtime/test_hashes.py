"""Hash, LruHash and PerCpuHash are Python's dict, as far as the kernel's memory is one."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from types import ModuleType

import pytest

import pyebpf
from pyebpf import MacAddress
from pyebpf.loader.cpus import count_cpus, possible_cpus
from pyebpf.views.per_cpu import PerCpu, add

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("name", ["numbers", "recent", "by_cpu"])
def test_what_dict_does(shapes: ModuleType, name: str) -> None:
    map = getattr(shapes, name)
    of = (lambda value: [value] * possible_cpus()) if name == "by_cpu" else (lambda value: value)
    assert len(map) == 0 and not list(map) and 1 not in map and map  # a declaration is true even when it is empty
    map[1] = 10
    assert map[1] == of(10) and 1 in map and map.get(1) == of(10) and map.get(2) is None and map.get(2, 7) == 7
    map.update({2: 20, 3: 30})
    map[1] = 11
    assert (sorted(map), len(map), sorted(map.keys())) == ([1, 2, 3], 3, [1, 2, 3])
    assert map.to_dict() == dict(map.items()) == {1: of(11), 2: of(20), 3: of(30)}
    assert dict(map) == {**map} == map.to_dict()
    assert all(value in [of(11), of(20), of(30)] for value in map.values()) and len(map.values()) == 3
    assert map.setdefault(4, 40) == of(40) and map.setdefault(4, 41) == of(40)
    assert map.pop(4) == of(40) and map.pop(4, None) is None
    key, value = map.popitem()
    assert value == of({1: 11, 2: 20, 3: 30}[key]) and len(map) == 2
    map.clear()
    assert map.to_dict() == {}
    for missing in (lambda: map[1], lambda: map.pop(1), lambda: map.__delitem__(1), map.popitem):
        with pytest.raises(KeyError):
            missing()


def test_views_equal_dicts(shapes: ModuleType, session: pyebpf.Session) -> None:
    shapes.numbers.update({1: 2, 3: 4})
    assert session.maps["numbers"] == {1: 2, 3: 4} != session.maps["names"]


def test_keys_of_every_kind(shapes: ModuleType, session: pyebpf.Session) -> None:
    session.programs["use"].test_run(ctx=bytes(16))
    assert shapes.names.to_dict() == {"eight888": 8}  # no room for a NUL
    assert shapes.colors.to_dict() == {shapes.Color.GREEN: True}
    assert next(iter(shapes.colors)).name == "GREEN" and shapes.colors["GREEN"] is True
    assert shapes.hosts.to_dict() == {IPv4Address("10.0.0.2"): IPv6Address("::2")}
    assert shapes.hosts["10.0.0.2"] == IPv6Address("::2") and 0x0A000002 in shapes.hosts
    assert shapes.macs.to_dict() == {MacAddress("02:00:00:00:00:02"): 0x01020304}
    for key in (shapes.Key(number=5, name="x"), {"number": 5, "name": "x"}, (5, "x")):
        shapes.keyed[key] = shapes.Value(port=5)
        assert [found.number for found in shapes.keyed] == [5]
        assert shapes.keyed[next(iter(shapes.keyed))].port == 5
        assert key in shapes.keyed
        del shapes.keyed[key]


@pytest.mark.parametrize("key", ["1", -1, 1 << 32, 1.0, None, (1,)])
def test_wrong_keys(shapes: ModuleType, key: object) -> None:
    shapes.numbers[1] = 1
    for use in (lambda: shapes.numbers[key], lambda: shapes.numbers.get(key), lambda: shapes.numbers.pop(key)):
        with pytest.raises((TypeError, OverflowError), match="key of numbers is u32"):
            use()
    with pytest.raises((TypeError, OverflowError)):
        shapes.numbers[key] = 1
    with pytest.raises((TypeError, OverflowError)):
        del shapes.numbers[key]
    assert key not in shapes.numbers  # as in a dict: nothing is equal to it
    assert shapes.numbers.to_dict() == {1: 1}


@pytest.mark.parametrize("value", ["1", -1, 1 << 64, 1.5, None])
def test_wrong_values_change_nothing(shapes: ModuleType, value: object) -> None:
    shapes.numbers[1] = 1
    with pytest.raises((TypeError, OverflowError), match="value of numbers is u64"):
        shapes.numbers[1] = value
    with pytest.raises((TypeError, OverflowError)):
        shapes.numbers.update({2: 2, 1: value})
    assert shapes.numbers.to_dict() == {1: 1}


def test_a_full_hash(shapes: ModuleType) -> None:
    shapes.numbers.update(dict.fromkeys(range(4), 0))
    with pytest.raises(MemoryError, match="numbers is full"):
        shapes.numbers[4] = 0
    shapes.numbers[3] = 33
    del shapes.numbers[0]
    shapes.numbers[4] = 4
    assert shapes.numbers.to_dict() == {1: 0, 2: 0, 3: 33, 4: 4}


def test_a_hash_has_no_order(shapes: ModuleType) -> None:
    shapes.numbers.update({0: 1, 1: 2})
    with pytest.raises(TypeError, match="not reversible"):
        reversed(shapes.numbers)


def test_an_lru_hash_drops_the_oldest(shapes: ModuleType) -> None:
    for key in range(1000):
        shapes.recent[key] = key
    assert 0 < len(shapes.recent) <= 64 and 0 not in shapes.recent and 999 in shapes.recent
    assert all(key == value for key, value in shapes.recent.items())


def test_iterating_while_it_changes(shapes: ModuleType) -> None:
    shapes.numbers.update({1: 1, 2: 2, 3: 3})
    for key in shapes.numbers:
        del shapes.numbers[key]
    assert len(shapes.numbers) == 0


def test_values_per_cpu(shapes: ModuleType, session: pyebpf.Session) -> None:
    count = possible_cpus()
    for _ in range(3):
        session.programs["use"].test_run(ctx=bytes(16))
    value = shapes.by_cpu[0]
    assert value.sum() == sum(value) == 15 and len(value) == count and set(value) <= {0, 5, 10, 15}
    assert shapes.inner_by_cpu[1].sum() in [(7 * n, -7 * n) for n in range(1, count + 1)]

    shapes.by_cpu[1] = range_of = [cpu + 1 for cpu in range(count)]
    assert shapes.by_cpu[1] == range_of == list(shapes.by_cpu[1][:]) and shapes.by_cpu[1][-1] == count
    shapes.by_cpu[2] = shapes.by_cpu[1]
    shapes.by_cpu[3] = 6
    assert shapes.by_cpu[2] == range_of and shapes.by_cpu[3].sum() == 6 * count
    assert shapes.by_cpu[3] != 6 and hash(shapes.by_cpu[2]) == hash(shapes.by_cpu[1])
    shapes.inner_by_cpu[2] = [shapes.Inner(a=cpu) for cpu in range(count)]
    assert [inner.a for inner in shapes.inner_by_cpu[2]] == list(range(count))
    for wrong, error in (
        ([1] * (count + 1), ValueError),
        ([], ValueError),
        (["a"] * count, TypeError),
        (1 << 32, OverflowError),
    ):
        with pytest.raises(error, match="value of by_cpu"):
            shapes.by_cpu[1] = wrong
    assert shapes.by_cpu[1] == range_of


def test_sums_by_type() -> None:
    assert PerCpu((True, False)).sum() is True and PerCpu(((1, 2), (3, 4))).sum() == (4, 6)
    assert add(["", "b", "c"]) == "b"
    assert PerCpu((IPv4Address(0), IPv4Address(5))).sum() == IPv4Address(5)
    assert PerCpu((MacAddress(bytes(6)), MacAddress(b"123456"))).sum() == MacAddress(b"123456")
    assert repr(PerCpu((1, 2))) == "PerCpu(1, 2)"


@pytest.mark.parametrize(("text", "count"), [("0\n", 1), ("0-3\n", 4), ("0,2-3\n", 3), ("0-1,8-9,31", 5)])
def test_numbers_of_cpus_may_have_gaps(text: str, count: int) -> None:
    assert count_cpus(text) == count


def test_more_than_sums() -> None:
    assert (PerCpu((3, 1, 5)).min(), PerCpu((3, 1, 5)).max(), PerCpu((3, 1, 5)).mean()) == (1, 5, 3.0)
    assert PerCpu(([1, 9], [4, 2])).max() == [4, 9] and PerCpu(([1, 9], [4, 2])).sum() == [5, 11]
    with pytest.raises(TypeError, match="mean"):
        PerCpu((["a"], ["b"])).mean()
