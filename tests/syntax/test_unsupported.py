"""What Python has and the language hasn't: each construct by its name, all of them at once, at their places."""

from __future__ import annotations

import ast
import sys

import pytest
from from_ast import body, captured

from pyebpf.diagnostics.base import CompileError, Diagnostic
from pyebpf.syntax.parse import parse
from pyebpf.syntax.unsupported import INSIDE, LANGUAGE, NEVER, ROWS

WRONG = {
    "async for a in b: pass": "`async for`",
    "async with a: pass": "`async with`",
    "class A: pass": "a class inside a function",
    "async def inner(): pass": "`async def`",
    "match a:\n    case {1: b}: pass": "a mapping pattern",
    "match a:\n    case [b, *c]: pass": "`*` in a pattern",
    "match a:\n    case 1.5: pass": "a float",
    "match a:\n    case 1 + 2j: pass": "a complex number",
    "import a": "`import` inside a function",
    "from a import b": "`import` inside a function",
    "global a": "`global`",
    "a = lambda: 1": "`lambda`",
    "a = {}": "a dict",
    "a = {1: 2, **b}": "a dict",
    "a = {1, 2}": "a set",
    "a = []": "a list",
    "[a, b] = c": "a list",
    "a = [b for b in c]": "a list comprehension",
    "a = {b for b in c}": "a set comprehension",
    "a = {b: b for b in c}": "a dict comprehension",
    "a = await b": "`await`",
    "a = yield": "`yield`",
    "yield a": "`yield`",
    "yield from a": "`yield from`",
    "f(*a)": "`*`",
    "f(**a)": "`**`",
    "a, *b = c": "`*`",
    "a = 1.5": "a float",
    "a = 1e9": "a float",
    "a = .5": "a float",
    "a = 1.": "a float",
    "a = 2j": "a complex number",
    "a = b'c'": "a bytes literal",
    "a = rb'c'": "a bytes literal",
    "...": "`...`",
    "@a\ndef b(): pass": "a decorator inside a function",
    'a = f"{b:{c}}"': "a field inside a format",
    'a = f"{(lambda: 1)}"': "`lambda`",
}
if sys.version_info >= (3, 11):
    WRONG["try: a\nexcept* B: c"] = "`except*`"
    WRONG["a[*b]"] = "`*`"
if sys.version_info >= (3, 12):
    WRONG["type A = b"] = "`type`"
if sys.version_info >= (3, 14):
    WRONG['a = t"{b}"'] = "a template string"
HEADERS = {
    "def probe(*a): pass": "a `*` parameter",
    "def probe(**a): pass": "a `**` parameter",
    "async def probe(a): pass": "`async def`",
}
if sys.version_info >= (3, 12):
    HEADERS["def probe[T](a): pass"] = "a type parameter"


def diagnostics(text: str, *, line: int = 1) -> tuple[Diagnostic, ...]:
    with pytest.raises(CompileError) as error:
        parse(captured(text, line=line))
    return error.value.diagnostics


def titles(text: str) -> list[str]:
    return [diagnostic.text(diagnostic.title) for diagnostic in diagnostics(text)]


@pytest.mark.parametrize("text", WRONG)
def test_construct_is_named(text: str) -> None:
    assert titles(body(text).text) == [f"{WRONG[text]} is not part of the language"]


@pytest.mark.parametrize("text", HEADERS)
def test_header_is_named(text: str) -> None:
    assert titles(text) == [f"{HEADERS[text]} is not part of the language"]


def test_every_row_is_tried() -> None:
    named = set(WRONG.values()) | set(HEADERS.values())
    missing = {row[0] for name, row in ROWS.items() if hasattr(ast, name)} - named
    assert not missing


def test_every_class_of_ast_is_in_one_table() -> None:
    classes = {
        name
        for name, value in vars(ast).items()
        if isinstance(value, type) and issubclass(value, ast.AST) and name[0] != "_"
    }
    known = LANGUAGE | ROWS.keys() | INSIDE | NEVER

    assert not classes - known
    assert not LANGUAGE & (INSIDE | NEVER)
    assert not ROWS.keys() & (INSIDE | NEVER)


def test_all_are_reported_in_order() -> None:
    found = diagnostics(body("a = [1]\nif b: c = {}\nf(1.5, x=lambda: 2)").text, line=7)

    assert [(d.span.line, d.span.text) for d in found] == [(8, "[1]"), (9, "{}"), (10, "1.5"), (10, "lambda: 2")]


def test_places_are_in_characters() -> None:
    (found,) = diagnostics(body('é = "ü" + [ß]').text)

    assert found.span.text == "[ß]"


def test_format_in_an_fstring_stands_with_the_others() -> None:
    found = diagnostics(body('a = f"é{b:>{c}}"\nd = f"{e:{f}}"').text)

    assert found[0].span.text == "{c}"


@pytest.mark.parametrize("indent", ["    ", "\t"])
def test_method_is_read_at_its_indentation(indent: str) -> None:
    text = f"{indent}def probe(ctx):\n{indent}{indent}a = [1]\n"

    (found,) = diagnostics(text)

    assert (found.span.line, found.span.text) == (2, "[1]")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a = = 1", 2, 8), ("if a b: pass", 2, None), ("a = 'open", 2, 8), ("a = (1", 2, 8), ("a = f'{b'", 2, None)],
)
def test_python_cannot_read_it(text: str, line: int, column: int | None) -> None:
    (found,) = diagnostics(body(text).text)

    assert found.code == "E0101"
    assert found.span.line == line
    assert column is None or found.span.column == column


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000,
        "(" * 150 + "a" + ")" * 150,
        "-" * 5000 + "a",
        "+".join("a" * 5000),
        "a" + ".b" * 5000,
        "a" + "[0]" * 5000,
    ],
)
def test_deep_nesting_is_a_diagnostic(text: str) -> None:
    assert {found.code for found in diagnostics(body(text).text)} <= {"E0101", "E0105"}


def test_many_elifs_are_a_diagnostic() -> None:
    assert [found.code for found in diagnostics(body("if a: pass\n" + "elif b: pass\n" * 2000).text)] == ["E0105"]


def test_place_of_what_is_too_deep() -> None:
    (found,) = diagnostics(body("a = 1\nb = " + "-" * 150 + "c").text)

    assert found.span.line == 3


def test_hundred_terms_are_read() -> None:
    parse(body("a = " + " + ".join(["b"] * 95)))


def test_large_integers_are_read() -> None:
    parse(body("a = 0x" + "f" * 5000))
