"""The kernel's helpers by name: what the simulator knows of them is what the kernel does; the rest a test supplies."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import both_ways
import pytest
from places import import_file

from pyebpf.testing import SimulationError, Simulator

PACKET = bytes(range(64))


simulate = both_ways.simulate


@pytest.fixture
def load(tmp_path: Path, simulate: Simulator) -> Any:
    def load(text: str) -> ModuleType:
        path = tmp_path / "probes.py"
        names = "strtol, strtoul, xdp_load_bytes, xdp_store_bytes, xdp_get_buff_len, get_task_stack, send_signal"
        path.write_text(f"from pyebpf import *\nfrom pyebpf.helpers import {names}\n{text}")
        module = import_file(path)
        simulate.watch({"probes": module})
        return module

    return load


NUMBERS = [
    *(b"12", b"-12", b" \t-7x", b"0x1f", b"0X", b"0xg", b"017", b"08", b"", b"-", b"--1", b"+5", b"- 5", b"zz", b"ff"),
    *(b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808", b"-9223372036854775809"),
    *(b"18446744073709551615", b"18446744073709551616", b"1" * 32, b"0" * 31 + b"1", b"\n\v\f\r 3", b"\xa05"),
]
PARSER = """
text = Global[u8[32]]()
base = Global[u64](0)
consumed = Global[i64[2]]()
signed = Global[i64[1]]()
unsigned = Global[u64[1]]()

@xdp
def probe(packet):
    consumed.value[0] = strtol(text.value, base.value, signed.value)
    consumed.value[1] = strtoul(text.value, base.value, unsigned.value)
    return XDP.DROP
"""


def parsed(probes: ModuleType, simulate: Simulator, text: bytes, base: int) -> tuple[int, ...]:
    """How many bytes each helper read, or -errno, and the numbers."""
    probes.text.value = tuple(text.ljust(32, b"\0"))
    probes.base.value, probes.signed.value, probes.unsigned.value = base, (0,), (0,)
    assert simulate(probes.probe, packet=PACKET).fault is None
    return (*probes.consumed.value, *probes.signed.value, *probes.unsigned.value)


def test_numbers_in_text(load: Any, simulate: Simulator) -> None:
    probes = load(PARSER)
    assert parsed(probes, simulate, b" -42 apples", 10) == (4, -22, -42, 0)
    assert parsed(probes, simulate, b"0x2a", 0) == (4, 4, 42, 42)
    assert parsed(probes, simulate, b"052", 0) == (3, 3, 42, 42)
    assert parsed(probes, simulate, b"apples", 10) == (-22, -22, 0, 0)
    assert parsed(probes, simulate, b"18446744073709551615", 10) == (-34, 20, 0, 2**64 - 1)
    assert parsed(probes, simulate, b"42", 7) == (-22, -22, 0, 0)


@pytest.mark.kernel
def test_numbers_in_text_as_in_the_kernel(tmp_path: Path) -> None:
    """Signs, prefixes, limits, what isn't a number, in every base: the simulator reads them as the kernel does."""
    path = tmp_path / "probes.py"
    path.write_text(f"from pyebpf import *\nfrom pyebpf.helpers import strtol, strtoul\n{PARSER}")
    found: list[list[tuple[int, ...]]] = []
    for kernel in (False, True):
        probes = import_file(path)
        with Simulator(kernel=kernel) as simulate:
            simulate.watch({"probes": probes})
            found.append([parsed(probes, simulate, text, base) for text in NUMBERS for base in (0, 8, 10, 16, 2, 32)])
    assert found[0] == found[1]


@pytest.mark.parametrize("offset", [0, 5, 60, 61, 64, 65, 0xFFFF, 0x10000, 0xFFFFFFFF])
def test_bytes_of_a_packet(load: Any, simulate: Simulator, offset: int) -> None:
    probes = load("""
at, count = Global[u32](0), Global[u64](0)
read, written, length = Global[i64](0), Global[i64](0), Global[u64](0)
data = Global[u8[16]]()

@xdp
def probe(packet):
    read.value = xdp_load_bytes(packet, at.value, data.value[:count.value])
    data.value[0] = 99
    written.value = xdp_store_bytes(packet, at.value, data.value[:count.value])
    length.value = xdp_get_buff_len(packet)
    return XDP.DROP
""")
    for count in (1, 4, 16, 17, 1 << 40):
        probes.at.value, probes.count.value, probes.data.value = offset, count, (0,) * 16
        result = simulate(probes.probe, packet=PACKET)
        size = min(count, 16)
        status = -14 if offset > 0xFFFF else -22 if offset + size > 64 else 0
        there = list(PACKET[offset : offset + size]) if status == 0 else []
        after = [99, *there[1:]] if there else []
        assert (probes.read.value, probes.written.value, probes.length.value) == (status, status, 64)
        assert list(probes.data.value) == [99, *[*there, *[0] * 16][1:16]]
        assert result.packet == PACKET[:offset] + bytes(after) + PACKET[offset + len(after) :]
    probes.count.value = 0
    assert simulate(probes.probe, packet=PACKET).fault.kind == "ValueError"


def test_what_the_simulator_is_told(tmp_path: Path) -> None:
    """Helpers that it doesn't know name themselves; a test answers for them, and fills their memory."""
    path = tmp_path / "probes.py"
    path.write_text("""
from pyebpf import Global, current_task, raw_tracepoint, u64
from pyebpf.helpers import get_task_stack, send_signal

frames, size = Global[u64[4]](), Global[u64](0)

@raw_tracepoint("sys_enter")
def probe(ctx):
    found = get_task_stack(current_task(), frames.value[:size.value], 256)
    if found < 0:
        send_signal(9)
    else:
        size.value = found
""")
    probes = import_file(path)
    with Simulator() as simulate:
        simulate.watch({"probes": probes})
        with pytest.raises(SimulationError, match=r"get_task_stack, .* helpers=\{\"get_task_stack\""):
            simulate(probes.probe, ctx=(1, 2))
        asked: list[tuple[int, int]] = []

        def stack(task: Any, memory: Any, size: int, flags: int) -> int:
            asked.append((size, flags))
            memory.write((0x1234).to_bytes(8, "little"))
            return 8

        probes.size.value = 3
        simulate(probes.probe, ctx=(1, 2), helpers={"get_task_stack": stack})
        assert asked == [(24, 256)] and probes.size.value == 8 and probes.frames.value[0] == 0x1234
        sent: list[int] = []
        answers = {"get_task_stack": lambda *_: -22, "send_signal": lambda signal: sent.append(signal) or 0}
        simulate(probes.probe, ctx=(1, 2), helpers=answers)
        assert sent == [9]


def test_kfuncs_in_the_simulator(tmp_path: Path) -> None:
    """A test answers for them: kernel structs as dicts, None for what isn't there; giving back needs no answer."""
    path = tmp_path / "probes.py"
    path.write_text("""
from pyebpf import XDP, Global, NullPointerError, i32, u8, u64, xdp
from pyebpf.kfuncs import bpf_strlen, bpf_task_acquire, bpf_task_from_pid

wanted, found, length = Global[i32](1), Global[u64](0), Global[u64](0)

@xdp
def probe(packet):
    try:
        with bpf_task_from_pid(wanted.value) as task, bpf_task_acquire(task) as again:
            found.value = u64(again.tgid)
            length.value = u64(bpf_strlen("abc"))
    except NullPointerError:
        found.value = 404
    return XDP.DROP
""")
    probes = import_file(path)
    with Simulator() as simulate:
        simulate.watch({"probes": probes})
        with pytest.raises(SimulationError, match=r"bpf_task_from_pid, which the simulator doesn't know"):
            simulate(probes.probe, packet=PACKET)
        tasks = {1: {"tgid": 77}}
        answers = {
            "bpf_task_from_pid": tasks.get,
            "bpf_task_acquire": lambda _: {"tgid": 78},
            "bpf_strlen": lambda text: len(text.read(4).rstrip(b"\0")),
        }
        simulate(probes.probe, packet=PACKET, helpers=answers)
        assert (probes.found.value, probes.length.value) == (78, 3)
        probes.wanted.value = 2
        simulate(probes.probe, packet=PACKET, helpers=answers)
        assert probes.found.value == 404


def test_iterators_in_the_simulator(tmp_path: Path) -> None:
    """Numbers and bits by themselves; of tasks a list of dicts. Whatever way a loop is left, it is ended."""
    path = tmp_path / "probes.py"
    path.write_text("""
from pyebpf import BPF_TASK_ITER_ALL_PROCS, XDP, Global, i32, u64, xdp
from pyebpf.kfuncs import iter_bits, iter_num, iter_task

wanted, found, total = Global[i32](1), Global[u64](0), Global[u64](0)

@xdp
def probe(packet):
    found.value = sum(bit for bit in iter_bits(u64[2](5, 1 << 63)))
    try:
        for i in iter_num(3, wanted.value):
            total.value += u64(i)
            if i == 6:
                raise KeyError
    except ValueError:
        return XDP.TX
    return XDP.DROP

@xdp
def tasks(packet):
    for number, task in enumerate(iter_task(None, BPF_TASK_ITER_ALL_PROCS)):
        if task.pid == wanted.value:
            found.value = number
            return XDP.TX
    return XDP.DROP
""")
    probes = import_file(path)
    with Simulator() as simulate:
        simulate.watch({"probes": probes})
        assert simulate(probes.probe, packet=PACKET).result == probes.XDP.TX
        assert probes.found.value == 2 + 127 and probes.total.value == 0
        probes.wanted.value = 6
        assert simulate(probes.probe, packet=PACKET).result == probes.XDP.DROP and probes.total.value == 3 + 4 + 5
        probes.wanted.value = 8
        assert simulate(probes.probe, packet=PACKET).fault.kind == "KeyError"
        with pytest.raises(SimulationError, match=r"iter_task, which the simulator doesn't know"):
            simulate(probes.tasks, packet=PACKET)
        helpers = {"iter_task": lambda task, flags: [{"pid": 1}, {"pid": 8}, {"pid": 9}]}
        assert (
            simulate(probes.tasks, packet=PACKET, helpers=helpers).result == probes.XDP.TX and probes.found.value == 1
        )
        probes.wanted.value = 2
        assert simulate(probes.tasks, packet=PACKET, helpers=helpers).result == probes.XDP.DROP
