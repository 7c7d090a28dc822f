"""`pyebpf btf`: small files of the kernel's types, and running with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import pyebpf

from pyebpf.kernel.btf import Btf, Kind

PROBE = """from pyebpf import Hash, current_task, tracepoint, u32

parents = Hash[u32, u32](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    parents[1] = u32(current_task().real_parent.tgid)
"""


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    path = tmp_path / "probe.py"
    path.write_text(PROBE)
    return path


def test_save(probe: Path, tmp_path: Path) -> None:
    """For a source and for the object of it; a few kilobytes, with the two members that are read."""
    small, again = tmp_path / "small.btf", tmp_path / "again.btf"
    done = pyebpf("btf", "save", probe, "-o", small)
    assert (done.returncode, done.stdout) == (0, "") and f"{small}: " in done.stderr, done.stderr
    btf = Btf.from_file(small)
    assert small.stat().st_size < 1000 and btf.count < 16
    task = btf.find("task_struct", Kind.STRUCT)
    assert task is not None and btf.member(task, "real_parent") and btf.member(task, "tgid")
    assert not btf.member(task, "pid") and btf.size_of(task) == Btf.running().size_of(
        Btf.running().find("task_struct", Kind.STRUCT) or 0
    )
    assert pyebpf("compile", probe, "-o", tmp_path / "probe.o").returncode == 0
    assert pyebpf("btf", "save", tmp_path / "probe.o", probe, "-o", again).returncode == 0
    assert again.read_bytes() == small.read_bytes()
    assert pyebpf("btf", "save", tmp_path / "probe.o", "--btf", small, "-o", again).returncode == 0
    assert again.read_bytes() == small.read_bytes(), "nothing is left to be taken away"


@pytest.mark.kernel
def test_run_with_it(probe: Path, tmp_path: Path) -> None:
    small = tmp_path / "small.btf"
    assert pyebpf("compile", probe, "-o", tmp_path / "probe.o").returncode == 0
    assert pyebpf("btf", "save", probe, "-o", small).returncode == 0
    for file in (tmp_path / "probe.o", probe):
        done = pyebpf("run", file, "--btf", small, "--for", "0.3")
        assert done.returncode == 0, done.stderr
        assert "parents" in done.stdout


def test_what_cannot_be_saved(probe: Path, tmp_path: Path) -> None:
    """Exit codes: 1 for broken BTF and objects, 2 for usage."""
    broken = tmp_path / "broken.btf"
    broken.write_bytes(b"\x9f\xeb\x01\0" + bytes(40))
    done = pyebpf("btf", "save", probe, "--btf", broken, "-o", tmp_path / "out.btf")
    assert done.returncode == 1 and "broken.btf: BTF header" in done.stderr, done.stderr
    assert not (tmp_path / "out.btf").exists()
    done = pyebpf("btf", "save", probe, "-o", probe)
    assert done.returncode == 2 and "one of the files to be read" in done.stderr and probe.read_text() == PROBE
    assert pyebpf("btf", "save", "-o", tmp_path / "out.btf").returncode == 2
    assert pyebpf("btf", "save", probe).returncode == 2
    assert "save" in pyebpf("btf", "--help").stdout
