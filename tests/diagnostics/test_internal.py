"""What goes wrong inside pyebpf is said as its own fault, with the line of the probe."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from places import import_file

import pyebpf
from pyebpf import compiler
from pyebpf.irbuild import statements
from pyebpf.syntax import tree

PROBE = """from pyebpf import raw_tracepoint

@raw_tracepoint("sys_enter")
def probe(ctx):
    first = 1
    second = first + 1
"""


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler with a fault: it fails at the second statement."""
    whole = statements.lower

    def lower(b: statements.Builder, statement: tree.Statement) -> None:
        assert statement.span.line != 6, "no such statement"
        whole(b, statement)

    monkeypatch.setattr(statements, "lower", lower)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "probe.py"
    path.write_text(PROBE)
    return path


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    "stage",
    [
        pyebpf.compile,
        compiler.check_target,
        compiler.lower_target,
        lambda path: compiler.emit(path, "ir"),
        lambda path: pyebpf.load(path, attach=False),
    ],
    ids=["compile", "check", "lower", "emit", "load"],
)
def test_the_line_is_said(source: Path, stage: Callable[[Path], object]) -> None:
    words = r"^AssertionError: no such statement.* in pyebpf/irbuild/statements\.py:\d+, at .*probe\.py:6$"
    with pytest.raises(pyebpf.InternalError, match=rf"(?s){words}") as caught:
        stage(source)
    assert isinstance(caught.value.__cause__, AssertionError)


def test_what_the_module_raises_is_its_own(source: Path) -> None:
    source.write_text("assert 1 == 2, 'mine'\n")
    with pytest.raises(AssertionError, match="mine"):
        pyebpf.compile(import_file(source))


def test_warnings_that_are_errors(source: Path) -> None:
    source.write_text(
        PROBE.replace("raw_tracepoint\n", "Hash, raw_tracepoint, u32\n\nunused = Hash[u32, u32](max_entries=1)\n", 1)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(pyebpf.CompileWarning, match="unused"):
            pyebpf.compile(source)
