"""Each compiled sample loads with bpftool (libbpf), unchanged, with its BTF; and compiles to the same bytes."""

from __future__ import annotations

import json
import os
import secrets
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


@pytest.fixture
def pins() -> Iterator[Path]:
    """A folder in the BPF file system, removed with whatever is pinned in it."""
    root = Path("/sys/fs/bpf")
    if not os.path.ismount(root):
        pytest.skip("/sys/fs/bpf is not mounted")
    folder = root / f"pyebpf-test-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(BPFTOOL is None, reason="bpftool is not installed")
@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("name", NAMES)
def test_bpftool_loads_it(name: str, compiled: Callable[[str], Path], pins: Path) -> None:
    assert BPFTOOL is not None
    out = compiled(name)
    done = subprocess.run([BPFTOOL, "prog", "loadall", out, pins], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "BTF" not in done.stderr, done.stderr  # libbpf warns when the kernel refuses the BTF, and goes on
    assert {path.name for path in pins.iterdir()} == PROGRAMS[name]
    for pin in pins.iterdir():
        shown = subprocess.run([BPFTOOL, "-j", "prog", "show", "pinned", pin], capture_output=True, check=True)
        assert json.loads(shown.stdout)["btf_id"] > 0
        dump = [BPFTOOL, "prog", "dump", "xlated", "pinned", str(pin), "linum"]
        text = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
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
