"""From a function to its own lines: files, cells, prompts, and what has no source."""

from __future__ import annotations

import importlib.util
import linecache
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pyebpf.capture import capture
from pyebpf.diagnostics.base import CompileError
from pyebpf.syntax.parse import parse

PROBES = '''\
"""Several functions."""

def hook(*words, **more):
    return lambda function: function


@hook("first")
def first(ctx):
    return 1
def second(ctx): return 2


@hook(
    "third",
    key=lambda x: x,
)
@hook()
# about the third
def third(
    ctx,
):
    """Third."""

    if ctx:
        return 3

    # still the third
    return 33
# not any more


class Inside:
    @hook("method")
    def method(self):
        text = """
unindented
"""
        return 4


def outer():
    @hook("nested")
    def nested(ctx):
        return 5
    return nested


nameless = lambda ctx: 6
'''


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def probes(tmp_path: Path) -> ModuleType:
    path = tmp_path / "several_probes.py"
    path.write_text(PROBES)
    return load(path)


def line_of(text: str) -> int:
    return PROBES[: PROBES.index(text)].count("\n") + 1


@pytest.mark.parametrize("name", ["first", "second", "third", "method", "nested"])
def test_function_is_found(probes: ModuleType, name: str) -> None:
    functions = {"method": probes.Inside.method, "nested": probes.outer()}
    found = capture(functions.get(name) or getattr(probes, name))

    assert found.name == name
    assert found.line == line_of(f"def {name}(")
    assert found.source.path == probes.__file__
    assert found.source.text == PROBES
    assert PROBES.split("\n")[found.line - 1] == found.text.split("\n")[0]
    assert "@" not in found.text
    function = parse(found)
    assert function.name == name
    assert function.name_span.text == name
    assert function.span.text.startswith("def ") and function.span.text.endswith(":")


def test_function_ends_where_it_ends(probes: ModuleType) -> None:
    assert capture(probes.first).text == "def first(ctx):\n    return 1\n"
    assert capture(probes.third).text.rstrip().endswith("return 33")


def test_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "windows.py"
    path.write_bytes(b"def probe(ctx):\r\n    if ctx:\r\n        return 1\r\n    return 2")

    function = parse(capture(load(path).probe))

    assert [statement.span.text for statement in function.body] == ["if ctx:", "return 2"]


def test_other_encoding(tmp_path: Path) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes("# -*- coding: latin-1 -*-\ndef probe(ctx):\n    ä = ctx\n".encode("latin-1"))

    assert "ä = ctx" in capture(load(path).probe).text


def test_notebook_cell() -> None:
    """IPython keeps each cell in `linecache`, under a name that is no file."""
    path, text = "<ipython-input-7-0123456789ab>", "a = 1\ndef probe(ctx):\n    return a\n"
    linecache.cache[path] = (len(text), None, text.splitlines(True), path)
    scope: dict[str, Any] = {}
    exec(compile(text, path, "exec"), scope)

    found = capture(scope["probe"])

    assert (found.source.path, found.line, found.text) == (path, 2, "def probe(ctx):\n    return a\n")


@pytest.mark.parametrize("path", ["<string>", "/nowhere/at/all.py"])
def test_without_source(path: str) -> None:
    scope: dict[str, Any] = {}
    exec(compile("def probe(ctx): pass", path, "exec"), scope)

    with pytest.raises(CompileError) as error:
        capture(scope["probe"])

    (found,) = error.value.diagnostics
    assert found.code == "E0103"
    assert "put the probe into a file" in found.text(found.help)


def test_lambda(probes: ModuleType) -> None:
    with pytest.raises(CompileError) as error:
        capture(probes.nameless)

    (found,) = error.value.diagnostics
    assert (found.code, found.span.text) == ("E0106", "nameless = lambda ctx: 6")


@pytest.mark.parametrize("text", ["", "a = 1\n" * 60, '"""open\n' * 60, "def other(ctx):\n    pass\n" * 30, "(\n" * 60])
def test_file_changed_since(probes: ModuleType, text: str) -> None:
    assert probes.__file__ is not None
    Path(probes.__file__).write_text(text)

    with pytest.raises(CompileError) as error:
        capture(probes.third)

    assert error.value.diagnostics[0].code in ("E0103", "E0104")


def test_reloaded_file(probes: ModuleType) -> None:
    capture(probes.first)
    path = Path(probes.__file__ or "")
    path.write_text("def first(ctx):\n    return 'again, and longer'\n")

    assert "again" in capture(load(path).first).text


PROMPT = """\
from pyebpf.capture import capture
def probe(ctx):
    return 7

try: print("text:", capture(probe).text)
except Exception as error: print("code:", error.diagnostics[0].code)

"""


def test_interactive_prompt() -> None:
    """Python's own prompt keeps what was typed since 3.13."""
    run = subprocess.run(
        [sys.executable, "-i", "-q"], input=PROMPT, capture_output=True, text=True, timeout=60, check=True
    )

    if sys.version_info >= (3, 13):
        assert "text: def probe(ctx):\n    return 7" in run.stdout, run.stderr
    else:
        assert "code: E0103" in run.stdout, run.stderr
