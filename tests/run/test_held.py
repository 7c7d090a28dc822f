"""What a program holds is given back as well where only the verifier believes that it comes."""

from __future__ import annotations

import os

import pytest

import pyebpf
from pyebpf import XDP, Global, Hash, RingBuf, SpinLock, char, i32, struct, u8, u32, u64, xdp
from pyebpf.kfuncs import bpf_task_from_pid

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


def test_every_way_gives_back() -> None:
    with pyebpf.load((locked, held, reserved), attach=False) as session:
        wanted.value = os.getpid()
        results = {key: int(each.test_run(data=b"\3" + bytes(63)).result) for key, each in session.programs.items()}
        assert results == {"locked": XDP.PASS, "held": XDP.TX, "reserved": XDP.PASS}
        assert list(buckets[0].cells) == [0, 0, 7] + [0] * 7, "3 * 3 has two bits"
        [event] = events.poll(0)
        assert list(event.cells) == [0, 0, 7] + [0] * 7
        assert name.value != "" and wrong.value == 0
