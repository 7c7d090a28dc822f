"""Where `pyebpf compile` writes, and that nothing is lost there."""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import SAMPLES, pyebpf
from run_kernel import in_child

from pyebpf.cli.output import write_file

OLD = b"an object of before"


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    path = tmp_path / "probe.py"
    path.write_text((SAMPLES / "syscount.py").read_text())
    return path


@pytest.mark.parametrize("way", ["same", "link", "hard link"])
def test_the_source_is_never_written_over(probe: Path, way: str) -> None:
    before, out = probe.read_bytes(), probe
    if way != "same":
        out = probe.with_name("out.o")
        out.symlink_to(probe) if way == "link" else out.hardlink_to(probe)
    done = pyebpf("compile", probe, "-o", out)
    assert done.returncode == 2 and f"{out} is the source" in done.stderr
    assert probe.read_bytes() == before


def test_a_source_whose_object_would_have_its_name(tmp_path: Path) -> None:
    path = tmp_path / "probe.o"
    path.write_text((SAMPLES / "syscount.py").read_text())
    assert pyebpf("compile", path).returncode == 2
    assert path.read_text() == (SAMPLES / "syscount.py").read_text()


def test_what_was_there_stays_when_writing_fails(tmp_path: Path) -> None:
    """In a child: Python itself would write cut-off bytecode under such a limit."""
    out = tmp_path / "out.o"
    out.write_bytes(OLD)

    def child() -> list[str]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
        try:
            write_file(out, bytes(2000))
        except OSError as error:
            return [str(error.filename), str(error.strerror)]
        return []

    assert in_child(child) == [str(out), "File too large"]
    assert out.read_bytes() == OLD and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(("umask", "old", "mode"), [(0o022, None, 0o644), (0o077, None, 0o600), (0o022, 0o640, 0o640)])
def test_the_mode_is_that_of_any_file(probe: Path, tmp_path: Path, umask: int, old: int | None, mode: int) -> None:
    out = tmp_path / "out.o"
    if old is not None:
        out.write_bytes(OLD)
        out.chmod(old)
    assert pyebpf("compile", probe, "-o", out, preexec_fn=lambda: os.umask(umask) and None).returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == mode
    assert out.read_bytes().startswith(b"\x7fELF")


def test_links_and_devices_are_written_through(probe: Path, tmp_path: Path) -> None:
    link, out = tmp_path / "link.o", tmp_path / "out.o"
    link.symlink_to("out.o")
    assert pyebpf("compile", probe, "-o", link).returncode == 0
    assert link.is_symlink() and out.read_bytes().startswith(b"\x7fELF")
    done = pyebpf("compile", probe, "--emit", "asm", "-o", "/dev/stdout")
    assert done.returncode == 0 and "on_syscall" in done.stdout
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode) and pyebpf("compile", probe, "-o", "/dev/null").returncode == 0
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_place_that_is_not_there_is_named(probe: Path, tmp_path: Path) -> None:
    out = tmp_path / "nowhere" / "out.o"
    done = pyebpf("compile", probe, "-o", out)
    assert done.returncode == 2 and done.stderr == f"pyebpf: {out}: No such file or directory\n"
    done = pyebpf("compile", probe, "-o", "/dev/full")
    assert done.returncode == 2 and done.stderr == "pyebpf: /dev/full: No space left on device\n"


def test_an_object_on_standard_output(probe: Path, tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        assert pyebpf("compile", probe, "-o", "-", stdout=out).returncode == 0
    assert pyebpf("compile", probe).returncode == 0
    assert (tmp_path / "out").read_bytes() == probe.with_suffix(".o").read_bytes()


def test_help_says_where_the_object_goes() -> None:
    shown = " ".join(pyebpf("compile", "--help").stdout.split())
    assert "beside FILE" in shown and "- is standard output" in shown


def closed(*numbers: int) -> Callable[[], None]:
    return lambda: [os.close(number) for number in numbers] and None


@pytest.mark.parametrize("numbers", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_streams_that_are_closed(probe: Path, tmp_path: Path, numbers: tuple[int, ...]) -> None:
    """They lead nowhere: neither a fault, nor text in a file that has their number."""
    out = tmp_path / "out.o"
    assert pyebpf("compile", probe, "-o", out, preexec_fn=closed(*numbers)).returncode == 0
    whole = out.read_bytes()
    assert pyebpf("compile", probe, "-o", out).returncode == 0 and out.read_bytes() == whole
    done = pyebpf("check", probe, preexec_fn=closed(*numbers))
    assert (done.returncode, "on_syscall" in done.stdout, done.stderr) == (0, 1 not in numbers, "")
    wrong = tmp_path / "wrong.py"
    wrong.write_text("print('hi')\nraise ValueError('no')\n")
    for form in ([], ["--json"]):
        done = pyebpf("check", wrong, *form, preexec_fn=closed(*numbers))
        assert done.returncode == 1 and "Traceback" not in done.stderr
    assert pyebpf("inspect", out, preexec_fn=closed(*numbers)).returncode == 0
    assert pyebpf("--help", preexec_fn=closed(*numbers)).returncode == 0
