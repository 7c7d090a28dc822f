"""cgroup programs on a cgroup of the test's own; its process sends over the loopback device of its own namespace."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from run_kernel import in_child, waiting_child
from run_network import Wire, set_up

import pyebpf
from pyebpf.compiler import emit

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
PROGRAM = """
from pyebpf import IPv4, Udp
out, into, limit = Global[u64](0), Global[u64](0), Config[u32](1500)

@cgroup.skb.egress
def leaving(packet):
    ip = packet.parse(IPv4)
    out.value += len(packet)
    return 0 if len(packet) > limit.value else 1

@cgroup.skb.ingress
def arriving(packet):
    ip = packet.parse(IPv4)
    udp = packet.parse(Udp)
    into.value += len(packet)
    return 0 if udp.len == 8 + 13 else 1
"""
HEADERS = 20 + 8


@pytest.fixture
def session(program: Callable[[str], ModuleType], wire: Wire) -> pyebpf.Session:
    set_up("lo")
    with pyebpf.load(program(PROGRAM), attach=False, config={"limit": 200}) as session:
        yield session


def exchange(cgroup: Path, *sizes: int) -> list[str]:
    """Send datagrams from a process in `cgroup` to itself: what became of each."""

    def child() -> list[str]:
        (cgroup / "cgroup.procs").write_text("0")
        found = []
        with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
            receiver.bind(("127.0.0.1", 0))
            receiver.setblocking(False)  # over the loopback device a datagram is there when it is sent
            for size in sizes:
                try:
                    sender.sendto(bytes(size), receiver.getsockname())
                    found.append(f"got {len(receiver.recv(2048))}")
                except PermissionError:
                    found.append("refused")
                except BlockingIOError:
                    found.append("lost")
        return found

    return in_child(child)


def test_each_direction_counts_and_drops(session: pyebpf.Session, cgroup: Path) -> None:
    assert exchange(cgroup, 0, 13, 500) == ["got 0", "got 13", "got 500"]
    leaving = session.attach("leaving", cgroup)
    assert exchange(cgroup, 5, 13, 500) == ["got 5", "got 13", "refused"]
    assert session.variables["out"].value == 3 * HEADERS + 5 + 13 + 500
    session.attach("arriving", str(cgroup))
    assert exchange(cgroup, 5, 13, 500) == ["got 5", "lost", "refused"]
    assert session.variables["into"].value == 2 * HEADERS + 5 + 13
    leaving.detach()
    assert exchange(cgroup, 13, 500) == ["lost", "got 500"]
    session.close()
    assert exchange(cgroup, 13, 500) == ["got 13", "got 500"]


def test_detached_though_a_child_of_fork_has_it_open(session: pyebpf.Session, cgroup: Path) -> None:
    session.attach("leaving", cgroup)
    with waiting_child():
        assert exchange(cgroup, 500) == ["refused"]
        session.close()
        assert exchange(cgroup, 500) == ["got 500"]


def test_others_are_left_alone(session: pyebpf.Session, cgroup: Path) -> None:
    inner = cgroup / "inner"
    inner.mkdir()
    try:
        session.attach("leaving", inner)
        assert exchange(cgroup, 500) == ["got 500"] and session.variables["out"].value == 0
        assert exchange(inner, 500) == ["refused"]
    finally:
        inner.rmdir()


def test_several_on_one_cgroup(program: Callable[[str], ModuleType], session: pyebpf.Session, cgroup: Path) -> None:
    module = program(PROGRAM)
    with pyebpf.load(module.leaving, where={"leaving": cgroup}, config={"limit": 300}) as second:
        session.attach("leaving", cgroup)
        assert exchange(cgroup, 250, 100) == ["refused", "got 100"]  # both have to agree
        assert second.variables["out"].value == 2 * HEADERS + 350
    assert exchange(cgroup, 250) == ["refused"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "No such file"),
        ("file", "Not a directory"),
        (".", "not a directory of the cgroup2"),
        ("a\0b", "null"),
    ],
)
def test_what_is_no_cgroup(session: pyebpf.Session, tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(pyebpf.LoadError, match=message) as caught:
        session.attach("leaving", os.path.join(tmp_path, name))
    assert caught.value.reason == "target" and not session.links
    with pytest.raises(pyebpf.LoadError, match="--attach leaving=CGROUP_DIRECTORY"):
        session.attach("leaving")


COUNTS = """
from pyebpf import PerCpuArray, PerCpuHash, xdp
own, by_size = PerCpuArray[u64](max_entries=1), PerCpuHash[u32, u64](max_entries=8)

@{hook}
def counting(packet):
    own[0] += 1
    by_size[u32(len(packet))] += 2
    return 1
"""


def test_counts_of_a_cpu_when_a_program_may_begin_inside_itself(
    program: Callable[[str], ModuleType], wire: Wire, cgroup: Path
) -> None:
    """What a socket sends runs a program in a task, and what that causes in a softirq on the same CPU, once more."""
    set_up("lo")
    module = program(COUNTS.format(hook="cgroup.skb.egress"))
    assert str(emit(module, "ir")).count("atomic_add") == 2
    with pyebpf.load(module, where={"counting": cgroup}) as session:
        assert exchange(cgroup, 5, 5, 13) == ["got 5", "got 5", "got 13"]
        assert sum(session.maps["own"][0]) == 3
        assert {size: sum(counts) for size, counts in session.maps["by_size"].items()} == {33: 4, 41: 2}


def test_counts_of_a_cpu_where_only_one_program_runs(program: Callable[[str], ModuleType]) -> None:
    """An atomic addition takes longer."""
    assert "atomic_add" not in str(emit(program(COUNTS.format(hook="xdp")), "ir"))
