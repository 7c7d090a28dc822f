"""Each compiled sample loads with bpftool (libbpf), unchanged, with its BTF; and compiles to the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pins import BPFTOOL, Pins
from run_cli import ROOT, SAMPLES

NAMES = ("syscount", "execsnoop", "syslat", "xdp_firewall", "egress", "tcp_states")
PROGRAMS = {
    "syscount": {"on_syscall"},
    "execsnoop": {"on_execve"},
    "syslat": {"enter", "leave"},
    "xdp_firewall": {"firewall"},
    "egress": {"egress"},
    "tcp_states": {"on_change"},
}


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
