"""What users install: a wheel, an sdist, an editable checkout; each compiles a sample away from the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
GRAMMAR = (ROOT / "grammar" / "pyebpf.lark").read_text()


def run(*command: str | Path, cwd: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONPATH", "PYTEST"))}
    environment.update(extra)
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist of this checkout."""
    folder = tmp_path_factory.mktemp("packages")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


def environment_with(folder: Path, *what: str | Path) -> Path:
    """A new virtual environment in which `what` is installed. Dependencies are those of the tests' own environment."""
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    [site] = folder.glob("lib/python*/site-packages")
    own = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(own + "\n")
    run(folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", *what, cwd=folder)
    return folder / "bin" / "pyebpf"


def compiles_a_sample(command: Path, tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text((ROOT / "samples" / "syscount.py").read_text())
    run(command, "compile", probe, "-o", tmp_path / "probe.o", cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert (tmp_path / "probe.o").read_bytes()[:4] == b"\x7fELF"
    assert re.match(r"pyebpf, version \d", run(command, "--version", cwd=tmp_path).stdout)


def test_both_contain_the_grammar(packages: Path) -> None:
    [wheel], [sdist] = packages.glob("*.whl"), packages.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("pyebpf/syntax/pyebpf.lark").decode() == GRAMMAR
        assert "pyebpf/syntax/tables.json" in archive.namelist()
        assert "pyebpf/py.typed" in archive.namelist()
    with tarfile.open(sdist) as archive:
        [member] = [name for name in archive.getnames() if name.endswith("grammar/pyebpf.lark")]
        found = archive.extractfile(member)
        assert found is not None and found.read().decode() == GRAMMAR


def test_the_wheel_works(packages: Path, tmp_path: Path) -> None:
    [wheel] = packages.glob("*.whl")
    command = environment_with(tmp_path / "environment", wheel)
    compiles_a_sample(command, tmp_path)
    # Its tables were used as they are: nothing had to be built and kept.
    assert not list((tmp_path / "cache").rglob("grammar-*"))


def test_pytest_finds_the_plug_in_of_the_wheel(packages: Path, tmp_path: Path) -> None:
    [wheel] = packages.glob("*.whl")
    command = environment_with(tmp_path / "environment", wheel)
    (tmp_path / "test_it.py").write_text("""
from pyebpf import XDP, xdp

@xdp
def probe(packet):
    return XDP.DROP

def test_probe(simulate):
    assert simulate(probe, packet=bytes(64)).result is XDP.DROP
""")
    done = run(command.parent / "python", "-m", "pytest", "-q", "test_it.py", cwd=tmp_path)
    assert "1 passed" in done.stdout


def test_the_sdist_works(packages: Path, tmp_path: Path) -> None:
    [sdist] = packages.glob("*.tar.gz")
    compiles_a_sample(environment_with(tmp_path / "environment", sdist), tmp_path)


def test_an_editable_installation_works(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    tracked = run("git", "ls-files", "-z", cwd=ROOT).stdout.split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file() and name.split("/")[0] not in ("tests", "benchmarks"):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    compiles_a_sample(environment_with(tmp_path / "environment", "-e", copy), tmp_path)
