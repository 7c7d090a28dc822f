"""The README's promises that can be checked: its two commands, and its programs."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from pyebpf import compiler
from pyebpf.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_two_commands_stand_on_one_line_each() -> None:
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv ")]
    first, second = lines
    assert "pip install -q ." in first and "pyebpf run samples/execsnoop.py --for" in first
    assert "pip install -q -e '.[dev]'" in second and ".venv/bin/pytest -q" in second


def test_ci_runs_the_second_command_as_written() -> None:
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_the_program_in_the_readme_compiles(tmp_path: Path) -> None:
    program = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "@tracepoint" in block)
    path = tmp_path / "readme.py"
    path.write_text(program)
    assert [found.name for found in compiler.compile_target(path).programs] == ["on_execve"]


def test_every_command_is_there() -> None:
    from pyebpf.cli.main import cli

    for name in COMMANDS:
        assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0
        assert f"pyebpf {name}" in README
