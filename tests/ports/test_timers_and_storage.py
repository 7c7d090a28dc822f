"""Ports whose entries have timers, and those that keep what they count with sockets and cgroups."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packets import ethernet, ipv4, udp
from run_kernel import in_child
from run_network import Wire, set_up

import pyebpf
from pyebpf import XDP
from pyebpf.compiler import lower_target
from pyebpf.modules import load_module
from pyebpf.simulator.simulation import Input, Simulation
from pyebpf.simulator.surroundings import Surroundings

pytestmark = pytest.mark.kernel
PROGRAMS = Path(__file__).parent / "programs"
MS = 1_000_000
HEADERS = 20 + 8


def test_idle_flows(port: Callable[..., Any]) -> None:
    program = port("idle_flows", idle=100 * MS)
    one, other = (ethernet(ipv4(udp(bytes(10), source=number, dest=53), 17, f"10.0.0.{number}")) for number in (1, 2))
    for frame in (one, other, one):
        assert program.run(frame) == XDP.PASS
    assert len(program["flows"]) == 2
    for _ in range(4):
        program.wait(40 * MS)
        program.run(one)
    flows = {str(key.source): flow.packets for key, flow in program["flows"].items()}
    assert flows.get("10.0.0.1", 6) == 6
    program.wait(150 * MS)
    program.wait(100 * MS)
    assert len(program["flows"]) == 0 and not program.faults()
    ended = {str(event.source): (event.port, event.packets, event.bytes) for event in program["ended"].poll(0)}
    assert ended["10.0.0.2"] == (53, 1, len(other)) and set(ended) == {"10.0.0.1", "10.0.0.2"}


def test_idle_flows_when_the_table_is_full(port: Callable[..., Any]) -> None:
    program = port("idle_flows", idle=50 * MS)
    for number in range(70):
        program.run(ethernet(ipv4(udp(b"", source=number), 17)))
    assert program["full"] == 6 and len(program["flows"]) == 64
    program.wait(200 * MS)
    assert len(program["flows"]) == 0 and program.faults() == {}


def test_refilled_bucket(port: Callable[..., Any]) -> None:
    program = port("refilled_bucket", period=300 * MS)
    program["bucket"][0] = {"tokens": 3}
    assert [program.run(bytes(64)) for _ in range(5)] == [XDP.PASS] * 3 + [XDP.DROP] * 2
    program.wait(450 * MS)
    assert [program.run(bytes(64)) for _ in range(3)] == [XDP.PASS] * 2 + [XDP.DROP]
    program.wait(1100 * MS)
    bucket = program["bucket"][0]
    assert (bucket.tokens, bucket.working, program["dropped"]) == (6, False, 3)
    refills = bucket.refills
    program.wait(400 * MS)
    assert program["bucket"][0].refills == refills and not program.faults()


def test_socket_account_in_the_simulator() -> None:
    simulation = Simulation(lower_target(PROGRAMS / "socket_account.py").module, config={"most": 100})

    def run(name: str, size: int, number: int) -> int:
        return simulation.run(name, Input(Surroundings(socket=number), bytes(size))).result

    assert [run("leaving", 60, number) for number in (4, 4, 5, 0)] == [1, 0, 1, 1]
    assert [run("arriving", 30, number) for number in (5, 0)] == [1, 1]
    accounts, unknown = simulation.maps["accounts"], simulation.variables["unknown"]
    found = {number: (each.sent, each.received, each.refused) for number, each in accounts.items()}
    assert found == {4: (60, 0, 1), 5: (60, 30, 0)} and unknown.value == 2


@pytest.mark.usefixtures("nothing_left")
def test_socket_account(wire: Wire, cgroup: Path) -> None:
    set_up("lo")
    module = load_module(PROGRAMS / "socket_account.py")
    with pyebpf.load(module, where={"leaving": cgroup, "arriving": cgroup}, config={"most": 1000}):

        def child() -> list[object]:
            (cgroup / "cgroup.procs").write_text("0")
            refused = 0
            with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
                receiver.bind(("127.0.0.1", 0))
                for _ in range(5):
                    try:
                        sender.sendto(bytes(272), receiver.getsockname())
                    except PermissionError:
                        refused += 1
                mine, theirs = module.accounts[sender], module.accounts[receiver]
            return [mine.sent, mine.refused, refused, theirs.received, theirs.sent]

        assert in_child(child) == [3 * (272 + HEADERS), 2, 2, 3 * (272 + HEADERS), 0]


def test_cgroup_calls_in_the_simulator() -> None:
    simulation = Simulation(lower_target(PROGRAMS / "cgroup_calls.py").module, config={"wanted": 7})
    printed = []
    for group, call in ((1, 7), (1, 8), (2, 7), (1, 7)):
        given = Input(Surroundings(cgroup_id=group), ctx=(0, call))
        printed += simulation.run("count", given).printed
    calls = {group: (each.count, each.last, each.of_kind) for group, each in simulation.maps["calls"].items()}
    assert calls == {1: (3, 7, 2), 2: (1, 7, 1)} and simulation.variables["groups"].value == 2
    assert printed == ["call 7, the 1. of 1", "call 7, the 1. of 1", "call 7, the 2. of 3"]


@pytest.mark.usefixtures("nothing_left")
def test_cgroup_calls(cgroup: Path) -> None:
    number = {"x86_64": 110, "aarch64": 173}.get(platform.machine(), 0)  # getppid
    module = load_module(PROGRAMS / "cgroup_calls.py")
    with pyebpf.load(module, config={"wanted": number}):

        def child() -> list[object]:
            (cgroup / "cgroup.procs").write_text("0")
            for _ in range(20):
                os.getppid()
            return [module.calls[cgroup].of_kind, module.calls[cgroup].count >= 20]

        assert in_child(child) == [20, True]
        assert module.groups.value >= 1
