"""Probes of programs as before Linux 4.17, without the perf PMU: defined in tracefs, and gone from there at the end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from native import build_steps, running
from run_kernel import in_child, mount_privately

import pyebpf
from pyebpf import Hash, i32, u64, uprobe, uretprobe
from pyebpf.loader.attach import tracefs_probe
from pyebpf.loader.attach import uprobe as attaching

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
TEXT = """
__attribute__((noinline)) int twice(int n) { __asm__ volatile("" ::: "memory"); return n * 2; }
static void step(void) { twice(21); }
"""
asked = Hash[i32, u64](max_entries=4)
given = Hash[i32, u64](max_entries=4)


@uprobe
def asking(n: i32):
    asked[n] += 1


@uretprobe
def answering(ret: i32):
    given[ret] += 1


def test_definitions_come_and_go(tmp_path: Path) -> None:
    program = build_steps(tmp_path, "twice", TEXT)
    compiled = pyebpf.compile([asking, answering])

    def child() -> None:
        mount_privately("tracefs", "/sys/kernel/tracing")
        attaching.PMU = Path("/sys/bus/event_source/devices/none")  # type: ignore[misc]
        events = Path("/sys/kernel/tracing/uprobe_events")
        others = events.read_text().splitlines()
        tracefs_probe._write("uprobe", f"p:pyebpf/p4000000_0 {program}:0x1000")  # of a process that was killed
        with pyebpf.load(compiled, attach=False) as session, running(program) as target:
            links = [session.attach("asking", f"{program}:twice"), session.attach("answering", f"{program}:twice")]
            own = [line for line in events.read_text().splitlines() if line not in others]
            assert len(own) == 2 and all(f"pyebpf/p{os.getpid()}_" in line for line in own)
            target.step(3)
            assert session.maps["asked"].to_dict() == {21: 3} and session.maps["given"].to_dict() == {42: 3}
            for link in links:
                link.detach()
            target.step()
            assert session.maps["asked"].to_dict() == {21: 3}
        assert [line for line in events.read_text().splitlines() if line not in others] == []

    in_child(child)
