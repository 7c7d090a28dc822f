"""SkStorage and CgroupStorage: values that hang on sockets and cgroups, in programs and from Python."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from run_kernel import in_child
from run_network import Wire, set_up

import pyebpf
from pyebpf import XDP, CgroupStorage, Global, current_cgroup, raw_tracepoint, struct, tid, u32, u64, xdp

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("nothing_left")]
SOCKETS = """
@struct
class Use:
    packets: u64
    bytes: u64
    last: u32

use = SkStorage[Use]()
numbers = SkStorage[u64]()
without = Global[u64]()

@cgroup.skb.egress
def leaving(packet):
    seen = use.setdefault(packet.socket, Use(last=7))
    seen.packets += 1
    seen.bytes += len(packet)
    for i in range(100_000):
        if i == 10:
            break
        numbers[packet.socket] += 1
    if packet.socket in numbers and numbers[packet.socket] >= 30:
        del numbers[packet.socket]
    if (again := use.get(packet.socket)) is not None:
        again.last += 1
    return 1

@cgroup.skb.ingress
def arriving(packet):
    try:
        numbers[packet.socket] = numbers.get(packet.socket, 50) + 1
    except NullPointerError:
        without.value += 1
    return 1
"""
HEADERS = 20 + 8


@struct
class Tasks:
    calls: u64
    last: u32


tasks = CgroupStorage[Tasks]()
counts = CgroupStorage[u64]()
me = Global[u32]()
level = Global[u64]()


@xdp
def in_cgroup(packet):
    found = tasks.setdefault(current_cgroup(), Tasks(calls=10))
    found.calls += 1
    counts[current_cgroup()] += 5
    counts[current_cgroup()] = counts[current_cgroup()] * 2
    level.value = max(current_cgroup().level, 0)
    if current_cgroup() in counts and counts.get(current_cgroup(), 0) > 20:
        del counts[current_cgroup()]
        return XDP.TX
    return XDP.DROP


@xdp
def missing(packet):
    del tasks[current_cgroup()]
    return XDP.DROP if counts[current_cgroup()] else XDP.TX


@raw_tracepoint("sys_enter")
def calls(ctx):
    if tid() == me.value:
        counts[current_cgroup()] += 1


@pytest.fixture
def sockets(program: Callable[[str], ModuleType], wire: Wire) -> Iterator[ModuleType]:
    set_up("lo")
    module = program(SOCKETS)
    with pyebpf.load(module, attach=False) as session:
        module.session = session
        yield module


def test_each_socket_has_its_own(sockets: ModuleType, cgroup: Path) -> None:
    for name in ("leaving", "arriving"):
        sockets.session.attach(name, cgroup)

    def child() -> list[object]:
        (cgroup / "cgroup.procs").write_text("0")
        found: list[object] = []
        with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
            receiver.bind(("127.0.0.1", 0))
            with socket.socket(type=socket.SOCK_DGRAM) as other:
                other.sendto(b"", receiver.getsockname())
                found.append([(sockets.use[other].packets, sockets.use[other].bytes), sockets.numbers[other.fileno()]])
            for size in (0, 100, 1):
                sender.sendto(bytes(size), receiver.getsockname())
            mine = sockets.use[sender]
            found += [(mine.packets, mine.bytes, mine.last), sender in sockets.numbers, receiver in sockets.use]
            found.append(sockets.numbers[receiver])
            sockets.numbers[sender] = 7
            del sockets.use[sender]
            sender.sendto(b"", receiver.getsockname())
            found += [sockets.numbers[sender], sockets.use[sender].packets, sockets.use.get(receiver, "none")]
        return found

    expected = [[[1, HEADERS], 10], [3, 3 * HEADERS + 101, 10], False, False, 54, 17, 1, "none"]
    assert in_child(child) == expected
    assert not sockets.session.faults and sockets.without.value == 0


def test_what_is_no_socket(sockets: ModuleType, tmp_path: Path) -> None:
    with open(tmp_path / "file", "w") as file:
        with pytest.raises(OSError):
            sockets.use[file.fileno()]
        with pytest.raises(OSError):
            sockets.use[file.fileno()] = {"packets": 1}
    with pytest.raises(TypeError, match="a socket is named by itself"):
        sockets.use["eth0"]
    assert "eth0" not in sockets.use
    with socket.socket() as fresh, pytest.raises(KeyError):
        del sockets.use[fresh]


def test_each_cgroup_has_its_own(cgroup: Path) -> None:
    with pyebpf.load([in_cgroup, missing, calls], attach=False) as session:

        def child() -> list[object]:
            (cgroup / "cgroup.procs").write_text("0")
            programs = session.programs
            found: list[object] = [programs["missing"].test_run(data=bytes(64)).result]
            for _ in range(2):
                found.append(programs["in_cgroup"].test_run(data=bytes(64)).result)
                found.append(counts.get(cgroup))
            found += [tasks[cgroup].calls, tasks[str(cgroup)].last, level.value > 0]
            tasks[cgroup] = Tasks(calls=3)
            programs["in_cgroup"].test_run(data=bytes(64))
            found += [tasks[cgroup].calls, programs["missing"].test_run(data=bytes(64)).result, cgroup in tasks]
            me.value = os.getpid()
            before, link = counts[cgroup], session.attach("calls")
            for _ in range(50):
                os.getppid()
            link.detach()
            found.append(counts[cgroup] - before >= 50)
            return found

        assert in_child(child) == [XDP.PASS, XDP.DROP, 10, XDP.TX, None, 12, 0, True, 4, XDP.DROP, False, True]
        inner = cgroup / "inner"
        inner.mkdir()
        try:
            assert inner not in tasks and inner not in counts
            counts[inner] = 9
            descriptor = os.open(inner, os.O_RDONLY)
            assert counts[descriptor] == 9
            os.close(descriptor)
        finally:
            inner.rmdir()
        assert [fault.kind for fault in session.faults] == ["KeyError"]


def test_what_is_no_cgroup(tmp_path: Path) -> None:
    with pyebpf.load(in_cgroup, attach=False):
        with pytest.raises(OSError):
            counts[tmp_path]
        with pytest.raises(FileNotFoundError):
            counts[tmp_path / "none"]
        with pytest.raises(TypeError, match="a cgroup is named by its directory"):
            counts[3.5]
