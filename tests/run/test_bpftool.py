"""Each compiled sample loads with bpftool (libbpf), unchanged, with its BTF; and compiles to the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from run_cli import ROOT, SAMPLES

BPFTOOL = shutil.which("bpftool") or shutil.which("bpftool", path="/usr/sbin:/sbin")
NAMES = ("syscount", "execsnoop", "syslat", "xdp_firewall", "egress")
PROGRAMS = {
    "syscount": {"on_syscall"},
    "execsnoop": {"on_execve"},
    "syslat": {"enter", "leave"},
    "xdp_firewall": {"firewall"},
    "egress": {"egress"},
}


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


@pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed")
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", NAMES)
def test_bpftool_loads_it(name: str, compiled: Callable[[str], Path], pins: Pins) -> None:
    assert BPFTOOL is not None
    done = pins.run(BPFTOOL, "prog", "loadall", compiled(name), pins.folder / name)
    assert done.returncode == 0, done.stderr
    assert "BTF" not in done.stderr, done.stderr  # libbpf warns when the kernel refuses the BTF, and goes on
    assert set(pins.run("ls", pins.folder / name).stdout.split()) == PROGRAMS[name]
    for program in PROGRAMS[name]:
        pin = pins.folder / name / program
        shown = pins.run(BPFTOOL, "-j", "prog", "show", "pinned", pin)
        assert json.loads(shown.stdout)["btf_id"] > 0
        text = pins.run(BPFTOOL, "prog", "dump", "xlated", "pinned", pin, "linum").stdout
        assert f"{name}.py" in text  # the kernel knows the lines of Python


@pytest.mark.parametrize("name", NAMES)
def test_same_source_same_bytes(name: str, tmp_path: Path) -> None:
    objects = []
    for seed in ("0", "1", "4242"):
        out = tmp_path / f"{seed}.o"
        cache = tmp_path / f"cache{seed}"
        cache.mkdir(mode=0o700)
        subprocess.run(
            [sys.executable, "-m", "pyebpf", "compile", SAMPLES / f"{name}.py", "-o", out],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "XDG_CACHE_HOME": str(cache)},
            check=True,
        )
        objects.append(out.read_bytes())
    assert objects[0] == objects[1] == objects[2]
