"""What a program holds is given back as well where only the verifier believes that it comes."""

from __future__ import annotations

import os
import sys

import pytest

import pyebpf
from pyebpf import XDP, Global, Hash, RingBuf, SpinLock, char, i32, rcu, struct, u8, u32, u64, xdp
from pyebpf.helpers import dynptr_write, ringbuf_reserve_dynptr
from pyebpf.kfuncs import bpf_preempt_disable, bpf_task_from_pid, iter_num

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@struct
class Bucket:
    lock: SpinLock
    cells: u32[10]


@struct
class Event:
    cells: u32[10]


wanted = Global[i32](1)
name = Global[char[16]]()
wrong = Global[u64](0)
numbers = Hash[u32, u64](max_entries=4)
records = RingBuf[bytes](size=4096)
buckets = Hash[u32, Bucket](max_entries=4)
events = RingBuf[Event](size=4096)


@xdp
def locked(packet):
    n = packet.load(0, u8)
    buckets[0] = Bucket()
    bucket = buckets[0]
    try:
        with bucket.lock:
            bucket.cells[(n * n).bit_count() % 10] = 7
    except IndexError:
        wrong.value += 1
    return XDP.PASS


@xdp
def held(packet):
    cells = u32[10]()
    n = packet.load(0, u32)
    with bpf_task_from_pid(wanted.value) as task:
        text: char[16] = task.comm
        try:
            cells[len(text) // 2] = 7
            cells[(n * n).bit_count() % 10] = 7
        except IndexError:
            wrong.value += 1
        name.value = text
    return XDP.TX


@xdp
def reserved(packet):
    n = packet.load(0, u8)
    with events.reserve() as event:
        try:
            event.cells[(n * n).bit_count() % 10] = 7
        except IndexError:
            wrong.value += 1
    return XDP.PASS


@xdp
def around_loops(packet):
    way = packet.load(0, u8)
    with bpf_task_from_pid(wanted.value) as task:
        for key in numbers:
            with bpf_task_from_pid(wanted.value) as other:
                if way == 1:
                    break
                if way == 2:
                    return XDP.TX
                if way == 3:
                    continue
                if way != 5 and other.tgid == task.tgid:
                    numbers[key] += numbers[u32(key + way)]
        for number in range(100_000):
            wrong.value += 1
            if number == 9 and way == 5:
                return XDP.DROP
    return XDP.REDIRECT


def test_every_way_gives_back() -> None:
    with pyebpf.load((locked, held, reserved), attach=False) as session:
        wanted.value = os.getpid()
        results = {key: int(each.test_run(data=b"\3" + bytes(63)).result) for key, each in session.programs.items()}
        assert results == {"locked": XDP.PASS, "held": XDP.TX, "reserved": XDP.PASS}
        assert list(buckets[0].cells) == [0, 0, 7] + [0] * 7, "3 * 3 has two bits"
        [event] = events.poll(0)
        assert list(event.cells) == [0, 0, 7] + [0] * 7
        assert name.value != "" and wrong.value == 0


@pytest.mark.parametrize(
    ("way", "result", "value", "rounds"),
    [
        (0, XDP.REDIRECT, 6, 100_000),
        (1, XDP.REDIRECT, 3, 100_000),
        (2, XDP.TX, 3, 0),
        (3, XDP.REDIRECT, 3, 100_000),
        (5, XDP.DROP, 3, 10),
    ],
)
def test_tasks_around_loops_that_the_kernel_runs(way: int, result: int, value: int, rounds: int) -> None:
    with pyebpf.load(around_loops, attach=False) as session:
        wanted.value = os.getpid()
        numbers[0] = 3
        run = session.programs["around_loops"].test_run(data=bytes([way]) + bytes(63))
        assert (run.result, numbers[0], wrong.value) == (result, value, rounds)


def test_a_fault_in_such_a_loop() -> None:
    with pyebpf.load(around_loops, attach=False) as session:
        wanted.value = os.getpid()
        numbers[0] = 3
        run = session.programs["around_loops"].test_run(data=b"\4" + bytes(63))
        assert run.result == XDP.PASS and [fault.kind for fault in session.faults] == ["KeyError"]


@xdp
def in_iterators(packet):
    total = 0
    for number in iter_num(0, 4):
        for key in numbers:
            if key == 9:
                return XDP.DROP
            if key == 8:
                break
            total += number
            numbers[0] += numbers[u32(key & 4)]
    wrong.value = u64(total)
    return XDP.TX


@xdp
def in_others(packet):
    with rcu, bpf_preempt_disable(), ringbuf_reserve_dynptr(records, 8, 0) as record:
        for key in numbers:
            with ringbuf_reserve_dynptr(records, 4, 0) as inner:
                dynptr_write(record, 0, u32[1](key), 0)
                dynptr_write(inner, 0, u32[1](7), 0)
                if key == 9:
                    return XDP.DROP
                numbers[0] += numbers[u32(key & 4)]
        for number in range(1_000):
            dynptr_write(record, 4, u32[1](number), 0)
            if number == 77:
                return XDP.TX
    return XDP.PASS


@pytest.mark.parametrize(("key", "result", "total"), [(0, XDP.TX, 0 + 1 + 2 + 3), (8, XDP.TX, 0), (9, XDP.DROP, 0)])
def test_loops_that_the_kernel_runs_in_iterators(key: int, result: int, total: int) -> None:
    with pyebpf.load(in_iterators, attach=False) as session:
        numbers[key] = 1
        assert (session.programs["in_iterators"].test_run(data=bytes(64)).result, wrong.value) == (result, total)
        assert session.faults == ()


@pytest.mark.parametrize("name", ["in_iterators", "in_others"])
def test_faults_there(name: str) -> None:
    with pyebpf.load(globals()[name], attach=False) as session:
        numbers[1] = 1
        assert session.programs[name].test_run(data=bytes(64)).result == XDP.PASS
        assert [fault.kind for fault in session.faults] == ["KeyError"]
        if name == "in_others":
            assert records.poll(0) == []


@pytest.mark.parametrize(("key", "result", "words"), [(0, XDP.TX, (0, 77)), (9, XDP.DROP, (9,))])
def test_other_blocks_around_them(key: int, result: int, words: tuple[int, ...]) -> None:
    with pyebpf.load(in_others, attach=False) as session:
        numbers[key] = 1
        assert session.programs["in_others"].test_run(data=bytes(64)).result == result
        outer, inner = records.poll(0)
        assert inner == (7).to_bytes(4, sys.byteorder) and len(outer) == 8
        assert outer[: 4 * len(words)] == b"".join(word.to_bytes(4, sys.byteorder) for word in words)
