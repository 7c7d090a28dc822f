"""Wrong programs, and exactly what the user is told.

Each program marks its wrong lines itself with a comment `# error`; the file beside it holds what
`pyebpf check` prints. `pytest tests/errors --update-golden` writes those files anew; read what changed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import pyebpf
from pyebpf.cli.main import main

HERE = Path(__file__).parent
PROGRAMS = sorted(HERE.glob("*/*.py"))
MARK = "# error"
REPORTED = re.compile(r"^ *--> (?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+)$", re.MULTILINE)


def check(program: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What `pyebpf check FILE`, run in the file's own folder, says on standard error."""
    monkeypatch.chdir(program.parent)
    monkeypatch.setenv("NO_COLOR", "1")
    with warnings.catch_warnings(), pytest.raises(SystemExit) as ended:
        warnings.simplefilter("ignore", SyntaxWarning)  # Python's own, about the same mistakes
        main(["check", *options(program), program.name])
    shown = capsys.readouterr()
    assert ended.value.code == 1, shown.err
    assert shown.out == ""
    return shown.err


def options(program: Path) -> list[str]:
    """What the program's first line wants: `# options: --kernel 5.7`."""
    first = program.read_text().partition("\n")[0]
    return first.removeprefix("# options:").split() if first.startswith("# options:") else []


def marked_lines(program: Path) -> list[int]:
    """The lines that the program says are wrong, each as often as it says so."""
    lines = program.read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) for _ in range(line.count(MARK))]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_wrong_program(
    program: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    text = check(program, monkeypatch, capsys)

    assert "Traceback" not in text
    if sys.version_info < (3, 11) and re.search(r"^error\[E07", text, re.MULTILINE):
        # What goes wrong while a module runs is placed by Python itself, which has known columns since 3.11.
        golden_titles = re.findall(r"^error.*", program.with_suffix(".err").read_text(), re.MULTILINE)
        assert re.findall(r"^error.*", text, re.MULTILINE) == golden_titles
        return
    assert [int(match["line"]) for match in REPORTED.finditer(text)] == marked_lines(program), text
    assert {match["file"] for match in REPORTED.finditer(text)} == {program.name}

    golden = program.with_suffix(".err")
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_program_has_its_text_and_no_text_is_left_over() -> None:
    assert {path.with_suffix(".err") for path in PROGRAMS} == set(HERE.glob("*/*.err"))


def test_command_itself() -> None:
    """The same from a shell: exit code 1, the diagnostic on standard error, nothing else."""
    program = HERE / "names" / "unknown_name.py"
    command = [sys.executable, "-m", "pyebpf", "check", program.name]
    paths = {**os.environ, "PYTHONPATH": str(Path(pyebpf.__file__).parent.parent)}
    done = subprocess.run(command, cwd=program.parent, env=paths, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == program.with_suffix(".err").read_text()
    assert done.stdout == ""
