"""Programs that are right and suspect, and exactly what the user is told; and that nobody else is told anything.

Each program marks its suspect lines itself with a comment `# warning`, once for each. `pytest tests/warnings
--update-golden` writes the texts anew; read what changed.
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path

import pytest

import pyebpf
from pyebpf import CompileWarning, Hash, pid, tracepoint, u32, u64
from pyebpf.cli.main import main

HERE = Path(__file__).parent / "programs"
ROOT = HERE.parents[2]
PROGRAMS = sorted(HERE.glob("*.py"))
MARK = re.compile(r"# warning\b")
REPORTED = re.compile(r"^ *--> [^:\n]+:(?P<line>\d+):\d+$", re.MULTILINE)

spare = Hash[u32, u64](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def suspicious(ctx):
    total = spare.get(pid(), 0)  # noqa: F841


def command(name: str, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([name, *arguments])
    return int(ended.value.code or 0)


def options(program: Path) -> list[str]:
    """What the program's first line wants: `# options: --kernel 6.6`."""
    first = program.read_text().partition("\n")[0]
    return first.removeprefix("# options:").split() if first.startswith("# options:") else []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_suspect_program(
    program: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(HERE)
    monkeypatch.setenv("NO_COLOR", "1")
    assert command("check", *options(program), program.name) == 0
    text = capsys.readouterr().err
    lines = program.read_text().splitlines()
    marked = [number for number, line in enumerate(lines, 1) for _ in MARK.findall(line)]
    assert [int(match["line"]) for match in REPORTED.finditer(text)] == marked, text
    golden = program.with_suffix(".err")
    if request.config.getoption("--update-golden", default=False):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("sample", sorted((ROOT / "samples").glob("*.py")), ids=lambda path: path.stem)
def test_samples_are_above_suspicion(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", str(sample)) == 0
    assert capsys.readouterr().err == ""


def test_json_has_them_with_their_severity(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("check", "--json", str(HERE / "after_return.py")) == 0
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (found["severity"], found["code"], found["source"]) == (2, "W0103", "pyebpf")
    assert found["range"]["start"] == {"line": 9, "character": 4}
    (other,) = found["relatedInformation"]
    assert other["location"]["range"]["start"] == {"line": 8, "character": 4}
    assert other["location"]["uri"] == (HERE / "after_return.py").as_uri()


def test_compiling_shows_them_and_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "probe.o"
    assert command("compile", str(HERE / "hidden_function.py"), "-o", str(out)) == 0
    assert "warning[W0105]" in capsys.readouterr().err
    assert out.read_bytes()[:4] == b"\x7fELF"


def test_python_warns_at_the_line_of_the_probe() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        pyebpf.compile(suspicious)
    (warning,) = [each for each in found if issubclass(each.category, CompileWarning)]
    assert warning.filename == __file__
    assert "total = spare.get" in Path(__file__).read_text().splitlines()[warning.lineno - 1]
    assert str(warning.message) == "`total` is assigned but never used [W0101]"
    assert isinstance(warning.message, CompileWarning) and warning.message.diagnostic.code == "W0101"


def test_warnings_can_be_errors() -> None:
    with warnings.catch_warnings(), pytest.raises(CompileWarning):
        warnings.simplefilter("error", CompileWarning)
        pyebpf.compile(suspicious)


def test_every_warning_has_a_program() -> None:
    from pyebpf.diagnostics.catalog import CATALOG

    shown = set(
        re.findall(r"^warning\[(W\d+)\]", "".join(path.read_text() for path in HERE.glob("*.err")), re.MULTILINE)
    )
    assert shown == {each.code for each in CATALOG if each.code.startswith("W")}
