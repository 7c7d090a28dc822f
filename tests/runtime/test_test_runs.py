"""Programs run on given input: packets in and out, results, and input that the kernel doesn't take."""

from __future__ import annotations

from collections.abc import Callable
from mmap import PAGESIZE

import pytest
from run_network import Frame

import pyebpf

pytestmark = pytest.mark.kernel
PROGRAM = """
from pyebpf import Ethernet, IPv4
runs = Global[u64](0)
total = Global[u64](0)

@xdp
def driver(packet):
    runs.value += 1
    eth = packet.parse(Ethernet)
    eth.dest = MacAddress("02:00:00:00:00:09")
    if len(packet) == 15:
        return XDP.TX
    return XDP.DROP

@cgroup.skb.ingress
def inside(packet):
    ip = packet.parse(IPv4)
    return 1 if ip.ttl == 64 else 0

@cgroup.skb.egress
def outside(packet):
    return 0 if len(packet) > 28 else 1

@socket_filter
def part(packet):
    eth = packet.parse(Ethernet)
    return eth.proto

@raw_tracepoint("sys_enter")
def raw(ctx):
    runs.value += 1
    total.value += ctx.args[1]
    return 5

@tracepoint("raw_syscalls:sys_enter")
def traced(ctx):
    runs.value += 1
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> pyebpf.Session:
    path = tmp_path_factory.mktemp("runs") / "probe.py"
    path.write_text("from pyebpf import *\n" + PROGRAM)
    with pyebpf.load(path, attach=False) as session:
        yield session


@pytest.fixture
def run(session: pyebpf.Session) -> Callable[..., pyebpf.runtime.programs.TestRun]:
    for name in ("runs", "total"):
        session.variables[name].value = 0
    return lambda name, *given, **named: session.programs[name].test_run(*given, **named)


def test_the_packet_comes_back_as_it_was_left(run: Callable[..., object]) -> None:
    frame = Frame.tcp("10.0.0.1")
    found = run("driver", frame)
    assert found.result == pyebpf.XDP.DROP
    assert found.data == bytes.fromhex("020000000009") + frame[6:]
    assert run("driver", bytearray(15)).result == run("driver", memoryview(bytes(15))).result == pyebpf.XDP.TX
    large = frame + bytes(2000)
    assert run("driver", large).data[6:] == large[6:]


def test_cgroup_programs_see_the_ip_packet(run: Callable[..., object], session: pyebpf.Session) -> None:
    frame = Frame.udp("10.0.0.1")
    assert run("inside", frame).result == 1
    assert run("inside", frame[:22] + b"\x01" + frame[23:]).result == 0  # the time to live
    assert (run("outside", frame).result, run("outside", frame + b"x").result) == (1, 0)
    before = session.faults
    assert run("inside", Frame.ethernet(0x88B5, bytes(19))).result == 1  # too short for the header: it passes
    assert len(session.faults) == len(before) + 1


@pytest.mark.parametrize("protocol", [0x0800, 0x86DD, 0xFFFF])
def test_a_filter_says_how_many_bytes_it_keeps(run: Callable[..., object], protocol: int) -> None:
    """Test runs of filters have no Ethernet header in front: the program reads what stands behind it."""
    inner = Frame.ethernet(protocol)
    assert run("part", Frame.ethernet(0x88B5, inner)).result == protocol


def test_repeat(run: Callable[..., object], session: pyebpf.Session) -> None:
    assert run("driver", bytes(15), repeat=1000).duration_ns < 1_000_000
    assert session.variables["runs"].value == 1000
    for wrong in (0, -1, 1 << 32):
        with pytest.raises(ValueError, match="repeat"):
            run("driver", bytes(15), repeat=wrong)


def test_raw_tracepoints_take_arguments(run: Callable[..., object], session: pyebpf.Session) -> None:
    assert run("raw", ctx=bytes(8) + (7).to_bytes(8, "little"), repeat=6).result == 5
    assert (session.variables["runs"].value, session.variables["total"].value) == (6, 42)
    for wrong in ({}, {"ctx": bytes(8)}):
        with pytest.raises(ValueError, match=r"more arguments than the \d that were given"):
            run("raw", **wrong)
    with pytest.raises(ValueError, match="no packet"):
        run("raw", data=bytes(64), ctx=bytes(16))


@pytest.mark.parametrize("name", ["driver", "inside", "part"])
@pytest.mark.parametrize(
    "data", [None, b"", bytes(1), bytes(13), bytes(1 << 20)], ids=lambda data: f"{len(data or b'')}"
)
def test_packets_that_the_kernel_does_not_take(run: Callable[..., object], name: str, data: bytes | None) -> None:
    with pytest.raises(ValueError, match=f"at least 14 bytes.*not {len(data or b'')} bytes"):
        run(name, data)


def test_packets_cut_in_their_ip_header(run: Callable[..., object]) -> None:
    """Linux 6.17 and later refuse them; before, they run, and the program counts a fault."""
    try:
        assert run("inside", Frame.udp("10.0.0.1")[:20]).result == 1
    except ValueError as error:
        assert "its whole header" in str(error) and "not 20 bytes" in str(error)


def test_the_shortest_packet(run: Callable[..., object], session: pyebpf.Session) -> None:
    assert run("driver", bytes(14)).result == pyebpf.XDP.DROP
    assert session.variables["runs"].value == 1


@pytest.mark.parametrize("data", ["text", 64, [1, 2]])
def test_packets_are_bytes(run: Callable[..., object], data: object) -> None:
    with pytest.raises(TypeError, match="bytes-like"):
        run("driver", data)


def test_tracepoints_have_no_test_run(run: Callable[..., object]) -> None:
    with pytest.raises(pyebpf.LoadError, match="no test run for tracepoint") as caught:
        run("traced", ctx=bytes(64))
    assert caught.value.reason == "kernel"


def test_stats_count_runs_from_when_they_are_asked(run: Callable[..., object], session: pyebpf.Session) -> None:
    run("driver", bytes(15), repeat=3)
    before = session.stats["driver"]
    run("driver", bytes(15), repeat=7)
    after = session.stats["driver"]
    assert after.runs - before.runs == 7 and after.run_ns > before.run_ns
    assert after.translated_bytes % 8 == 0 and after.translated_bytes > 0 and after.verified_instructions > 0
    assert after.memory_bytes >= after.translated_bytes and after.memory_bytes % PAGESIZE == 0
    assert after.ns_per_run == after.run_ns / after.runs > 0
    assert session.programs["driver"].id != session.programs["raw"].id


def test_maps_say_what_memory_they_take(session: pyebpf.Session) -> None:
    found = session.memory
    assert set(found) == set(session.maps)
    assert all(0 < size < 1 << 20 for size in found.values())
