"""cgroup_connect counts where a process connects to, moves some connections, and refuses others."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from types import ModuleType

import pytest
from run_kernel import in_child
from run_network import Wire, set_up

import pyebpf

pytestmark = pytest.mark.usefixtures("nothing_left")
NOWHERE, HERE = IPv4Address("10.1.2.3"), IPv4Address("127.0.0.1")


def test_connections(sample: Callable[[str], ModuleType], wire: Wire, cgroup: Path) -> None:
    set_up("lo")
    module = sample("cgroup_connect")

    def connect() -> list[str]:
        (cgroup / "cgroup.procs").write_text("0")
        found = []
        for port in (4321, 23):
            try:
                socket.create_connection((str(NOWHERE), port), timeout=5).close()
                found.append("done")
            except OSError as error:
                found.append(type(error).__name__)
        return found

    with pyebpf.load(module, where={"connections": cgroup}) as session, socket.socket() as server:
        server.bind((str(HERE), 4321))
        server.listen()
        module.moved[NOWHERE] = HERE
        module.closed[23] = 0
        assert in_child(connect) == ["done", "PermissionError"]
        assert {(peer.address, peer.port): n for peer, n in module.connected.items()} == {
            (NOWHERE, 4321): 1,
            (NOWHERE, 23): 1,
        }
        assert module.closed[23] == 1 and not session.faults
