"""What cases fire their probes with: a network and a cgroup of their own. For guests only: nothing is cleared away."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from run_kernel import unshare_network
from run_network import Wire, add_veth, set_up

from pyebpf import Session

CGROUPS: Final = Path("/sys/fs/cgroup")
NOBODY: Final = 1_000_000_000
"""The number of a process that there isn't."""


def own_network() -> None:
    """A network namespace with nothing but a loopback device that is on."""
    unshare_network()
    set_up("lo")


def own_wire() -> Wire:
    """A network namespace with a veth pair."""
    own_network()
    add_veth("inside", "outside")
    set_up("inside")
    set_up("outside")
    return Wire("inside", "outside")


def own_cgroup() -> Path:
    """A new cgroup, with no process in it."""
    folder = CGROUPS / f"case-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def inside(cgroup: Path) -> Iterator[None]:
    """For as long as the block, this process is in `cgroup`."""
    (cgroup / "cgroup.procs").write_text("0")
    try:
        yield
    finally:
        (CGROUPS / "cgroup.procs").write_text("0")


def test_run(session: Session, program: str, data: bytes = bytes(64)) -> int:
    """The result of a program, run once on a packet."""
    return session.programs[program].test_run(data=data).result


def ask_priority(times: int, who: int = NOBODY) -> None:
    """Call getpriority(2), which nothing else does."""
    for _ in range(times):
        with suppress(ProcessLookupError):
            os.getpriority(os.PRIO_PROCESS, who)


def datagrams(*payloads: bytes) -> list[str]:
    """Send each from this process to itself over the loopback device: "arrived", "refused" or "lost"."""
    found = []
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, socket.socket(type=socket.SOCK_DGRAM) as sender:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)  # over the loopback device a datagram is there when it is sent
        for payload in payloads:
            try:
                sender.sendto(payload, receiver.getsockname())
                found.append("arrived" if receiver.recv(65536) == payload else "changed")
            except PermissionError:
                found.append("refused")
            except BlockingIOError:
                found.append("lost")
    return found
