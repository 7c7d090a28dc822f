"""samples/profile.py: this process, busy, and stacks that lead into what it runs."""

from __future__ import annotations

import mmap
import os
import time
from typing import Any

import pytest
from places import import_file
from run_cli import SAMPLES

import pyebpf
from pyebpf import BPF_F_USER_STACK, Global, StackTrace, i64, perf_event
from pyebpf.helpers import get_stackid

small = StackTrace(max_entries=2, depth=3)
last = Global[i64](0)


@perf_event("page-faults")
def faulting(ctx):
    last.value = get_stackid(small, BPF_F_USER_STACK)


def mapped(address: int) -> bool:
    """Whether it lies in what this process may run."""
    with open("/proc/self/maps") as maps:
        ranges = [line.split()[0].split("-") for line in maps if "x" in line.split()[1]]
    return any(int(start, 16) <= address < int(end, 16) for start, end in ranges)


@pytest.mark.usefixtures("nothing_left")
def test_this_process_and_its_stacks() -> None:
    sample = import_file(SAMPLES / "profile.py")
    with open("/proc/self/comm") as file:
        own = file.read().rstrip("\n")
    with pyebpf.load(sample, where={"sample": f"pid={os.getpid()},hz=999"}) as session:
        places: Any = session.maps["places"]
        end = time.monotonic() + 20
        while time.monotonic() < end and not any(place.user >= 0 for place in places.to_dict()):
            sum(range(10_000))
        stacks = session.maps["stacks"]
        assert list(session.maps["programs"].to_dict()) == [own]
        assert {place.comm for place in places.to_dict()} == {own}
        numbers = [place.user for place in places.to_dict() if place.user >= 0]
        assert numbers
        for number in numbers:
            assert number in stacks and 1 <= len(stacks[number]) <= 127
            assert mapped(stacks[number][0])
        whole = stacks.to_dict()
        assert set(numbers) <= set(whole) and len(stacks) >= len(set(numbers))
        assert -14 not in stacks and 1 << 40 not in stacks and "text" not in stacks
        del stacks[numbers[0]]
        with pytest.raises(KeyError):
            del stacks[numbers[0]]
        assert not session.faults


@pytest.mark.usefixtures("nothing_left")
def test_a_small_map_of_shallow_stacks() -> None:
    with pyebpf.load([faulting], where={"faulting": f"page-faults,pid={os.getpid()}"}) as session:
        with mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            memory.write(bytes(1 << 20))
        stacks = session.maps["small"]
        assert stacks.to_dict() and all(1 <= len(addresses) <= 3 for addresses in stacks.to_dict().values())
        assert len(stacks) <= 2
        for link in session.links:
            link.detach()
        stacks.clear()
        assert not stacks.to_dict() and len(stacks) == 0


def test_in_the_simulator_a_stack_has_the_number_that_the_test_says(simulate: Any) -> None:
    simulate(faulting, ctx={"ip": 0x1234}, helpers={"get_stackid": lambda *_: 7})
    assert last.value == 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs max_entries from 1"),
        ({"max_entries": 0}, "needs max_entries from 1"),
        ({"max_entries": True}, "not True"),
        ({"max_entries": 8, "depth": 128}, "needs depth from 1 to 127, not 128"),
        ({"max_entries": 8, "depth": "deep"}, "not 'deep'"),
    ],
)
def test_declared_wrongly(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        StackTrace(**arguments)
