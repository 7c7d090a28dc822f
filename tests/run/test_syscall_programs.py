"""Programs that user space runs (`@syscall`): what they are given, what they answer, what they leave."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import pyebpf
from pyebpf import testing

PROGRAM = """
from pyebpf import syscall, user_str

@struct
class Inner:
    a: u32
    b: u32

@struct
class Arguments:
    key: u32
    value: u64
    name: char[16]
    parts: u8[7]
    inner: Inner

table = Hash[u32, u64](max_entries=4)

@syscall
def store(args: Arguments):
    if args.key == 99:
        return -5
    table[args.key] = args.value
    return args.key % 1000

@syscall
def change(args: Arguments):
    args.value = args.value * 2
    args.name = "was " + str(args.key)
    args.parts[args.key % 7] = 9
    inner = args.inner
    inner.b = 7
    for key in table:
        if key == args.key:
            return 1
    try:
        args.value += table[args.key % 100 + 1]
    except KeyError:
        args.inner.a = 3
    args.value += table[args.key]
    return 2

@syscall
def nothing():
    table[1] = 5
"""
READS = """
from pyebpf import syscall, user_str

@struct
class Address:
    where: u64
    text: char[32]

@syscall
def reads(address: Address):
    address.text = user_str(address.where)
"""
pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]


@pytest.fixture
def module(program: Callable[[str], ModuleType]) -> ModuleType:
    return program(PROGRAM)


@pytest.fixture
def session(module: ModuleType) -> Iterator[pyebpf.Session]:
    with pyebpf.load(module) as session:
        yield session


def test_arguments_results_and_maps(module: ModuleType, session: pyebpf.Session) -> None:
    store, table = session.programs["store"], session.maps["table"]
    assert not session.links and store.spec.section == "syscall"
    given = module.Arguments(key=3, value=12, name="name")
    ran = store.test_run(ctx=given, repeat=2)
    assert (ran.result, ran.ctx, dict(table)) == (3, given, {3: 12})
    assert store.test_run(ctx=module.Arguments(key=99)).result == -5
    assert (session.programs["nothing"].test_run().result, dict(table)) == (0, {3: 12, 1: 5})


def test_the_struct_comes_back(module: ModuleType, session: pyebpf.Session) -> None:
    change = session.programs["change"]
    session.maps["table"][3] = 1
    ran = change.test_run(ctx=module.Arguments(key=3, value=12, parts=range(7)))
    left: Any = ran.ctx
    assert (ran.result, left.value, left.name) == (1, 24, "was 3")
    assert (left.parts, left.inner.a, left.inner.b) == ((0, 1, 2, 9, 4, 5, 6), 0, 7)


def test_it_comes_back_after_a_fault(module: ModuleType, session: pyebpf.Session) -> None:
    ran = session.programs["change"].test_run(ctx=module.Arguments(key=4, value=12))
    left: Any = ran.ctx
    assert (ran.result, left.value, left.name, left.inner.a) == (0, 24, "was 4", 3)
    assert [fault.kind for fault in session.faults] == ["KeyError"]


def test_wrong_input(module: ModuleType, session: pyebpf.Session) -> None:
    change = session.programs["change"]
    for context in (None, b"", b"123", module.Inner(a=1)):
        with pytest.raises(ValueError, match="it takes a struct larger than the"):
            change.test_run(ctx=context)
    with pytest.raises(ValueError, match="no packet"):
        change.test_run(data=bytes(64))
    with pytest.raises(TypeError):
        change.test_run(ctx=3)
    with pytest.raises(pyebpf.LoadError, match=r'session.programs\["change"\].test_run'):
        session.attach("change")


def test_it_waits_for_memory(program: Callable[[str], ModuleType]) -> None:
    module = program(READS)
    text = ctypes.create_string_buffer(b"of this process")
    with pyebpf.load(module) as session:
        ran = session.programs["reads"].test_run(ctx=module.Address(where=ctypes.addressof(text)))
    left: Any = ran.ctx
    assert left.text == "of this process"


def test_in_the_simulator(module: ModuleType) -> None:
    with testing.Simulator() as simulate:
        simulate.watch({"probes": module})
        assert simulate(module.store, ctx=module.Arguments(key=3, value=12)).result == 3
        assert simulate(module.change, ctx=module.Arguments(key=4, value=12)).fault.kind == "KeyError"
        assert simulate(module.store, ctx=module.Arguments(key=99)).result == -5
        with pytest.raises(testing.SimulationError, match="takes a struct of 48 bytes"):
            simulate(module.store, ctx=module.Inner(a=1))
