"""What the parser reads is what Python's own `ast` reads, places included, for programs made at random."""

from __future__ import annotations

import sys
import threading
import warnings

import pytest
from from_ast import Translator, body, comparable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyebpf.syntax.parse import parse

FIELD_PLACES = sys.version_info >= (3, 12)
"""Before, Python gave wrong places inside f-strings."""

names = st.sampled_from(["a", "bb", "_c", "é", "match", "case", "_", "in_", "not_x"])
numbers = st.sampled_from(["0", "1", "0x1F", "1_000", "0b11", "0o7", "340282366920938463463374607431768211456"])
strings = st.sampled_from(["''", '"x"', "r'\\d'", '"\\t\\x41\\""', "'''a\n'b'''", '"a" "b"', "('a'\n  u'b')", '"é"'])
fields = st.sampled_from(
    ["{a}", "{bb!r}", "{a + bb:>8}", "{a=}", "{ a.c [1:2] }", "{{", "}}", "text", "é", "{f(a, x=1)}", "\\t"]
)
fstrings = st.lists(fields, max_size=4).map(lambda parts: 'f"' + "".join(parts) + '"')
space = st.sampled_from(["", " ", "  "])
BINARY = [
    *("+", "-", "*", "/", "//", "%", "@", "**", "<<", ">>", "&", "|", "^"),
    *("<", "<=", "==", "!=", ">=", ">", "and", "or", "in", "is", "not in", "is not"),
]


def wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions of the expressions `inner`; operators without parentheses too, so that precedence is tried."""
    slices = st.tuples(inner, inner).map(lambda p: f"{p[0]}:{p[1]}")
    atoms = inner.map(lambda text: f"({text})")
    return st.one_of(
        st.tuples(inner, st.sampled_from(BINARY), inner).map(" ".join),
        st.tuples(
            atoms, space, st.sampled_from(["+", "-", "*", "/", "%", "**", "<<", "&", "|", "^", "<", "=="]), space, atoms
        ).map("".join),
        st.tuples(st.sampled_from(["-", "~", "+", "- "]), inner).map("".join),
        inner.map(lambda text: f"not {text}"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]}) if {p[1]} else {p[2]}"),
        st.tuples(names, inner).map(lambda p: f"({p[0]} := {p[1]})"),
        atoms,
        inner.map(lambda text: f"(\n{text} # note: (\n)"),
        st.tuples(atoms, names).map(lambda p: f"{p[0]}.{p[1]}"),
        st.tuples(atoms, st.one_of(inner, slices, inner.map(lambda t: f"{t},"))).map(lambda p: f"{p[0]}[{p[1]}]"),
        st.tuples(names, st.lists(inner, max_size=2), names, inner).map(
            lambda p: f"{p[0]}({', '.join([*p[1], f'{p[2]}={p[3]}'])})"
        ),
        st.lists(inner, max_size=3).map(lambda items: f"({''.join(item + ', ' for item in items)})"),
        st.tuples(names, inner, names, inner, inner).map(
            lambda p: f"{p[0]}({p[1]} for {p[2]} in ({p[3]}) if ({p[4]}))"
        ),
        st.tuples(inner, names, inner).map(lambda p: f"({p[0]} for {p[1]}, bb in ({p[2]}) for _c in {p[1]})"),
    )


expressions = st.recursive(st.one_of(names, numbers, strings, fstrings), wider, max_leaves=6)
targets = st.one_of(
    names, names.map(lambda n: f"{n}.x"), names.map(lambda n: f"({n})"), names.map(lambda n: f"{n}[0], {n}")
)
simple = st.one_of(
    expressions,
    st.tuples(targets, targets, expressions).map(" = ".join),
    st.tuples(names, st.sampled_from(["+=", "//=", "**=", "<<=", "@="]), expressions).map(" ".join),
    st.tuples(names, expressions, expressions).map(lambda p: f"{p[0]}: ({p[1]}) = {p[2]}"),
    st.sampled_from(
        [
            "pass",
            "break",
            "continue",
            "return",
            "del a[0], bb",
            "assert a, 'b'",
            "return a,",
            "raise",
            "raise a from b",
            "raise a(b)",
        ]
    ),
    expressions.map(lambda text: f"return {text}"),
)


def block(statements: list[str]) -> str:
    return "\n".join(f"  {line}" for line in "\n".join(statements).split("\n"))


def excepts(bodies: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    named = st.tuples(expressions, names).map(lambda p: f"({p[0]}) as {p[1]}")
    return st.tuples(st.one_of(named, expressions.map(lambda text: f"({text})")), bodies).map(
        lambda p: f"\nexcept {p[0]}: {p[1]}"
    )


def whole_try(parts: tuple[str, list[str], str, str, bool]) -> str:
    body, handlers, otherwise, final, has_final = parts
    ways = "".join(handlers) + (otherwise if handlers else "")
    return f"try:{body}{ways}" + (f"\nfinally:{final}" if has_final or not handlers else "")


def wider_patterns(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    keywords = st.tuples(names, inner).map(lambda p: f"{p[0]}={p[1]}")
    return st.one_of(
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]}) | ({p[1]})"),
        st.tuples(inner, names).map(lambda p: f"(({p[0]}) as {p[1]})"),
        st.lists(inner, max_size=3).map(lambda items: f"({''.join(item + ', ' for item in items)})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.tuples(names, inner, st.lists(keywords, max_size=2)).map(lambda p: f"{p[0]}({', '.join([p[1], *p[2]])})"),
        st.tuples(names, st.lists(keywords, max_size=2)).map(
            lambda p: f"a.{p[0]}({', '.join(p[1])},)" if p[1] else "a.b()"
        ),
    )


values = st.sampled_from(["1", "-7", "- 0x1F", "'a' 'b'", "True", "None", "False", "a.b", "match.case._"])
patterns = st.recursive(st.one_of(names, values), wider_patterns, max_leaves=4)
open_patterns = st.one_of(
    patterns, patterns.map(lambda text: f"{text},"), st.tuples(patterns, patterns).map(", ".join),
    st.tuples(patterns, names).map(lambda p: f"({p[0]}) as {p[1]}"),
)  # fmt: skip


def whole_match(parts: tuple[str, str, list[tuple[str, str, str]]]) -> str:
    subject, tail, cases = parts
    lines = [f"case {pattern}{guard}:{body}" for pattern, guard, body in cases]
    return f"match {subject}{tail}:\n{block(lines)}"


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    bodies = st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda lines: "\n# note\n" + block(lines)),
        st.lists(simple, min_size=1, max_size=2).map("; ".join),
    )
    otherwise = st.one_of(st.just(""), bodies.map(lambda text: f"\nelse:{text}"))
    return st.one_of(
        st.tuples(expressions, bodies, otherwise).map(lambda p: f"while {p[0]}:{p[1]}{p[2]}"),
        st.tuples(targets, expressions, bodies, otherwise).map(lambda p: f"for {p[0]} in {p[1]}: {p[2]}{p[3]}"),
        st.tuples(expressions, bodies, expressions, bodies, otherwise).map(
            lambda p: f"if {p[0]}:{p[1]}\nelif ({p[2]}):{p[3]}{p[4]}"
        ),
        st.tuples(bodies, st.lists(excepts(bodies), max_size=2), otherwise, bodies, st.booleans()).map(whole_try),
        st.tuples(
            expressions,
            st.sampled_from(["", ",", ", a"]),
            st.lists(
                st.tuples(open_patterns, st.one_of(st.just(""), expressions.map(lambda text: f" if ({text})")), bodies),
                min_size=1,
                max_size=3,
            ),
        ).map(whole_match),
        st.tuples(expressions, names, bodies).map(lambda p: f"with f({p[0]}) as {p[1]}, ({p[1]}): {p[2]}"),
    )


programs = st.lists(st.recursive(simple, compound, max_leaves=4), min_size=1, max_size=3).map("\n".join)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs)
def test_same_tree_as_python(text: str) -> None:
    probe = body(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python wonders at `1 is 1`
        try:
            expected = Translator(probe).function()
        except SyntaxError:
            return

    ours = parse(probe)

    assert comparable(ours, field_spans=FIELD_PLACES) == comparable(expected, field_spans=FIELD_PLACES)


@pytest.mark.parametrize(
    "text",
    [
        "match = 3",
        "match, case = 1, 2",
        "match: int = 3",
        "match: case",
        "match(x)",
        "match[0] = case[1]",
        "match.x = 1; case.y = 2",
        "print(match[0])",
        "match -= 1",
        "match - a",
        "match * a, b",
        "match in case",
        "match if case else _",
        "match == a if case else b; case = 1",
        "match (\n    a\n)",
        "match (a):\n    case b: case = match",
        "match (a, b):\n    case (a, b): match (a)",
        "match -a:\n    case -1: pass",
        "match (0):\n    case _: match [0]",
        "match match:\n    case case: case",
        "match case:\n    case match if case: match: int = 1",
        "match a, b,:\n    case a, b,: pass",
        "match a:\n    case 1:\n        case = 2\n        match = case\n    case _: pass\ncase = match",
        "match a: # note:\n    # note\n\n    case 1: # note\n        match b:\n            case 2: b\n    case 3: c",
        "match a:\n    case 1 if (\n        b\n    ): pass\n    case (2 |\n          3): pass",
        "match x := a:\n    case Point(x=1, match=2) | case.Point(): pass",
        "if match:\n    case = 1\nelse:\n    match = 2",
        "while match: match = case",
        "for match in case: match",
        "with match as case: case",
        "match (a\n):\n    case 1: pass",
        "match \\\n  a:\n    case 1: pass",
        "match 'a:' ':':\n    case 'b:' | ':': pass",
        "_ = match\ncase(_)",
        "sum(x for x in y)",
        "any(x == 1 for x in y if x if not x)",
        "f((a for a, in b), c)",
        "f(match for match in case for case in match)",
        "(yy := a for a in b if (c := a))",
    ],
)
def test_soft_keywords(text: str) -> None:
    probe = body(text)

    assert comparable(parse(probe)) == comparable(Translator(probe).function())


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python reads these since 3.12")
@pytest.mark.parametrize(
    "text",
    [
        'f"{a["b"]}"',
        'f"{a["b"]} {c["d"]!r:>8}" + "e"',
        'f"{f"{a}"}"',
        'f"{f"{a["b"]}"}"',
        "f'{a['b']}'",
        'f"{"\\n"}"',
        'f"{\n    a\n    + b}"',
        'f"{a:\'>8}" + f"{"}"}"',
    ],
)
def test_fields_with_any_quotes(text: str) -> None:
    probe = body(f"a = {text}")

    assert comparable(parse(probe)) == comparable(Translator(probe).function())


def test_threads_parse_at_the_same_time() -> None:
    probes = [body("if a:\n    b = (1 +\n 2)\n" * size) for size in range(1, 9)]
    expected = [parse(probe) for probe in probes]
    wrong: list[object] = []

    def work() -> None:
        for _ in range(5):
            try:
                if [parse(probe) for probe in probes] != expected:
                    wrong.append("another tree")
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong


def test_python_has_warned_already() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parse(body('x = "\\d" f"\\d{y}"'))
