"""Ports whose records have any length, and one that takes tasks from the kernel and gives them back."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packets import ethernet, ipv4, tcp, udp
from places import import_file

from pyebpf import XDP
from pyebpf.testing import Simulator

pytestmark = pytest.mark.kernel
PROGRAMS = Path(__file__).parent / "programs"


def test_payload_sampler(port: Callable[..., Any]) -> None:
    program = port("payload_sampler", every=2)
    payloads = [b"", b"x", b"hello", bytes(range(95)), bytes(range(96)), bytes(range(200)), b"left out", b"end"]
    for payload in payloads:
        program.run(ethernet(ipv4(udp(payload), 17)))
        program.run(ethernet(ipv4(tcp(payload, dest=443, options=b"\2\4\5\xb4"), 6)))
        program.run(ethernet(payload + bytes(64), proto=0x0806))  # not counted
    found = program["samples"].poll()
    assert [rest for _, rest in found] == [payload[:96] for payload in payloads]
    assert [head.whole for head, _ in found] == [len(payload) for payload in payloads]
    assert {(str(head.source), str(head.dest), head.port) for head, _ in found} == {("10.0.0.2", "10.0.0.1", 443)}
    assert program["samples"].dropped == 0 and not program.faults()


def test_request_lines(port: Callable[..., Any]) -> None:
    program = port("request_lines")
    lines = [b"GET / HTTP/1.1", b"POST /a/longer/path?x=1 HTTP/1.1", b"PUT /" + b"y" * 111 + b" HTTP/1.1"]
    for line in lines:
        program.run(ethernet(ipv4(tcp(line + b"\r\nHost: x\r\n\r\n"), 6)))
    program.run(ethernet(ipv4(tcp(b"\x16\x03\x01" + bytes(60)), 6)))  # TLS
    program.run(ethernet(ipv4(tcp(b"GET /x HTTP/1.1\r\n\r\n", dest=8080), 6)))
    program.run(ethernet(ipv4(tcp(b"GET /" + b"z" * 500, source=1234), 6)))
    program.run(ethernet(ipv4(tcp(b"GET /nothing here", source=99), 6)))
    assert program["lines"].poll() == lines
    assert program["notes"].poll() == [
        "a line of more than 128 bytes from port 1234",
        "a line of more than 17 bytes from port 99",
    ]


def test_family_tree(port: Callable[..., Any], request: pytest.FixtureRequest) -> None:
    if "simulator" in request.node.name:
        _family_in_the_simulator()
        return
    program = port("family_tree")
    program.session.variables["wanted"].value = os.getpid()
    assert program.run(bytes(64)) in (XDP.TX, XDP.DROP)
    found = program["family"].poll()
    parents = [os.getpid()]
    while len(parents) < 16 and (parent := _parent(parents[-1])) > 1:
        parents.append(parent)
    assert [head.pid for head, _ in found] == parents
    assert [head.depth for head, _ in found] == list(range(len(parents)))
    assert [name for _, name in found] == [Path(f"/proc/{pid}/comm").read_text().rstrip("\n")[:15] for pid in parents]
    program.session.variables["wanted"].value = 1 << 22
    assert program.run(bytes(64)) == XDP.DROP and program["missing"] >= 1


def _parent(pid: int) -> int:
    """The number of the process that started `pid`."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _family_in_the_simulator() -> None:
    first: dict[str, Any] = {"comm": "init", "tgid": 1}
    shell = {"comm": "bash", "tgid": 70, "real_parent": first}
    tasks = {1: first, 70: shell, 99: {"comm": "sleep", "tgid": 99, "real_parent": shell}}
    probes = import_file(PROGRAMS / "family_tree.py")
    with Simulator() as simulate:
        simulate.watch({"family_tree": probes})
        probes.wanted.value = 99
        run = simulate(probes.walk, packet=bytes(64), helpers={"bpf_task_from_pid": tasks.get})
        assert run.result is XDP.TX
        assert [(head.depth, head.pid, name) for head, name in run.events] == [
            *((0, 99, "sleep"), (1, 70, "bash")),
        ]
        probes.wanted.value = 5
        run = simulate(probes.walk, packet=bytes(64), helpers={"bpf_task_from_pid": tasks.get})
        assert run.result is XDP.DROP and probes.missing.value == 1
