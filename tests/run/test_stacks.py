"""Stacks: counted by exactly, what is in them, and what happens where there is no room."""

from __future__ import annotations

import enum
import json
import mmap
import os
import threading
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from nested_calls import CALLS, Nested, build, functions, named, nested

import pyebpf
from pyebpf import (
    Arena,
    Config,
    Global,
    Hash,
    RingBuf,
    Stacks,
    comm,
    kernel_stack,
    perf_event,
    pid,
    raw_tracepoint,
    struct,
    tid,
    tracepoint,
    u32,
    u64,
    user_stack,
)
from pyebpf.diagnostics.base import ObjectError
from pyebpf.kernel.maps import MapType
from pyebpf.metadata_json import decode, encode
from pyebpf.runtime.entries import KernelEntries
from pyebpf.views.stacks import StackTraceView


class Kind(enum.IntEnum):
    EVEN = 0
    ODD = 1


@struct
class Call:
    number: u32
    kernel: u64[8]
    user: u64[6]


only = Config[u32](0)
calls = Global[u64](0)
by_user = Stacks(max_entries=512)
by_kernel = Stacks(max_entries=64, depth=3)
by_all = Stacks(max_entries=512)
by_number = Stacks(max_entries=4)
skipped = Stacks(max_entries=64)
weights = Stacks()
latest = Hash[u32, u64[8]](max_entries=8)
in_arena = Arena[Call](max_entries=2)
by_constants = Stacks(max_entries=64)
events = RingBuf[Call](size=65536)


@tracepoint("raw_syscalls:sys_enter")
def enter(ctx):
    if pid() == only.value and ctx.id == 110:
        calls.value += 1
        by_user[user_stack()] += 1
        by_kernel[kernel_stack()] += 1
        by_all[comm(), pid(), Kind(calls.value % 2), IPv4Address("10.0.0.1"), kernel_stack(), "text", user_stack()] += 1
        skipped[tid(), user_stack(skip=1)] += 1
        weights[user_stack()] += 10
        latest[0] = user_stack(skip=1)
        with events.reserve() as event:
            event.number = 1
            event.kernel = kernel_stack()
            event.user = user_stack()


by_depth = Stacks(max_entries=128)


@tracepoint("raw_syscalls:sys_enter")
def deepest(ctx):
    if pid() == only.value and ctx.id == 110:
        by_depth[user_stack()] += 1


@raw_tracepoint("sys_enter")
def raw(ctx):
    if pid() == only.value and ctx.args[1] == 110:
        frames: u64[8] = user_stack()
        latest[1] = frames
        event = Call(number=2, kernel=kernel_stack())
        latest[2] = event.kernel
        by_number[calls.value % 8, user_stack()] += 10


@raw_tracepoint("sys_enter")
def to_arena(ctx):
    if pid() == only.value and ctx.args[1] == 110:
        in_arena[1].number = 5
        in_arena[1].user = user_stack()
        in_arena[-1].kernel = kernel_stack()


@raw_tracepoint("sys_enter")
def constants(ctx):
    if pid() == only.value and ctx.args[1] == 110:
        by_constants[Kind.EVEN, IPv4Address("10.0.0.1"), 3, user_stack()] += 1
        by_constants[Kind.ODD, IPv4Address("10.0.0.2"), 4, user_stack()] += 2


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nested"))


@pytest.fixture
def process(program: Path) -> Iterator[Nested]:
    with nested(program) as process:
        yield process


def load(process: Nested, *probes: Any) -> Any:
    return pyebpf.load(list(probes), config={"only": process.pid})


@pytest.mark.usefixtures("nothing_left")
def test_every_call_is_counted_with_its_stack(process: Nested, program: Path) -> None:
    with load(process, enter) as session:
        process.do("calls", 1000)
        known = functions(program, process.pid)
        assert calls.value == 1000
        assert by_user.total == 1000 and by_user.dropped == 0
        ((stack, count),) = by_user.to_dict().items()
        assert count == 1000 and named(stack, known) == CALLS
        ((stack, count),) = by_kernel.items()
        assert count == 1000 and 1 <= len(stack) <= 3 and all(address >> 63 for address in stack)
        assert len(by_user) == 1 and by_user[stack if stack in by_user else next(iter(by_user))] == 1000
        assert weights.total == 10_000
        assert not session.faults
        assert sorted(session.maps) == sorted(
            ["by_user", "by_kernel", "by_all", "skipped", "weights", "latest", "events"]
        )


@pytest.mark.usefixtures("nothing_left")
def test_keys_have_all_their_parts(process: Nested, program: Path) -> None:
    with load(process, enter):
        process.do("calls", 10)
        known = functions(program, process.pid)
        found = by_all.to_dict()
        assert sorted(key[2] for key in found) == [Kind.EVEN, Kind.ODD]
        for key, count in found.items():
            name, number, kind, address, kernel, text, user = key
            assert (name, number, address, text, count) == ("nested", process.pid, IPv4Address("10.0.0.1"), "text", 5)
            assert isinstance(kind, Kind) or int(kind) in (0, 1)
            assert kernel and named(user, known) == CALLS
        for counted in by_all.counts():
            assert counted.key[0] == "nested" and len(counted.key) == 5 and counted.count == 5
            assert [frame.kind for frame in counted.frames] == sorted(frame.kind for frame in counted.frames)
        ((key, count),) = skipped.items()
        assert key[0] == process.pid and count == 10 and named(key[1], known) == CALLS[1:]


@pytest.mark.usefixtures("nothing_left")
def test_stacks_as_arrays(process: Nested, program: Path) -> None:
    with load(process, enter, raw) as session:
        process.do("calls", 1)
        known = functions(program, process.pid)
        (event,) = session.maps["events"].poll(1) or list(session.maps["events"])
        assert named(tuple(event.user), known) == CALLS and len(event.user) == 6
        assert event.kernel[0] >> 63 and len(event.kernel) == 8
        depth = sum(map(bool, event.kernel))
        assert all(event.kernel[:depth]) and not any(event.kernel[depth:])
        assert named(tuple(latest[0]), known) == CALLS[1:]
        assert named(tuple(latest[1][:4]), known) == CALLS
        assert not session.faults


@pytest.mark.usefixtures("nothing_left")
def test_stacks_in_an_arena(process: Nested, program: Path) -> None:
    with load(process, to_arena) as session:
        process.do("calls", 1)
        found = in_arena[1]
        assert found.number == 5 and named(tuple(found.user), functions(program, process.pid)) == CALLS
        depth = sum(map(bool, found.kernel))
        assert found.kernel[0] >> 63 and all(found.kernel[:depth]) and not any(found.kernel[depth:])
        assert not any(in_arena[0].user) and not session.faults


@pytest.mark.usefixtures("nothing_left")
def test_keys_of_other_constants(process: Nested) -> None:
    with load(process, constants):
        process.do("calls", 3)
        assert {key[:3]: count for key, count in by_constants.items()} == {
            (Kind.EVEN, IPv4Address("10.0.0.1"), 3): 3,
            (Kind.ODD, IPv4Address("10.0.0.2"), 4): 6,
        }


@pytest.mark.usefixtures("nothing_left")
def test_what_finds_no_room_is_counted(process: Nested) -> None:
    """Of eight keys four fit."""
    with load(process, enter, raw):
        process.do("calls", 80)
        assert len(by_number) == 4 and set(by_number.values()) == {100}
        assert by_number.total == by_number.dropped == 400


@pytest.mark.usefixtures("nothing_left")
def test_stacks_that_collide_have_a_second_map(process: Nested, program: Path) -> None:
    """A hundred stacks in 128 places: some thirty find another one there."""
    with load(process, deepest) as session:
        process.do("deep", 100)
        process.do("deep", 100)
        known = functions(program, process.pid)
        found = by_depth.to_dict()
        assert set(found.values()) == {2} and by_depth.total + by_depth.dropped == 200
        calls = [named(stack, known) for stack in found]
        assert all(each == ("innermost", *["deep"] * (len(each) - 2), "main") for each in calls)
        assert len(set(map(len, calls))) == len(found)
        traces = {name: len(StackTraceView(KernelEntries(each))) for name, each in session._loaded.maps.items()
                  if each.spec.type == MapType.STACK_TRACE}  # fmt: skip
        assert len(found) == sum(traces.values()) and min(traces.values()) > 0, traces
        assert by_depth.dropped < 60


crowded = Stacks(max_entries=2)


@perf_event("page-faults")
def touched(ctx):
    if pid() == only.value:
        calls.value += 1
        crowded[kernel_stack(), user_stack()] += 1


def touch_from_everywhere() -> None:
    """Fresh pages, by Python's own code, by the C library's, and by the kernel's."""
    with mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory, open("/dev/zero", "rb", 0) as zero:
        view = memoryview(memory)
        for page in range(0, 1 << 18, 4096):
            memory[page] = 1
        memory.seek(1 << 18)
        memory.write(bytes(1 << 18))
        zero.readinto(view[1 << 19 : 3 << 18])
        os.preadv(zero.fileno(), [view[3 << 18 :]], 0)
        view[1 << 17 : (1 << 17) + 5] = b"56789"
        view.release()


@pytest.mark.usefixtures("nothing_left")
def test_stacks_that_find_no_room_are_counted() -> None:
    """Page faults come from everywhere in Python: many more stacks than there is room for."""
    own = f"page-faults,pid={os.getpid()}"
    with pyebpf.load([touched], config={"only": os.getpid()}, where={"touched": own}) as session:
        touch_from_everywhere()
        for link in session.links:
            link.detach()
        assert calls.value > 50
        assert crowded.dropped > 0 and len(crowded) <= 2
        assert crowded.total + crowded.dropped == calls.value


@pytest.mark.usefixtures("nothing_left")
def test_growth_loses_no_count(process: Nested) -> None:
    with load(process, enter):
        found: list[Any] = []
        done = threading.Event()

        def read() -> None:
            while not done.is_set():
                found.extend(by_user.growth())

        reader = threading.Thread(target=read)
        reader.start()
        process.do("calls", 100_000)
        done.set()
        reader.join()
        found += by_user.growth()
        assert sum(each.count for each in found) == calls.value == 100_000
        assert by_user.growth() == []
        by_user.clear()
        assert len(by_user) == by_user.total == 0 and by_user.counts() == []
        process.do("calls", 3)
        assert [each.count for each in by_user.counts()] == [each.count for each in by_user.growth()] == [3]
        assert by_user.most_common(1)[0].frames == by_user.counts()[0].frames
        assert by_user.most_common(0) == []


def test_in_the_simulator_stacks_are_what_the_test_says(simulate: Any) -> None:
    given = {"user_stack": [0x1000, 0x2000], "kernel_stack": [7, 8, 9, 10]}
    for _ in range(3):
        simulate(touched, pid=0, **given)
    simulate(touched, pid=0, user_stack=[0x3000])
    assert crowded.to_dict() == {((7, 8, 9, 10), (0x1000, 0x2000)): 3, ((), (0x3000,)): 1}
    for number in range(5):
        simulate(touched, pid=0, user_stack=[0x1000, 0x2000], kernel_stack=[number])
    assert crowded.dropped == 5 and crowded.total == 4
    assert crowded.growth()[0].frames[-1].name == "0x2000"


def test_as_arrays_in_the_simulator(simulate: Any) -> None:
    simulate(enter, pid=0, ctx={"id": 110}, user_stack=[1, 2, 3], kernel_stack=range(100, 200))
    assert list(latest[0]) == [2, 3, 0, 0, 0, 0, 0, 0]
    assert by_kernel.to_dict() == {(100, 101, 102): 1}


@pytest.mark.parametrize("given", [{"user_stack": 7}, {"user_stack": "7"}, {"kernel_stack": [-1]}])
def test_what_is_no_stack(simulate: Any, given: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="addresses, the innermost call's first"):
        simulate(touched, pid=0, **given)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"max_entries": 0}, "needs max_entries from 1"), ({"depth": 128}, "needs depth from 1 to 127, not 128")],
)
def test_declared_wrongly(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        Stacks(**arguments)


def test_in_python_they_are_only_names() -> None:
    with pytest.raises(RuntimeError, match="works inside a probe"):
        crowded[kernel_stack()] += 1
    assert repr(crowded) == "Stacks of 2"


SPOILT: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "another map": lambda info, maps: info["stacks"].update(traces="by_kernel"),
    "no map": lambda info, maps: info["stacks"].update(others="nothing"),
    "a field that isn't there": lambda info, maps: info["stacks"].update(parts=["missing", "user_stack"]),
    "a field twice": lambda info, maps: info["stacks"].update(parts=["user_stack", "user_stack"]),
    "no stack": lambda info, maps: info["stacks"].update(parts=[]),
    "another value": lambda info, maps: info.update(value={"is": "Integer", "name": "u32", "size": 4}),
    "another key": lambda info, maps: info.update(key={"is": "Integer", "name": "u32", "size": 4}),
    "parts of another kind": lambda info, maps: info["stacks"].update(parts="user_stack"),
}


@pytest.mark.parametrize("how", [None, *SPOILT])
def test_what_objects_say_of_stacks_is_checked(how: str | None) -> None:
    metadata = pyebpf.compile([touched]).metadata
    plain = json.loads(encode(metadata))
    assert decode(json.dumps(plain).encode()) == metadata
    maps = dict(plain["maps"])
    if how is not None:
        SPOILT[how](maps["crowded"], maps)
        with pytest.raises(ObjectError):
            decode(json.dumps(plain).encode())
