"""The catalogue of diagnostics, and how they are shown."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import string
from dataclasses import fields
from typing import Any

import pytest

import pyebpf.diagnostics
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.catalog import CATALOG, by_code
from pyebpf.diagnostics.explain import explain
from pyebpf.diagnostics.loops import UnboundedLoop
from pyebpf.diagnostics.render import render, render_plain, to_json
from pyebpf.source import Source, Span


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_diagnostic_is_in_the_catalogue() -> None:
    found = set()
    for module in pkgutil.iter_modules(pyebpf.diagnostics.__path__):
        loaded = importlib.import_module(f"pyebpf.diagnostics.{module.name}")
        for _, value in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(value, Diagnostic) and value is not Diagnostic:
                found.add(value)
    assert found == set(CATALOG)


def test_codes_are_unique() -> None:
    codes = [diagnostic.code for diagnostic in CATALOG]
    assert len(codes) == len(set(codes))
    assert by_code("E0203") is UnboundedLoop and by_code("E9999") is None


@pytest.mark.parametrize("diagnostic", CATALOG, ids=lambda diagnostic: diagnostic.code)
def test_texts_name_real_fields_and_explain(diagnostic: Any) -> None:
    own = {field.name for field in fields(diagnostic)}
    own |= {name for name, value in vars(diagnostic).items() if isinstance(value, property)}
    for text in (diagnostic.title, diagnostic.label, *diagnostic.notes, diagnostic.help):
        assert names(text) <= own, text
    assert len(diagnostic.explanation.split()) > 10
    assert diagnostic.code in explain(diagnostic.code)
    assert not diagnostic.title.endswith(".")


def unbounded(text: str, start: int, end: int, line: int = 1) -> UnboundedLoop:
    span = Span(Source("probe.py", text), line, start, line, end)
    return UnboundedLoop(span, span.text, "2**64 - 1", f"range(min({span.text}, 64))")


def test_rendering() -> None:
    text = "\n" * 30 + "    for i in range(ctx.count):"
    assert render_plain([unbounded(text, 19, 28, 31)]).splitlines() == [
        "error[E0203]: loop has no provable bound",
        "  --> probe.py:31:20",
        "   |",
        "31 |     for i in range(ctx.count):",
        "   |                    ^^^^^^^^^ `ctx.count` can be as large as 2**64 - 1",
        "   |",
        "   = note: the kernel rejects programs that might not end",
        "   = help: bound it: range(min(ctx.count, 64))",
    ]


def test_tabs_and_wide_characters_stay_aligned() -> None:
    lines = render_plain([unbounded("\tx = '日本', n", 11, 12)]).splitlines()
    assert lines[3] == "1 |     x = '日本', n"
    # The caret stands under n: 4 for the tab, 5 for `x = '`, 4 for two wide characters, 3 for `', `.
    assert lines[4].index("^") == len("  | ") + 4 + 5 + 4 + 3


def test_accents_and_joiners_take_no_column() -> None:
    lines = render_plain([unbounded("x = 'e\u0301\u200d', n", 11, 12)]).splitlines()
    assert lines[4].index("^") == len("  | x = 'e', ")


def test_a_probe_cannot_steer_the_terminal() -> None:
    text = render_plain([unbounded("x = '\x1b[2J\u202e\x9b\ud800', n", 4, 13)])
    lines = text.splitlines()
    assert lines[3] == "1 | x = '\ufffd[2J\ufffd\ufffd\ufffd', n"
    assert lines[4].startswith("  |     ^^^^^^^^^ `'\ufffd[2J")
    assert not set(text) & set("\x1b\u202e\x9b\ud800")


def test_spans_over_several_lines_show_both_ends() -> None:
    source = Source("probe.py", "x = foo(1,\n  2,\n  3)\n")
    span = Span(source, 1, 4, 3, 4)
    text = render_plain([UnboundedLoop(span, "x", "1", "y")])
    assert "1 | x = foo(1,\n  |     ^^^^^^" in text and "..." in text and "3 |   3)\n  |   ^^ `x`" in text


def test_colour_only_on_demand() -> None:
    diagnostic = unbounded("for i in range(n):", 15, 16)
    assert "\x1b[" in render([diagnostic], color=True)
    assert "\x1b[" not in render_plain([diagnostic])


def test_json_counts_utf16_units() -> None:
    [found] = to_json([unbounded("😀 = n", 4, 5)])
    assert found["range"]["start"] == {"line": 0, "character": 5}
