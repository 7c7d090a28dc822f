"""The rules of the house: imports point down, files and functions stay readable, nothing refers to one machine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pyebpf"
MODULES = sorted(PACKAGE.rglob("*.py"))

BASE = {"plan", "nearest", "records", "source", "layout", "addresses", "encode", "decode", "metadata"}
MESSAGES = BASE | {"diagnostics", "metadata_json"}
FACTS = MESSAGES | {"kernel", "cpython"}
ALLOWED: dict[str, set[str]] = {
    # what everything stands on
    "records": set(),
    "nearest": set(),
    "plan": {"records"},
    "source": {"records"},
    "layout": {"records"},
    "addresses": set(),
    "encode": {"layout", "addresses", ""},
    "decode": {"layout", "addresses", "encode"},
    "clocks": {"records"},
    "cpython": {"records"},
    "metadata": {"records", "layout"},
    "diagnostics": {"records", "source"},
    "metadata_json": BASE | {"diagnostics"},
    "cache": {"diagnostics"},
    "kernel": MESSAGES | {"cache"},
    # the compiler, stage by stage
    "capture": MESSAGES,
    "syntax": MESSAGES | {"cache", "capture"},
    "lang": FACTS,
    "library": FACTS | {"lang"},
    "ir": FACTS,
    "irbuild": FACTS | {"ir", "lang", "library", "syntax"},
    "checks": FACTS | {"ir"},
    "transform": FACTS | {"ir", "checks"},
    "codegen": FACTS | {"ir"},
    # objects, the loader and the user's side: never the compiler
    "object": FACTS,
    "effort": FACTS | {"object"},
    "loader": FACTS | {"object", "cache"},
    "pictures": FACTS,
    "views": FACTS | {"pictures"},
    "symbols": FACTS | {"object", "loader", "cache", "pictures"},
    "runtime": FACTS | {"clocks", "object", "loader", "views", "cache", "pictures", "symbols"},
    "simulator": FACTS | {"ir", "views"},
    # where things are joined
    "kconfig": {"lang"},
    "kfuncs": {"lang"},
    "ksyms": {"lang"},
    "helpers": FACTS | {"lang"},
    "features": {"loader"},
    "modules": MESSAGES | {"lang", ""},
    "building": FACTS | {"checks", "codegen", "effort", "ir", "object", "transform"},
    "compiler": FACTS
    | {"", "building", "capture", "checks", "codegen", "effort", "ir", "irbuild", "lang", "modules", "object", "syntax"}
    | {"transform"},
    "embed": FACTS | {"compiler", "lang", "object", "runtime"},
    "cli": FACTS | {"", "compiler", "effort", "object", "loader", "pictures", "runtime", "views"},
    "testing": FACTS | {"", "compiler", "embed", "lang", "object", "runtime", "simulator", "views"},
    "": FACTS | {"clocks", "embed", "lang", "loader", "object", "runtime", "views"},
    "__main__": {"cli"},
}
"""Which part may import which ("" is the public module), wherever in a file the import stands."""


def part(module: str) -> str:
    """The folder or file directly under the package that a module belongs to."""
    pieces = module.split(".")
    return pieces[1] if len(pieces) > 1 else ""


def name_of(path: Path) -> str:
    pieces = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(pieces[:-1] if pieces[-1] == "__init__" else pieces)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "pyebpf":
            for alias in node.names:
                inside = node.module == "pyebpf" and (
                    (PACKAGE / alias.name).is_dir() or (PACKAGE / f"{alias.name}.py").is_file()
                )
                yield node.lineno, f"pyebpf.{alias.name}" if inside else str(node.module)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "pyebpf":
                    yield node.lineno, alias.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = part(name_of(path))
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {target}"
        for line, target in imports(path)
        if part(target) != own and part(target) not in ALLOWED[own]
    ]
    assert not wrong


def test_nothing_relative_is_imported() -> None:
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def is_table(path: Path) -> bool:
    """Whether a file is rows of facts or of classes, which may be long: they are looked up, not read."""
    return path.parent.name in ("kernel", "diagnostics") or path.name in ("tree.py",)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_can_be_read_in_one_sitting(path: Path) -> None:
    if is_table(path):
        return
    text = path.read_text()
    assert len(text.splitlines()) <= 450
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{path}:{node.lineno} {node.name} has {length} lines"


def test_nothing_refers_to_one_machine() -> None:
    """No home folders, no working copies: what is in the repository means the same everywhere."""
    folders = re.compile(r"/(?:home|Users|root|work|mnt)/\w")
    texts = [path for kind in ("py", "md", "toml", "yml", "lark", "test", "err") for path in files(f"*.{kind}")]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*texts, ROOT / ".ci" / "run"]
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if folders.search(line)
    ]
    assert not found


def files(pattern: str) -> Iterator[Path]:
    """Files of the repository, without what tools leave there."""
    yield from ROOT.glob(pattern)
    for folder in ("pyebpf", "tests", "samples", "docs", "benchmarks", "grammar"):
        yield from (ROOT / folder).rglob(pattern)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_root_runs_no_foreign_data_as_code(path: Path) -> None:
    """No pickle, and no process but the code generator and the one that watches over what is being pinned."""
    names = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not names & {"pickle", "marshal", "shelve"}
    assert "subprocess" not in names or path.name in ("worker.py", "guard.py")
