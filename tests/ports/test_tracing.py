"""Ports that watch processes: the tests' own, compared with what /proc and the tests themselves know."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from run_kernel import in_child
from run_network import Wire, set_up

import pyebpf

PROGRAMS = Path(__file__).parent / "programs"
pytestmark = pytest.mark.kernel


def parents(pid: int) -> list[int]:
    chain = [pid]
    while chain[-1] > 1:
        fields = Path(f"/proc/{chain[-1]}/stat").read_text().rpartition(")")[2].split()
        chain.append(int(fields[1]))
    return chain


def test_ancestors() -> None:
    with pyebpf.load(PROGRAMS / "ancestors.py") as session:
        session.variables["watched"].value = os.getpid()
        os.getppid()
        session.variables["watched"].value = 0
        chain = session.maps["chains"][0]
        assert list(chain.pids)[: chain.length] == parents(os.getpid())[:16]


def test_syscall_profile() -> None:
    with pyebpf.load(PROGRAMS / "syscall_profile.py", config={"target": os.getpid()}) as session:
        for _ in range(50):
            os.getppid()
        for link in session.links:
            link.detach()
        number = 110 if os.uname().machine == "x86_64" else 173  # getppid
        per_cpu = session.maps["totals"][number]
        assert sum(value.calls for value in per_cpu) == 50
        assert 0 < max(value.longest for value in per_cpu) <= sum(value.ns for value in per_cpu)


def test_opened_files(tmp_path: Path) -> None:
    with pyebpf.load(PROGRAMS / "opened_files.py", config={"target": os.getpid()}) as session:
        read, written = tmp_path / "read", tmp_path / ("long" * 30)
        read.touch()
        written.write_text("x")
        os.close(os.open(read, os.O_RDONLY))
        os.close(os.open(written, os.O_RDWR))
        found = [(e.name, e.mode.name, bool(e.create), bool(e.truncate)) for e in session.maps["opened"].poll(0)]
        assert (str(read), "READ", False, False) in found
        assert (str(written)[:127], "WRITE", True, True) in found
        assert (str(written)[:127], "BOTH", False, False) in found


def test_cgroup_budget(wire: Wire, cgroup: Path) -> None:
    set_up("lo")
    with pyebpf.load(PROGRAMS / "cgroup_budget.py", where={"spend": cgroup}) as session:
        session.variables["budget"].value = 500

        def exchange() -> int:
            (cgroup / "cgroup.procs").write_text("0")
            arrived = 0
            with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
                receiver.bind(("127.0.0.1", 0))
                for _ in range(6):
                    try:
                        sender.sendto(bytes(100), receiver.getsockname())
                        arrived += len(receiver.recv(2000)) == 100
                    except PermissionError:
                        continue
            return arrived

        assert in_child(exchange) == 3, "each takes 28 bytes more on its way"
        assert (session.variables["spent"].value, session.variables["dropped"].value) == (384, 3)
