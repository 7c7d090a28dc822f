"""The tables of the grammar: the same bytes every time, and never used for another grammar."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from from_ast import body

from pyebpf.syntax import tables
from pyebpf.syntax.parse import parse

OPERATORS = [
    "!pipe",
    "!caret",
    "!ampersand",
    "!shift_operator",
    "!sum_operator",
    "!term_operator",
    "!sign",
    "!double_star",
]
MAKE = """
import hashlib
from pyebpf.syntax import tables
grammar = tables.grammar_text()
print(hashlib.sha256(tables.dump(tables.build(grammar), tables.identity(grammar))).hexdigest())
"""


def test_same_bytes_in_every_process() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", MAKE],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(seen) == 1


def test_loaded_tables_parse_as_built_ones() -> None:
    grammar = tables.grammar_text()
    built = tables.build(grammar)
    loaded = tables.load(tables.dump(built, "key"), "key")
    assert loaded is not None
    text = "\n" + body("if a[1:2]:\n    b = f'{c}'\nelse: d").text

    assert loaded.parse(text, start="start") == built.parse(text, start="start")


def test_only_tables_of_this_grammar_and_lark() -> None:
    grammar = tables.grammar_text()
    raw = tables.dump(tables.build(grammar), tables.identity(grammar))

    assert tables.load(raw, tables.identity(grammar)) is not None
    assert tables.load(raw, tables.identity(grammar + "\n")) is None
    assert tables.load(None, tables.identity(grammar)) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"null",
        b"7",
        b'{"key": "k"}',
        b'{"key": "k", "data": [], "memo": {}}',
        b"[" * 100_000,
    ],
)
def test_damaged_tables_are_not_used(raw: bytes) -> None:
    assert tables.load(raw, "k") is None


def test_cut_tables_are_not_used() -> None:
    document = json.loads(tables.dump(tables.build(tables.grammar_text()), "k"))
    for part in ("rules", "parser", "options"):
        damaged = {**document, "data": {name: value for name, value in document["data"].items() if name != part}}
        assert tables.load(json.dumps(damaged).encode(), "k") is None
    assert tables.load(json.dumps({**document, "memo": {}}).encode(), "k") is None


def test_tables_are_kept_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tables, "SHIPPED", tmp_path / "none")

    tables.parser()

    (kept,) = (tmp_path / "pyebpf").iterdir()
    before = hashlib.sha256(kept.read_bytes()).digest()
    tables.parser()
    assert hashlib.sha256(kept.read_bytes()).digest() == before


def test_every_rule_stands_below_a_comment() -> None:
    """The language reference is made from them."""
    lines = tables.grammar_text().split("\n")
    rules = [(line, above) for above, line in pairwise(lines) if re.match(r"[?!]?\w+(\.\d)?:", line)]
    bare = [line for line, above in rules if not above.startswith("//")]

    assert len(rules) > 40
    assert [line.split(":")[0] for line in bare] == OPERATORS[1:], "only operators share one comment"


def test_parser_starts_without_what_the_compiler_needs_later() -> None:
    text = body("pass").text
    code = (
        "import sys\nfrom pyebpf.capture import Captured\nfrom pyebpf.source import Source\n"
        "from pyebpf.syntax.parse import parse\n"
        f"parse(Captured(Source('p', {text!r}), 1, {text!r}, 'probe'))\n"
        "print([name for name in ('llvmlite', 'elftools', 'rich', 'numpy', 'pickle') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() in ("[]", "['pickle']")  # Lark's own cache imports it; it isn't used
    assert parse(body("pass")).name == "probe"
