"""What `pyebpf.load` takes and gives, apart from what a single sample shows."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from run_cli import SAMPLES
from run_kernel import bpf_ids, left_over
from run_network import Frame, Wire

import pyebpf

pytestmark = pytest.mark.usefixtures("nothing_left")

COUNT_ONE = """
from pyebpf import Array, Config, Global, pid, tracepoint, u32, u64

only = Config[u32](0)
calls = Global[u64](5)
cells = Array[u64](max_entries=4)

@tracepoint("raw_syscalls:sys_enter")
def count(ctx):
    if pid() == only.value:
        calls.value += 1
        cells[calls.value] += 1
"""


@pytest.fixture
def count_one(tmp_path: Path) -> Path:
    path = tmp_path / "count_one.py"
    path.write_text(COUNT_ONE)
    return path


def test_a_target_may_be_a_path_or_an_object_or_its_file(tmp_path: Path) -> None:
    path = SAMPLES / "syscount.py"
    object = pyebpf.compile(path)
    saved = tmp_path / "syscount.o"
    saved.write_bytes(object.elf)
    for target in (path, str(path), object, saved):
        with pyebpf.load(target) as session:
            assert [link.attached for link in session.links] == [True]
            os.getppid()
            assert len(session.maps["counts"]) > 0


def test_configs_are_set_at_load_and_globals_live(count_one: Path) -> None:
    with pyebpf.load(count_one, config={"only": os.getpid()}) as session:
        calls, only = session.variables["calls"], session.variables["only"]
        assert only.value == os.getpid()
        before = calls.value
        for _ in range(100):
            os.getppid()
        assert calls.value >= before + 100
        calls.value = 1 << 40
        os.getppid()
        assert calls.value > 1 << 40
        with pytest.raises(AttributeError):
            only.value = 1


def test_faults_are_counted_by_line(count_one: Path) -> None:
    with pyebpf.load(count_one, config={"only": os.getpid()}) as session:
        for _ in range(100):
            os.getppid()
        [fault] = session.faults
    assert (fault.kind, fault.program, Path(fault.file)) == ("IndexError", "count", count_one)
    assert "cells[calls.value]" in COUNT_ONE.splitlines()[fault.line - 1]
    assert fault.count >= 100


@pytest.mark.parametrize("config", [{"only": -1}, {"only": 1 << 32}, {"only": "one"}, {"nothing": 1}, {"calls": 1}])
def test_bad_configs_are_errors_and_leave_nothing(count_one: Path, config: dict[str, object]) -> None:
    before = bpf_ids()
    with pytest.raises(pyebpf.Error):
        pyebpf.load(count_one, config=config)
    assert not left_over(before)


def test_what_cannot_be_attached_is_unloaded_again(sample: Callable[[str], ModuleType], wire: Wire) -> None:
    before = bpf_ids()
    module = sample("xdp_firewall")
    with pytest.raises(pyebpf.LoadError, match="did you mean inside"):
        pyebpf.load(module, where={"firewall": "insid"})
    with pytest.raises(pyebpf.LoadError, match="firewall"):
        pyebpf.load(module)
    with pytest.raises(pyebpf.LoadError, match="nothing"):
        pyebpf.load(module, where={"nothing": wire.inside})
    assert not left_over(before)


def test_a_second_firewall_is_told_of_the_first(sample: Callable[[str], ModuleType], wire: Wire) -> None:
    module = sample("xdp_firewall")
    with pyebpf.load(module, where={"firewall": wire.inside}):
        with pytest.raises(pyebpf.LoadError, match="another XDP program"):
            pyebpf.load(SAMPLES / "xdp_firewall.py", where={"firewall": wire.inside})
        assert wire.arrives(Frame.arp("10.0.0.1")) == [True]
        assert module.others.value == 2


def test_close_is_idempotent_and_detaches_at_once(sample: Callable[[str], ModuleType]) -> None:
    module = sample("syscount")
    session = pyebpf.load(module)
    session.close()
    session.close()
    assert not session.links
    with pytest.raises(RuntimeError):
        len(module.counts)


def test_two_sessions_of_one_file_are_apart() -> None:
    path = SAMPLES / "syscount.py"
    with pyebpf.load(path, attach=False) as one, pyebpf.load(path, attach=False) as other:
        one.maps["counts"]["x"] = 1
        assert "x" not in other.maps["counts"]


def test_test_run_of_the_firewall(sample: Callable[[str], ModuleType]) -> None:
    module = sample("xdp_firewall")
    with pyebpf.load(module, attach=False) as session:
        module.blocked["10.9.0.1"] = {"dropped": 0}
        run = session.programs["firewall"].test_run
        assert run(data=Frame.tcp("10.8.0.1")).result == pyebpf.XDP.PASS
        assert run(data=Frame.tcp("10.9.0.1")).result == pyebpf.XDP.DROP
        assert run(data=Frame.udp("10.9.0.1"), repeat=9).result == pyebpf.XDP.DROP
        assert run(data=Frame.tcp("10.9.0.1")[:33]).result == pyebpf.XDP.PASS
        assert module.blocked["10.9.0.1"].dropped == 10
        assert module.passed.to_dict() == {pyebpf.IPv4Address("10.8.0.1"): 1}
        assert [fault.count for fault in session.faults] == [1]
