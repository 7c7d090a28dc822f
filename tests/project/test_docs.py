"""The documentation's promises: generated pages are up to date, programs compile, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pyebpf import compiler

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
PROGRAMS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL), 1)
    if re.search(r"^@", block, re.MULTILINE) and "..." not in block and "import" in block
]


def generator() -> ModuleType:
    sys.path.insert(0, str(DOCS))  # as if it were run: it has a module beside it
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["diagnostics.md", "language.md", "capabilities.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text() == generator().PAGES[name](), "run python docs/generate.py"


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_compile(program: str, tmp_path: Path) -> None:
    path = tmp_path / "documented.py"
    path.write_text(program)
    assert compiler.compile_target(path).programs


def test_drawn_pictures_are_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("docs_pictures", DOCS / "pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = {name: draw() for name, draw in module.PICTURES.items()}
    assert drawn == {path.name: path.read_text() for path in (DOCS / "pictures").iterdir()}, (
        "run python docs/pictures.py"
    )


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE))
    assert listed == {page.name for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([\w-]+\.md)\)", page.read_text()):
        assert (DOCS / target).is_file(), target
