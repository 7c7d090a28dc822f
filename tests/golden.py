"""Golden cases: source in, what a stage prints out, in `*.test` files.

    [case name]
    source

    [stage]
    what the stage prints

A file has any number of cases, a case any number of stages. `pytest --update-golden` writes what the stages print now;
read what changed before it is committed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

HEADER = re.compile(r"^\[(?P<case>case )?(?P<name>[\w -]+)\]$")


@dataclass(frozen=True)
class Stage:
    """One expected text, and the lines of the file that hold it: from `start`, counted from 0, up to `end`."""

    name: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Case:
    path: Path
    name: str
    source: str
    stages: tuple[Stage, ...]

    def __str__(self) -> str:
        return f"{self.path.stem}-{self.name}"

    def check(self, stage: Stage, printed: str, config: pytest.Config) -> None:
        """Compare what a stage prints with the file, or, with --update-golden, write it there."""
        printed = printed.strip("\n") + "\n"
        if printed != stage.text and config.getoption("--update-golden", default=False):
            _rewrite(self.path, self.name, stage.name, printed)
        else:
            assert printed == stage.text, f"{self.path.name}, [case {self.name}], [{stage.name}]"


def add_options(parser: pytest.Parser) -> None:
    """For the `pytest_addoption` of tests/conftest.py."""
    parser.addoption("--update-golden", action="store_true", help="write what is printed now into the golden files")


def cases(*paths: Path) -> list[Case]:
    """All cases of the files. Names are unique within a file."""
    found = [case for path in paths for case in _read(path)]
    names = [str(case) for case in found]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    return found


def _read(path: Path) -> list[Case]:
    lines = path.read_text().split("\n")
    heads = [(number, match) for number, line in enumerate(lines) if (match := HEADER.match(line))]
    ends = [number for number, _ in heads[1:]] + [len(lines)]
    found: list[Case] = []
    for (number, match), end in zip(heads, ends, strict=True):
        text = "\n".join(lines[number + 1 : end]).strip("\n") + "\n"
        if match["case"]:
            found.append(Case(path, match["name"], text, ()))
        else:
            case = found.pop()
            stage = Stage(match["name"], text, number + 1, end)
            found.append(Case(path, case.name, case.source, (*case.stages, stage)))
    return found


def _rewrite(path: Path, name: str, stage_name: str, printed: str) -> None:
    # The file is read again: other cases may have been written since.
    case = next(case for case in _read(path) if case.name == name)
    stage = next(stage for stage in case.stages if stage.name == stage_name)
    lines = path.read_text().split("\n")
    lines[stage.start : stage.end] = printed.split("\n")
    path.write_text("\n".join(lines))
