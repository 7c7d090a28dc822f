"""Whole programs through the public interface, one for each kind of thing that once went wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

import pyebpf

pytestmark = pytest.mark.kernel

START = """
seen = Array[u64](max_entries=8)
out = Global[i64](0)
"""


@pytest.fixture
def program(program: Callable[[str], ModuleType]) -> Callable[[str], ModuleType]:
    return lambda text: program(START + text)


def run(module: ModuleType, *arguments: int) -> int:
    """Run the raw tracepoint program `probe` once; what it left in `out`."""
    with pyebpf.load(module, attach=False) as session:
        session.programs["probe"].test_run(ctx=b"".join(value.to_bytes(8, sys.byteorder) for value in arguments))
        return int(module.out.value)


def test_a_helper_called_inside_with_leaves_the_event_alone(program: Callable[[str], ModuleType]) -> None:
    module = program(
        """
@struct
class Event:
    a: u32
    name: char[16]

events = RingBuf[Event](size=4096)

@function
def named(event, text):
    return event.name == text

@raw_tracepoint("sys_enter")
def probe(ctx):
    with events.reserve() as event:
        event.name = "right"
        if named(event, "wrong"):
            return
        event.a = 7
"""
    )
    with pyebpf.load(module, attach=False) as session:
        session.programs["probe"].test_run(ctx=bytes(16))
        [event] = module.events.poll(1)
        assert (event.a, event.name) == (7, "right")


@pytest.mark.parametrize(("number", "bits"), [(0, 0), (1, 1), (0b1011, 3), (2**64 - 1, 64)])
def test_counting_bits_loads_and_counts(program: Callable[[str], ModuleType], number: int, bits: int) -> None:
    module = program(
        """
@raw_tracepoint("sys_enter")
def probe(ctx):
    n = ctx.args[0]
    count = 0
    while n:
        n &= n - 1
        count += 1
    out.value = count
"""
    )
    assert run(module, number, 0) == bits


@pytest.mark.parametrize("number", [0, 9, 10, 12345, 2**63 - 1])
def test_counting_digits_loads_and_counts(program: Callable[[str], ModuleType], number: int) -> None:
    module = program(
        """
@raw_tracepoint("sys_enter")
def probe(ctx):
    n = abs(i64(ctx.args[0]))
    digits = 0
    while n > 0:
        n //= 10
        digits += 1
    out.value = digits
"""
    )
    assert run(module, number, 0) == (len(str(number)) if number else 0)


@pytest.mark.parametrize(("number", "result"), [(3, -1), (4, 4)])
def test_a_value_or_none(program: Callable[[str], ModuleType], number: int, result: int) -> None:
    module = program(
        """
@raw_tracepoint("sys_enter")
def probe(ctx):
    n = i64(ctx.args[0])
    found = n if n > 3 else None
    out.value = -1 if found is None else found
"""
    )
    assert run(module, number, 0) == result


def test_constant_addresses(program: Callable[[str], ModuleType]) -> None:
    module = program(
        """
@struct
class Host:
    mac: MacAddress
    v6: IPv6Address
    v4: IPv4Address

hosts = Hash[u32, Host](max_entries=4)

@raw_tracepoint("sys_enter")
def probe(ctx):
    host = Host(v4=IPv4Address("10.1.2.3"), v6=IPv6Address("fe80::1"))
    host.mac = MacAddress("02:00:00:00:00:01")
    if host.mac == MacAddress("02:00:00:00:00:01") and host.v6 != IPv6Address("::"):
        hosts[1] = host
"""
    )
    with pyebpf.load(module, attach=False) as session:
        session.programs["probe"].test_run(ctx=bytes(16))
        host = module.hosts[1]
        assert (str(host.mac), str(host.v6), str(host.v4)) == ("02:00:00:00:00:01", "fe80::1", "10.1.2.3")


def test_more_open_branches_than_the_verifier_remembers(program: Callable[[str], ModuleType]) -> None:
    """The kernel runs the loop as a function, or it is refused for a kernel that can't."""
    module = program(
        """
@raw_tracepoint("sys_enter")
def probe(ctx):
    total = 0
    for i in range(5000):
        if ctx.args[0] >> i % 64 & 1:
            total += 1
        if ctx.args[1] >> i % 64 & 1:
            total += 2
    out.value = total
"""
    )
    with pyebpf.load(module, attach=False) as session:
        assert "probe" in session.programs
    with pytest.raises(pyebpf.CompileError) as caught:
        pyebpf.compile(module, kernel=(5, 10))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["E0251"]
