"""Rings: events in order and complete, whatever their size; counted when there is no room; over when the session is."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pyebpf

pytestmark = pytest.mark.kernel
PROGRAM = """
@struct
class Small:
    number: u64

@struct
class Large:
    number: u64
    text: char[200]
    rest: u8[37]

small = RingBuf[Small](size=4096)
large = RingBuf[Large](size=4096)
unread = RingBuf[Small](size=8192)

@raw_tracepoint("sys_enter")
def send(ctx):
    number = ctx.args[0]
    with small.reserve() as event:
        event.number = number
    if number % 3 == 0:
        with large.reserve() as event:
            event.number = number
            event.text = "text"
            event.rest[36] = u8(number)

@raw_tracepoint("sys_enter")
def give_up(ctx):
    with small.reserve() as event:
        event.number = 1 // ctx.args[0]
    print(f"{ctx.args[0]:>5} {ctx.args[1]:#x} {comm()!r}")
"""


@pytest.fixture
def rings(program: Callable[[str], ModuleType]) -> Iterator[tuple[ModuleType, pyebpf.Session]]:
    module = program(PROGRAM)
    with pyebpf.load(module, attach=False) as session:
        yield module, session


def send(session: pyebpf.Session, number: int, program: str = "send") -> None:
    session.programs[program].test_run(ctx=number.to_bytes(8, "little") + (255).to_bytes(8, "little"))


def numbers(events: list[Any]) -> list[int]:
    return [event.number for event in events]


def test_events_of_several_rings_many_times_around(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    module, session = rings
    got: dict[str, list[Any]] = {"small": [], "large": []}
    for number in range(1000):  # 16 bytes each in a ring of 4096; the large ones don't divide it
        send(session, number)
        if number % 12 == 11:
            got["small"] += module.small.poll()
            got["large"] += module.large.poll(0)
    got["small"] += module.small.poll()
    got["large"] += module.large.poll()
    assert numbers(got["small"]) == list(range(1000))
    assert numbers(got["large"]) == list(range(0, 1000, 3))
    assert all((e.text, e.rest[36], e.rest[35]) == ("text", e.number % 256, 0) for e in got["large"])
    assert (module.small.dropped, module.large.dropped) == (0, 0)
    assert "unread" not in session.maps and not session.faults


def test_what_finds_no_room_is_counted_and_the_rest_is_there(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    module, session = rings
    for number in range(300):
        send(session, number)
    assert numbers(module.small.poll()) == list(range(256 - 1))  # 4096 bytes at 16; the kernel never fills the last
    assert module.small.dropped == 300 - 255
    kept = numbers(module.large.poll())
    assert kept == list(range(0, 3 * len(kept), 3)) and module.large.dropped == 100 - len(kept) > 0
    send(session, 7)
    assert numbers(module.small.poll()) == [7] and module.small.dropped == 45


def test_an_event_that_faults_is_not_seen(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    module, session = rings
    send(session, 0, "give_up")
    send(session, 1, "give_up")
    assert numbers(module.small.poll(1)) == [1] and module.small.dropped == 0
    assert [(fault.kind, fault.count) for fault in session.faults] == [("ZeroDivisionError", 1)]


def test_printed_lines(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    _, session = rings
    for number in (1, 12345):
        send(session, number, "give_up")
    name = Path("/proc/thread-self/comm").read_text().rstrip("\n")
    assert session.prints.poll(1) == [f"    1 0xff {name!r}", f"12345 0xff {name!r}"]
    assert session.prints.poll() == [] and session.prints.dropped == 0
    session.close()
    assert list(session.prints) == [] == session.prints.poll()


def test_waiting(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    module, session = rings
    start = time.monotonic()
    assert module.small.poll(0.1) == [] and 0.1 <= time.monotonic() - start < 2
    assert module.small.poll(-1) == []
    poll = select.poll()
    poll.register(module.small.fileno(), select.POLLIN)
    assert not poll.poll(0)
    timer = threading.Timer(0.1, send, (session, 5))
    timer.start()
    assert poll.poll(5000) and numbers(module.small.poll(None)) == [5]
    timer.join()


def test_iteration_waits_and_ends_with_the_session(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    module, session = rings
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.extend(event.number for event in module.small))
    reader.start()
    for number in range(50):
        send(session, number)
    end = time.monotonic() + 5
    while len(seen) < 50 and time.monotonic() < end:
        time.sleep(0.005)
    session.close()
    reader.join(5)
    assert seen == list(range(50)) and not reader.is_alive()


def test_threads_get_each_event_once(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    _, session = rings
    view = session.maps["small"]
    seen: list[list[int]] = [[], [], []]
    readers = [threading.Thread(target=lambda into=into: into.extend(event.number for event in view)) for into in seen]
    for reader in readers:
        reader.start()
    sent = 0
    while sent < 2000:
        send(session, sent)
        sent += 1
        if sent % 100 == 0:
            time.sleep(0.002)
    end = time.monotonic() + 5
    while sum(map(len, seen)) + view.dropped < 2000 and time.monotonic() < end:
        time.sleep(0.005)
    dropped = view.dropped
    session.close()
    for reader in readers:
        reader.join(5)
    together = sorted(number for part in seen for number in part)
    assert len(together) == len(set(together)) == 2000 - dropped and all(part == sorted(part) for part in seen)


def test_after_the_session(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    module, session = rings
    view = session.maps["small"]
    send(session, 1)
    session.close()
    assert view.poll() == view.poll(1) == list(view) == []
    assert "closed" in repr(view)
    for use in (lambda: view.dropped, view.fileno):
        with pytest.raises(ValueError, match="closed"):
            use()
    with pytest.raises(RuntimeError, match="not loaded"):
        module.small.poll()


def test_a_ring_is_no_container(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    module, _ = rings
    for use in (lambda: module.small[0], lambda: len(module.small), lambda: 1 in module.small):
        with pytest.raises(TypeError):
            use()
    assert module.small and "Small" in repr(module.small.view)


def test_numpy(rings: tuple[ModuleType, pyebpf.Session]) -> None:
    module, session = rings
    assert len(module.large.read_numpy()) == 0
    for number in (3, 6):
        send(session, number)
    array = module.large.read_numpy()
    assert array["number"].tolist() == [3, 6] and array["text"].tolist() == [b"text"] * 2
    assert array["rest"][:, 36].tolist() == [3, 6] and len(module.large.read_numpy()) == 0
