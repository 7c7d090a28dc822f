"""Where bpftool, which is libbpf, pins what it loads: out of everybody's way."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

BPFTOOL = shutil.which("bpftool") or shutil.which("bpftool", path="/usr/sbin:/sbin")


class Pins:
    """A BPF file system in a mount namespace of its own: it goes with the process that holds it."""

    def __init__(self, folder: Path) -> None:
        script = f"mount -t bpf none '{folder}' && echo ready && exec cat"
        self.folder = folder
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == "ready\n"

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """A command that sees the file system."""
        enter = ["nsenter", "--target", str(self.holder.pid), "--mount", "--"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, check=False)


@pytest.fixture
def pins(tmp_path: Path) -> Iterator[Pins]:
    folder = tmp_path / "pins"
    folder.mkdir()
    pins = Pins(folder)
    with pins.holder:
        yield pins
