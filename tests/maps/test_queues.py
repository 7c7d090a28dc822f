"""Queue, Stack and BloomFilter: what probes and Python put in comes out as Python's own collections give it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import pytest

import pyebpf
from pyebpf import XDP, BloomFilter, Global, IPv4Address, Queue, Stack, char, struct, u8, u32, u64, xdp

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Job:
    number: u32
    urgent: u8
    name: char[8]


numbers = Queue[u64](max_entries=3)
jobs = Queue[Job](max_entries=4)
names = Stack[char[8]](max_entries=4)
stack = Stack[u32](max_entries=3)
seen = BloomFilter[IPv4Address](max_entries=64)
pairs = BloomFilter[Job](max_entries=16)
given = Global[u64]()
first = Global[u64]()
second = Global[u64]()
text = Global[char[8]]()
flags = Global[u64]()


@xdp
def push(packet):
    numbers.push(given.value)
    stack.push(u32(given.value))
    return XDP.DROP


@xdp
def pop(packet):
    first.value = numbers.pop()
    second.value = stack.pop()
    return XDP.DROP


@xdp
def peek(packet):
    first.value = numbers.peek()
    second.value = stack.peek()
    return XDP.DROP


@xdp
def pop_or(packet):
    first.value = numbers.pop(77)
    if (top := stack.pop(None)) is not None:
        second.value = top
    else:
        second.value = 88
    return XDP.DROP


@xdp
def caught(packet):
    try:
        first.value = numbers.pop()
    except IndexError:
        first.value = 1000
    try:
        for n in range(5):
            numbers.push(n)
    except MemoryError:
        second.value = 2000
    return XDP.DROP


@xdp
def structs(packet):
    jobs.push(Job(number=7, urgent=1, name="seven"))
    jobs.push(Job(number=8, name="eight"))
    job = jobs.pop()
    again = jobs.peek(None)
    if again is not None:
        first.value = again.number
        again.number = 99  # a copy: the queue keeps what it has
    second.value = job.number + job.urgent
    text.value = job.name
    names.push(job.name)
    names.push("last")
    return XDP.DROP


@xdp
def all_of_them(packet):
    total = 0
    last = 0
    for _ in range(8):
        job = jobs.pop(None)
        if job is None:
            break
        total = total * 10 + job.number
        last = job.number
    first.value = u64(total)
    second.value = last
    return XDP.DROP


@xdp
def bloom(packet):
    flags.value = 0
    if IPv4Address("10.0.0.1") in seen:
        flags.value |= 1
    seen.add(IPv4Address("10.0.0.2"))
    if IPv4Address("10.0.0.2") in seen:
        flags.value |= 2
    if Job(number=1, name="one") in pairs:
        flags.value |= 4
    return XDP.DROP


PROBES = (push, pop, peek, pop_or, caught, structs, all_of_them, bloom)


@pytest.fixture
def session() -> Iterator[pyebpf.Session]:
    with pyebpf.load(PROBES, attach=False) as loaded:
        yield loaded


def run(session: pyebpf.Session, name: str) -> str:
    """The fault of one run, or "" if there was none."""
    before = {(fault.kind, fault.line): fault.count for fault in session.faults}
    result = session.programs[name].test_run(data=bytes(64)).result
    found = [f.kind for f in session.faults if f.count > before.get((f.kind, f.line), 0)]
    assert result == (XDP.PASS if found else XDP.DROP)
    return "".join(found)


def test_order_and_emptiness(session: pyebpf.Session) -> None:
    queue: deque[int] = deque()
    for number in (5, 6, 7):
        given.value = number
        assert run(session, "push") == ""
        queue.append(number)
    assert run(session, "push") == "MemoryError"
    assert run(session, "peek") == "" and (first.value, second.value) == (queue[0], queue[-1])
    for oldest, newest in ((5, 7), (6, 6), (7, 5)):
        assert run(session, "pop") == "" and (first.value, second.value) == (oldest, newest)
    assert run(session, "pop") == "IndexError" and run(session, "peek") == "IndexError"
    assert run(session, "pop_or") == "" and (first.value, second.value) == (77, 88)
    given.value = 9
    run(session, "push")
    assert run(session, "pop_or") == "" and (first.value, second.value) == (9, 9)


def test_faults_are_caught(session: pyebpf.Session) -> None:
    assert run(session, "caught") == "" and (first.value, second.value) == (1000, 2000)
    assert [numbers.pop() for _ in range(3)] == [0, 1, 2]


def test_structs_and_text(session: pyebpf.Session) -> None:
    assert run(session, "structs") == ""
    assert (first.value, second.value, text.value) == (8, 8, "seven")
    assert jobs.peek().number == 8
    assert (names.pop(), names.pop()) == ("last", "seven")
    for number in (1, 2, 3):
        jobs.push(Job(number=number, name="x"))
    assert run(session, "all_of_them") == "" and (first.value, second.value) == (8123, 3)


def test_from_python(session: pyebpf.Session) -> None:
    for number in (1, 2, 3):
        numbers.push(number)
        stack.push(number)
    with pytest.raises(MemoryError):
        numbers.push(4)
    assert (numbers.peek(), stack.peek()) == (1, 3)
    assert [numbers.pop() for _ in range(3)] == [1, 2, 3] and [stack.pop() for _ in range(3)] == [3, 2, 1]
    for empty in (numbers, stack):
        with pytest.raises(IndexError):
            empty.pop()
        assert empty.pop(None) is None and empty.peek(5) == 5
    numbers.push(1)
    numbers.clear()
    assert numbers.pop(None) is None


def test_bloom_filters(session: pyebpf.Session) -> None:
    assert "10.0.0.1" not in seen
    assert run(session, "bloom") == "" and flags.value == 2
    assert "10.0.0.2" in seen and IPv4Address("10.0.0.1") not in seen
    seen.add("10.0.0.1")
    pairs.add(Job(number=1, name="one"))
    assert Job(number=1, name="one") in pairs and Job(number=1, name="two") not in pairs
    assert run(session, "bloom") == "" and flags.value == 7
