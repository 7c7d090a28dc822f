"""Symbols of the kernel in probes: addresses here, by libbpf, and in the simulator; variables are read in guests."""

from __future__ import annotations

from pathlib import Path

import pytest
from pins import BPFTOOL, Pins

import pyebpf
from pyebpf import Array, NullPointerError, kernel_read, ksyms, raw_tracepoint, tp_btf, u32, u64
from pyebpf.helpers import per_cpu_ptr, this_cpu_ptr
from pyebpf.ksyms import bpf_prog_put, jiffies, numa_node, runqueues, vfs_read
from pyebpf.testing import SimulationError, Simulator

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
seen = Array[u64](max_entries=8)


@raw_tracepoint("sys_enter")
def addresses(ctx):
    seen[0] = vfs_read
    seen[1] = 1 if hasattr(ksyms, "bpf_prog_put") else 2
    seen[2] = 1 if hasattr(ksyms, "no_such_symbol") else 2
    if hasattr(ksyms, "bpf_prog_put"):
        seen[3] = bpf_prog_put
    if hasattr(ksyms, "no_such_symbol"):
        seen[4] = ksyms.no_such_symbol
    seen[5] = kernel_read(vfs_read, u32)
    try:
        seen[6] = kernel_read(8, u64)
    except NullPointerError:
        seen[6] = 7


@tp_btf("sched_switch")
def variables(ctx):
    seen[0] = this_cpu_ptr(runqueues).nr_running
    for number in range(4):
        if (queue := per_cpu_ptr(runqueues, number)) is not None:
            seen[1] += queue.nr_switches
        if (node := per_cpu_ptr(numa_node, number)) is not None:
            seen[2] += u64(node)
    seen[3] = kernel_read(jiffies, u64)
    if hasattr(ksyms, "runqueues"):
        seen[4] += 1
    if hasattr(ksyms, "no_such_symbol"):
        seen[4] += 2
    seen[5] = u64(per_cpu_ptr(runqueues, 9).nr_running)


def address(name: str) -> int:
    return next(int(line.split()[0], 16) for line in Path("/proc/kallsyms").open() if line.split()[2] == name)


def test_addresses(pins: Pins, tmp_path: Path) -> None:
    with pyebpf.load(addresses, attach=False) as session:
        session.programs["addresses"].test_run(ctx=bytes(16))
        found = list(seen)
        assert found[:5] == [address("vfs_read"), 1, 2, address("bpf_prog_put"), 0]
        assert found[5] and found[6] == 7
        assert not session.faults


@pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed")
def test_libbpf_finds_them(pins: Pins, tmp_path: Path) -> None:
    path = tmp_path / "probe.o"
    pyebpf.compile(addresses).save(path)
    done = pins.run(str(BPFTOOL), "prog", "loadall", path, pins.folder / "it")
    assert done.returncode == 0, done.stderr


def test_what_the_object_says() -> None:
    obj = pyebpf.compile(variables)
    found = {extern.name: (extern.section, extern.kind, extern.weak) for extern in obj.externs}
    assert found == {
        "runqueues": (".ksyms", "variable", True),
        "numa_node": (".ksyms", "variable", False),
        "jiffies": (".ksyms", "address", False),
        "no_such_symbol": (".ksyms", "address", True),
    }


def test_in_the_simulator() -> None:
    queues = [{"nr_running": 3, "nr_switches": 40}, {"nr_running": 5, "nr_switches": 2}]
    given = {
        "runqueues": lambda cpu: queues[cpu] if cpu < 2 else None,
        "numa_node": lambda cpu: cpu + 1 if cpu < 2 else None,
        "jiffies": lambda: 0x1000,
    }
    with Simulator() as simulate:
        simulate.load(variables)
        memory = {0x1000: (77).to_bytes(8, "little")}
        result = simulate(variables, cpu=1, helpers=given, kernel_memory=memory)
        assert list(seen) == [5, 42, 3, 77, 1, 0, 0, 0]
        assert result.fault is not None and result.fault.kind == "NullPointerError"  # there is no CPU 9
        with pytest.raises(SimulationError, match=r'helpers=\{"runqueues": lambda cpu: …\}'):
            simulate(variables)
