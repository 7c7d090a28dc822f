"""Maps as collections while others change them: nothing is taken twice, nothing raises that shouldn't."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

import pyebpf
from pyebpf import XDP, BloomFilter, Hash, Queue, u32, u64, xdp

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
COUNT = 2000

jobs = Hash[u32, u64](max_entries=COUNT)
waiting = Queue[u32](max_entries=COUNT)
seen = BloomFilter[u32](max_entries=1000)


@xdp
def use(packet):
    jobs[0] = 1
    waiting.push(1)
    seen.add(1)
    return XDP.PASS


@pytest.fixture(autouse=True)
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load(use, attach=False) as loaded:
        yield loaded


def at_once(*works: Callable[[], object]) -> None:
    """Run them in threads; whatever one raises is raised here."""
    failed: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_each_entry_is_taken_once() -> None:
    jobs.update({number: number * 2 for number in range(COUNT)})
    taken: list[int] = []

    def by_key() -> None:
        for number in range(COUNT):
            value = jobs.pop(number, None)
            if value is not None:
                assert value == number * 2
                taken.append(number)

    at_once(by_key, by_key, by_key)
    assert Counter(taken) == Counter(range(COUNT)) and len(jobs) == 0
    with pytest.raises(KeyError):
        jobs.popitem()


def test_going_through_while_others_delete_and_add() -> None:
    jobs.update({number: number for number in range(COUNT)})

    def change() -> None:
        for number in range(0, COUNT, 2):
            del jobs[number]
            jobs[number] = number
            del jobs[number]

    def go_through() -> None:
        for _ in range(20):
            assert all(key < COUNT for key in jobs)
            assert all(key == value for key, value in jobs.items())
            assert set(range(1, COUNT, 2)) <= set(jobs.to_dict())

    at_once(change, go_through, go_through)
    assert sorted(jobs) == list(range(1, COUNT, 2))


def test_setdefault_of_many_agrees() -> None:
    found: list[list[int]] = [[], []]

    def work(mine: int) -> None:
        for number in range(300):
            found[mine].append(jobs.setdefault(number, mine + 1))

    at_once(lambda: work(0), lambda: work(1))
    assert found[0] == found[1] == [jobs[number] for number in range(300)]


def test_queues_and_filters_of_many() -> None:
    waiting.extend(range(100))
    assert waiting.pop() == 0 and waiting.drain() == list(range(1, 100)) and waiting.drain() == []
    with pytest.raises(MemoryError):
        waiting.extend(range(COUNT + 1))
    assert len(waiting.drain()) == COUNT
    seen.update([1, 2, 3], {4})
    assert all(number in seen for number in (1, 2, 3, 4)) and "x" not in seen and -1 not in seen and 1 << 40 not in seen


def test_the_rest_of_a_list(shapes: ModuleType) -> None:
    numbers = shapes.cells
    numbers.clear()
    numbers[0:2] = [7, 8]
    assert numbers.index(8) == 1 and numbers.count(7) == 1 and 8 in numbers and "8" not in numbers
    assert list(numbers[0:2]) == [7, 8]
    with pytest.raises(ValueError, match="keeps its length"):
        numbers[0:2] = [1]
    with pytest.raises(ValueError):
        numbers.index(99)
