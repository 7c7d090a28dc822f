"""Diagnostics as people and editors read them: a code, a sentence, the user's line with carets, notes, help."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

from pyebpf.diagnostics.base import WARNING, Diagnostic
from pyebpf.source import Span

WIDTH = 110
TAB = "    "
DIRECTIONS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
RED, YELLOW, BLUE, BOLD, RESET = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"


def render_plain(diagnostics: Iterable[Diagnostic]) -> str:
    """As `render`, without colour."""
    return render(diagnostics, color=False)


def render(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All diagnostics, an empty line between them."""
    return "\n\n".join("\n".join(_Renderer(color).lines(diagnostic)) for diagnostic in diagnostics)


class _Renderer:
    def __init__(self, color: bool) -> None:
        self.color = color

    def paint(self, text: str, style: str) -> str:
        return f"{style}{text}{RESET}" if self.color and text else text

    def lines(self, diagnostic: Diagnostic) -> Iterator[str]:
        span = diagnostic.span
        gutter = " " * len(str(max(span.end_line, *(place.end_line for place, _ in diagnostic.related), 0)))
        bar = self.paint("|", BLUE)
        title = _text(diagnostic, diagnostic.title)
        kind, style = ("warning", YELLOW) if diagnostic.severity == WARNING else ("error", RED)
        yield f"{self.paint(f'{kind}[{diagnostic.code}]', style)}{self.paint(f': {title}', BOLD)}"
        yield f"{gutter}{self.paint('-->', BLUE)} {span}"
        if span.source.line(span.line).strip():
            yield f"{gutter} {bar}"
            yield from self.excerpt(span, gutter, bar, _text(diagnostic, diagnostic.label))
            yield f"{gutter} {bar}"
        for place, what in diagnostic.related:
            yield f"{gutter}{self.paint(':::', BLUE)} {place}"
            yield f"{gutter} {bar}"
            yield from self.excerpt(place, gutter, bar, _text(diagnostic, what.replace("{", "{{").replace("}", "}}")))
            yield f"{gutter} {bar}"
        for note in diagnostic.notes:
            yield from self.remark(gutter, "note", _text(diagnostic, note))
        yield from self.remark(gutter, "help", _text(diagnostic, diagnostic.help))

    def excerpt(self, span: Span, gutter: str, bar: str, label: str) -> Iterator[str]:
        """The line, and carets under what is meant; of several lines the first and the last."""
        first = span.source.line(span.line)
        end = span.end_column if span.end_line == span.line else len(first.rstrip())
        last = span.end_line > span.line
        yield from self.marked(span.line, first, span.column, end, gutter, bar, "" if last else label)
        if last:
            if span.end_line > span.line + 1:
                yield f"{gutter}{self.paint('...', BLUE)}"
            text = span.source.line(span.end_line)
            start = len(text) - len(text.lstrip())
            yield from self.marked(span.end_line, text, start, span.end_column, gutter, bar, label)

    def marked(self, number: int, text: str, start: int, end: int, gutter: str, bar: str, label: str) -> Iterator[str]:
        text = text.rstrip("\r\n")
        end = max(end, start + 1)
        indent = _width(text[:start])
        carets = "^" * max(_width(text[start:end]), 1)
        shown = "".join(map(_shown, text)).rstrip()
        yield f"{self.paint(str(number).rjust(len(gutter)), BLUE)} {bar} {shown}"
        mark = f"{carets} {label}".rstrip()
        yield f"{gutter} {bar} {' ' * indent}{self.paint(mark, RED)}"

    def remark(self, gutter: str, kind: str, text: str) -> Iterator[str]:
        """`= note: …`, wrapped; the lines of a help with code keep their own breaks."""
        if not text.strip():
            return
        head = f"{gutter} {self.paint('=', BLUE)} {self.paint(kind, BOLD)}: "
        rest = " " * (len(gutter) + len(kind) + 5)
        lines = text.split("\n")
        if len(lines) == 1 and kind == "note":
            lines = wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines):
            yield (head if not number else rest) + line


def _text(diagnostic: Diagnostic, template: str) -> str:
    """A text with its fields, which may hold anything that the user wrote."""
    return "\n".join("".join(map(_shown, line)) for line in diagnostic.text(template).split("\n"))


def printable(text: str) -> str:
    """A line as a terminal may get it."""
    return "".join(map(_shown, text))


def _width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    return sum(_char_width(char) for char in text)


def _shown(char: str) -> str:
    """A character as a terminal may get it: controls, and those that turn the direction of text, would act there."""
    if char == "\t":
        return TAB
    acts = unicodedata.category(char) in ("Cc", "Cs") or unicodedata.bidirectional(char) in DIRECTIONS
    return "\ufffd" if acts else char


def _char_width(char: str) -> int:
    char = _shown(char)
    if char == TAB:
        return len(TAB)
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def to_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Diagnostics as editors take them: ranges of the Language Server Protocol (lines and UTF-16 units from 0)."""
    return [
        {
            "file": diagnostic.span.source.path,
            "range": _range(diagnostic.span),
            "severity": diagnostic.severity,
            "source": "pyebpf",
            "code": diagnostic.code,
            "message": diagnostic.text(diagnostic.title),
            "label": diagnostic.text(diagnostic.label),
            "notes": [text for note in diagnostic.notes if (text := diagnostic.text(note))],
            "help": diagnostic.text(diagnostic.help),
            "relatedInformation": [
                {"location": {"uri": _uri(place), "range": _range(place)}, "message": what}
                for place, what in diagnostic.related
            ],
        }
        for diagnostic in diagnostics
    ]


def _uri(span: Span) -> str:
    """The file as a URI; of what isn't a file (a notebook's cell) its name."""
    path = Path(span.source.path)
    return path.absolute().as_uri() if path.suffix else span.source.path


def _range(span: Span) -> dict[str, dict[str, int]]:
    return {
        "start": _position(span, span.line, span.column),
        "end": _position(span, span.end_line, span.end_column),
    }


def _position(span: Span, line: int, column: int) -> dict[str, int]:
    before = span.source.line(line)[:column]
    return {"line": line - 1, "character": len(before.encode("utf-16-le", "surrogatepass")) // 2}
