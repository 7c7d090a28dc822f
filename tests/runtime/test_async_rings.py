"""Rings in asyncio: events as they come, to as many tasks as wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import pyebpf

pytestmark = pytest.mark.kernel
PROGRAM = """
@struct
class Event:
    number: u64

first, second = RingBuf[Event](size=4096), RingBuf[Event](size=4096)

@raw_tracepoint("sys_enter")
def send(ctx):
    with first.reserve() as event:
        event.number = ctx.args[0]
    with second.reserve() as event:
        event.number = ctx.args[0] + 100
"""


@pytest.fixture
def session(program: Callable[[str], ModuleType]) -> Iterator[pyebpf.Session]:
    with pyebpf.load(program(PROGRAM), attach=False) as session:
        yield session


def send(session: pyebpf.Session, number: int) -> None:
    session.programs["send"].test_run(ctx=number.to_bytes(8, "little") * 2)


async def collect(ring: Any, count: int) -> list[int]:
    found: list[int] = []
    async for event in ring:
        found.append(event.number)
        if len(found) == count:
            break
    return found


def test_events_as_they_come(session: pyebpf.Session) -> None:
    async def both() -> list[list[int]]:
        tasks = [asyncio.create_task(collect(session.maps[name], 6)) for name in ("first", "second")]
        for number in range(6):
            send(session, number)
            await asyncio.sleep(0.01 * (number % 2))
        return await asyncio.wait_for(asyncio.gather(*tasks), 20)

    assert asyncio.run(both()) == [list(range(6)), list(range(100, 106))]


def test_a_declared_ring(program: Callable[[str], ModuleType]) -> None:
    module = program(PROGRAM)
    with pyebpf.load(module, attach=False) as session:

        async def one() -> list[int]:
            send(session, 8)
            return await collect(module.second, 1)

        assert asyncio.run(one()) == [108]


def test_tasks_share_what_comes(session: pyebpf.Session) -> None:
    async def shared() -> list[int]:
        tasks = [asyncio.create_task(collect(session.maps["first"], 3)) for _ in range(2)]
        for number in range(6):
            await asyncio.sleep(0.01)
            send(session, number)
        return [event for found in await asyncio.wait_for(asyncio.gather(*tasks), 20) for event in found]

    assert sorted(asyncio.run(shared())) == list(range(6))


def test_it_ends_with_the_session(session: pyebpf.Session) -> None:
    async def to_the_end() -> list[int]:
        task = asyncio.create_task(collect(session.maps["first"], 100))
        send(session, 5)
        await asyncio.sleep(0.05)
        session.close()
        return await asyncio.wait_for(task, 20)

    assert asyncio.run(to_the_end()) == [5]
