"""Tracepoints and raw tracepoints: events of this process, counted exactly while attached."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

import pyebpf

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
GETPRIORITY = {"x86_64": 140, "aarch64": 141}[os.uname().machine]
PROGRAM = """
only, number = Config[u32](0), Config[u64](0)
priorities, calls, exits = Hash[i64, u64](max_entries=64), Global[u64](0), Global[u64](0)
argument = Global[u64](0)

@tracepoint("syscalls:sys_enter_getpriority")
def named(ctx):
    if pid() == only.value:
        priorities[i64(ctx.who)] += 1

@raw_tracepoint("sys_enter")
def raw(ctx):
    if pid() == only.value and ctx.args[1] == number.value:
        calls.value += 1

@raw_tracepoint("task_rename")
def renamed(ctx):
    if pid() == only.value:
        exits.value += 1
        argument.value = ctx.args[0]
"""


@pytest.fixture
def module(program: Callable[[str], ModuleType]) -> ModuleType:
    return program(PROGRAM)


@pytest.fixture
def session(module: ModuleType) -> Iterator[pyebpf.Session]:
    with pyebpf.load(module, attach=False, config={"only": os.getpid(), "number": GETPRIORITY}) as session:
        yield session


def ask(times: int) -> None:
    for number in range(times):
        try:
            os.getpriority(os.PRIO_PROCESS, 1_000_000_000 + number % 3)  # nobody's, and nobody else asks for it
        except ProcessLookupError:
            pass


def test_a_tracepoint_sees_each_call_with_its_arguments(module: ModuleType, session: pyebpf.Session) -> None:
    ask(3)
    link = session.attach("named")
    ask(30)
    threads = [threading.Thread(target=ask, args=(30,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    link.detach()
    ask(3)
    assert module.priorities.to_dict() == dict.fromkeys(range(1_000_000_000, 1_000_000_003), 50)
    assert link.where == "tracepoint syscalls:sys_enter_getpriority"


def test_a_raw_tracepoint(module: ModuleType, session: pyebpf.Session) -> None:
    link = session.attach("raw")
    ask(100)
    link.detach()
    ask(5)
    assert module.calls.value == 100 and link.where == "raw tracepoint sys_enter"


def test_a_raw_tracepoint_of_the_kernel(module: ModuleType, session: pyebpf.Session) -> None:
    session.attach("renamed")
    with open("/proc/thread-self/comm") as file:
        name = file.read().rstrip("\n")
    for _ in range(7):
        with open("/proc/thread-self/comm", "w") as file:
            file.write(name)
    assert module.exits.value == 7
    assert module.argument.value >> 48 == 0xFFFF or os.uname().machine != "x86_64"  # an address of the kernel


def renamed_target(session: pyebpf.Session, program: str, section: str, argument: str) -> pyebpf.Object:
    """The same object with another place in its section's name, as another compiler might have written it."""
    programs = [
        dataclasses.replace(each, section=f"{section}/{argument}", argument=argument)
        for each in session.object.programs
        if each.name == program
    ]
    return dataclasses.replace(session.object, programs=tuple(programs))


@pytest.mark.parametrize(
    ("name", "section", "argument", "message"),
    [
        ("named", "tracepoint", "syscalls/sys_enter_getprioritx", "did you mean syscalls:sys_enter_getpriority"),
        ("named", "tracepoint", "../../etc/passwd", "no such tracepoint"),
        ("named", "tracepoint", "nothing", "no such tracepoint"),
        ("raw", "raw_tracepoint", "sys_entr", "no such tracepoint; did you mean sys_enter"),
        ("raw", "raw_tracepoint", "", "cannot attach"),
        ("raw", "raw_tracepoint", "x" * 500, "no such tracepoint"),
    ],
)
def test_tracepoints_that_are_not_there(
    session: pyebpf.Session, name: str, section: str, argument: str, message: str
) -> None:
    with pytest.raises(pyebpf.LoadError, match=message):
        pyebpf.load(renamed_target(session, name, section, argument))


def test_more_arguments_than_the_tracepoint_has(program: Callable[[str], ModuleType]) -> None:
    """The compiler knows how many there are; another compiler's object may not."""
    module = program(
        "sum = Global[u64](0)\n@raw_tracepoint('sched_switch')\ndef raw(ctx):\n    sum.value = ctx.args[3]\n"
    )
    with pyebpf.load(module, attach=False) as session:
        fewer = renamed_target(session, "raw", "raw_tracepoint", "sys_enter")
    with pytest.raises(pyebpf.LoadError, match="reads more arguments than it has") as caught:
        pyebpf.load(fewer)
    assert caught.value.reason == "object"


def test_a_tracepoint_takes_64_programs(session: pyebpf.Session, program: Callable[[str], ModuleType]) -> None:
    object = pyebpf.compile(program("@tracepoint('syscalls:sys_enter_getpriority')\ndef another(ctx):\n    pass\n"))
    with contextlib.ExitStack() as others:
        for _ in range(64):
            others.enter_context(pyebpf.load(object))
        with pytest.raises(pyebpf.LoadError, match="has 64 programs already, of all processes") as caught:
            session.attach("named")
        assert caught.value.reason == "target"
    session.attach("named")
    ask(3)
    assert sum(session.maps["priorities"].to_dict().values()) == 3
