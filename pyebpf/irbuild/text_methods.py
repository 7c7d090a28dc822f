"""What probes can do with text: methods of str, slices and indexes, `+`, and why the rest isn't there."""

from __future__ import annotations

import difflib
from typing import Final

from pyebpf.diagnostics import names as name_errors
from pyebpf.diagnostics import text as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import BOOL
from pyebpf.irbuild import text_build, text_scan, text_search, texts, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import Method, Operand, Values, describe, is_text
from pyebpf.source import Span

Argument = tuple[Operand, Span]
METHODS: Final = ("startswith", "endswith", "find", "rfind", "index", "rindex", "count")
SCRIPTS: Final = "Python's knows the letters of every script, for which the kernel has no tables"
LISTS: Final = "its result is a list, and lists have no bound"
REASONS: Final = {
    **dict.fromkeys(("lower", "upper", "casefold", "title", "capitalize", "swapcase"), SCRIPTS),
    **dict.fromkeys(("isalpha", "isalnum", "isdigit", "isdecimal", "isnumeric", "islower", "isupper"), SCRIPTS),
    **dict.fromkeys(("isspace", "istitle", "isprintable", "isidentifier", "strip", "lstrip", "rstrip"), SCRIPTS),
    **dict.fromkeys(("split", "rsplit", "splitlines", "partition", "rpartition"), LISTS),
    "join": "text is joined by + and f-strings",
    "format": "text is formatted by f-strings",
    "format_map": "text is formatted by f-strings",
    "encode": "text is UTF-8 in memory already; there are no bytes objects",
}
MOST_REPEATED: Final = 4096
"""Characters of constant text that is written as a product."""
HINTS: Final = {
    "lower": 'compare with each form: name in ("bash", "Bash")',
    "upper": 'compare with each form: name in ("bash", "Bash")',
    "isdigit": 'compare its characters: "0" <= name[0] <= "9"',
    "format": 'f"{a} {b}"',
    "join": 'f"{a}, {b}"',
    "removeprefix": 'name[4:] if name.startswith("lib/") …',
    "split": 'name[:name.find("/")]',
    "partition": 'name[:name.find("/")]',
}


def attribute(b: Builder, receiver: Operand, name: str, name_span: Span) -> Method:
    """`text.name`, to be called."""
    if name in METHODS:
        return Method(receiver, name)
    if hasattr(str, name) and not name.startswith("_"):
        why = REASONS.get(name, "it is not part of the language")
        b.error(errors.NoTextMethod(name_span, name, why, HINTS.get(name, "")))
    near = difflib.get_close_matches(name, METHODS, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else ""
    b.error(name_errors.UnknownAttribute(name_span, "text in a probe", "attribute", name, hint))


def method(b: Builder, receiver: Operand, name: str, arguments: list[Argument], span: Span) -> ops.Value:
    """`text.name(…)`."""
    if len(arguments) != 1:
        takes = "one text (to look at a part, take a slice)"
        b.error(name_errors.WrongArguments(span, name, takes, f"{len(arguments)} arguments"))
    sought, where = arguments[0]
    sought = values.plain(b, sought, where)
    if name in ("startswith", "endswith") and isinstance(sought, Values):
        return _any(b, receiver, name, sought, where, span)
    if not is_text(sought):
        b.error(type_errors.WrongType(where, "text", describe(sought), ""))
    return _method(b, receiver, name, sought, where, span)


def _any(b: Builder, receiver: Operand, name: str, sought: Values, where: Span, span: Span) -> ops.Value:
    """`name.startswith(("a", "b"))`."""
    result = b.local("any", BOOL, span)
    b.set(result, b.truth(False, span), span)

    def body(label: ops.Label) -> None:
        def yes() -> None:
            b.set(result, b.truth(True, span), span)
            texts.leave(b, label, span)

        for item in sought.items:
            if not is_text(item):
                b.error(type_errors.WrongType(where, "text", describe(item), ""))
            if not b.reachable:
                return
            b.if_(_method(b, receiver, name, item, where, span), yes, None, span)

    texts.scope(b, name, body, span)
    return b.get(result, span)


def _method(b: Builder, receiver: Operand, name: str, sought: Operand, where: Span, span: Span) -> ops.Value:
    if name == "count" and texts.known(sought) is None:
        b.error(errors.SoughtNotConstant(where, receiver_text(span)))
    # Of text that is read from somewhere no more matters than the other side may have, if it is a start.
    constant = texts.known(sought)
    needed = len((constant or "").encode("utf-8", "surrogatepass")) + 1
    short = name == "startswith" and constant is not None
    text = texts.text_of(b, receiver, span, needed if short else texts.UNSIZED_TEXT)
    part = texts.text_of(b, sought, where, text_search.LONGEST - 1)
    if constant is not None and "\0" in constant:
        b.error(type_errors.WrongType(where, "text without NUL characters", "text with one", ""))
    match name:
        case "startswith":
            return texts.starts_with(b, text, part, span)
        case "endswith":
            return text_search.ends_with(b, text, part, span, where)
        case "count":
            return text_search.count(b, text, part.data, span, where)
        case _:
            last, must = name.startswith("r"), name.endswith("index")
            return text_search.find(b, text, part, span, where, last=last, must=must)


def receiver_text(span: Span) -> str:
    """The text before the method's dot."""
    return span.text.partition(".count")[0]


def contains(b: Builder, sought: Operand, container: Operand, span: Span, spans: tuple[Span, Span]) -> ops.Value:
    """`sought in container`, both text."""
    constant = texts.known(sought)
    if constant is not None and "\0" in constant:
        return b.truth(False, span)
    text = texts.text_of(b, container, spans[1])
    part = texts.text_of(b, sought, spans[0], text_search.LONGEST - 1)
    return text_search.contains(b, text, part, span, spans[0])


def order(b: Builder, operator: ops.Comparison, left: Operand, right: Operand, span: Span) -> ops.Value:
    """`left < right` and the like."""
    one, other = texts.text_of(b, left, span), texts.text_of(b, right, span)
    if operator in (">", "<="):
        one, other = other, one
    if one.address is None and other.address is None:
        answer = b.truth(one.data < other.data, span)
        return answer if operator in ("<", ">") else b.negate(answer, span)
    found = texts.less(b, one, other, span)
    return found if operator in ("<", ">") else b.negate(found, span)


def plus(b: Builder, left: Operand, right: Operand, span: Span, spans: tuple[Span, Span]) -> Operand:
    """`left + right`."""
    pieces = [text_build.Piece(left, spans[0]), text_build.Piece(right, spans[1])]
    return text_build.join(b, pieces, span)


def repeated(left: Operand, right: Operand) -> str | None:
    """`"-" * 10`, both constant; None for anything else."""
    for one, count in ((left, right), (right, left)):
        text = texts.known(one)
        if text is not None and isinstance(count, ops.Const) and len(text) * count.value <= MOST_REPEATED:
            return text * count.value
    return None


def element(b: Builder, base: Operand, index: Operand, span: Span, index_span: Span) -> Operand:
    """`text[i]`."""
    return text_scan.character(b, base, values.number(b, index, index_span), span, index_span)


def to_text(b: Builder, arguments: list[Argument], span: Span) -> Operand:
    """`str(x)`."""
    if len(arguments) != 1:
        b.error(name_errors.WrongArguments(span, "str", "one value", f"{len(arguments)}"))
    operand, where = arguments[0]
    operand = values.plain(b, operand, where)
    if is_text(operand):
        return operand
    return text_build.join(b, [text_build.Piece(operand, where)], span)
