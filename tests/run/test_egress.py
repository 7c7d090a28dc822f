"""egress counts what a cgroup of the test sends, to the byte, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from run_cli import SAMPLES, Run

import pyebpf

pytestmark = pytest.mark.usefixtures("nothing_left")
SIZES = (0, 1, 100, 1400)
BYTES = sum(20 + 8 + size for size in SIZES)  # an IPv4 and a UDP header each
SENDER = f"""
import pathlib, socket, sys
pathlib.Path(sys.argv[1], "cgroup.procs").write_text("0")
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for size in {SIZES}:
    sender.sendto(bytes(size), receiver.getsockname())
    assert len(receiver.recv(4096)) == size
"""


def send_from(cgroup: Path) -> None:
    """One datagram of each size over the loopback device, from a process in `cgroup`."""
    subprocess.run([sys.executable, "-c", SENDER, str(cgroup)], check=True)


def test_bytes_are_exact(sample: Callable[[str], ModuleType], cgroup: Path) -> None:
    module = sample("egress")
    with pyebpf.load(module, where={"egress": cgroup}) as session:
        send_from(cgroup)
        sent = {key: sum(value) for key, value in module.sent.items()}
        assert sent == {cgroup.stat().st_ino: BYTES}
        assert not session.faults


def test_attached_later_and_by_name(sample: Callable[[str], ModuleType], cgroup: Path) -> None:
    module = sample("egress")
    with pyebpf.load(module, attach=False) as session:
        send_from(cgroup)
        assert not len(module.sent)
        session.attach("egress", cgroup)
        send_from(cgroup)
        assert list(module.sent) == [cgroup.stat().st_ino]


def test_command_line_attaches_where_it_is_told(cgroup: Path, tmp_path: Path) -> None:
    with Run(tmp_path, SAMPLES / "egress.py", "--for", "2", "--attach", f"egress={cgroup}") as run:
        run.wait_for_links(1)
        send_from(cgroup)
        assert run.process.wait(timeout=30) == 0
        [summary] = [line for line in run.lines() if "maps" in line]
    [entry] = summary["maps"]["sent"]
    assert entry["key"] == cgroup.stat().st_ino
