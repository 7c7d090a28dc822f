"""f-strings: a token taken apart into text and fields, each with its own span."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from pyebpf.diagnostics.base import CompileError
from pyebpf.diagnostics.syntax import Unsupported
from pyebpf.source import Source, Span
from pyebpf.syntax import tree
from pyebpf.syntax.build import Origin
from pyebpf.syntax.text import split, unescape

Part = tree.FStringText | tree.FStringField
ParseField = Callable[[str, Origin], tree.Expression]
CLOSING: Final = {"(": ")", "[": "]", "{": "}"}
QUOTED: Final = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"""|'
    r"'''(?:\\[\s\S]|[^\\])*?'''|"
    r'"(?:\\[\s\S]|[^"\\])*"|'
    r"'(?:\\[\s\S]|[^'\\])*'"
)


def parts(token: str, span: Span, parse_field: ParseField) -> Iterator[Part]:
    """The parts of an f-string literal that stands at `span`. Raises ValueError if braces or quotes don't close."""
    yield from _Scanner(token, span, parse_field).parts()


class _Scanner:
    def __init__(self, token: str, span: Span, parse_field: ParseField) -> None:
        prefix, quote, _ = split(token)
        self.token, self.whole, self.raw = token, span, "r" in prefix
        self.at, self.end = len(prefix) + len(quote), len(token) - len(quote)
        self.parse_field = parse_field

    def parts(self) -> Iterator[Part]:
        text, text_start = "", self.at
        while self.at < self.end:
            char, pair = self.token[self.at], self.token[self.at : self.at + 2]
            if pair in ("{{", "}}"):
                text += char
                self.at += 2
            elif char == "{":
                if text:
                    yield self.text(text, text_start)
                yield from self.field()
                text, text_start = "", self.at
            else:
                length = self.escape() if char == "\\" and not self.raw else 1
                text += self.token[self.at : self.at + length]
                self.at += length
        if text:
            yield self.text(text, text_start)

    def escape(self) -> int:
        """The length of the escape here. A backslash before a brace is only itself."""
        after = self.token[self.at + 1 : self.at + 3]
        if after == "N{":
            return self.token.index("}", self.at) + 1 - self.at
        return 1 if after[:1] in ("{", "}") else 2

    def text(self, text: str, start: int) -> tree.FStringText:
        """Literal text with its escapes resolved."""
        return tree.FStringText(text if self.raw else unescape(text), self.span(start, self.at))

    def here(self) -> str:
        """The character here; the closing quotes are not part of any field."""
        if self.at >= self.end:
            raise ValueError("a field of an f-string doesn't end")
        return self.token[self.at]

    def field(self) -> Iterator[Part]:
        """`{value=!conversion:spec}`, from its opening brace on."""
        start = self.at
        self.at += 1
        begin = self.at
        self.skip_expression()
        source = self.token[begin : self.at]
        shows = self.here() == "="
        if shows:
            self.at += 1
            while self.here() in " \t\n":
                self.at += 1
            yield tree.FStringText(self.token[begin : self.at], self.span(begin, self.at))
        conversion = ""
        if self.here() == "!":
            self.at += 1
            conversion = self.here()
            self.at += 1
            while self.here() in " \t\n":
                self.at += 1
        has_spec = self.here() == ":"
        spec = self.spec() if has_spec else ""
        if self.here() != "}":
            raise ValueError("a field of an f-string doesn't end")
        self.at += 1
        if shows and not conversion and not has_spec:
            conversion = "r"
        lead = len(source) - len(source.lstrip())
        line, column = self.place(begin + lead)
        value = self.parse_field(source.strip(), Origin(self.whole.source, line, column))
        yield tree.FStringField(value, conversion, spec, self.span(start, self.at))

    def skip_expression(self) -> None:
        """Move to what ends the expression: `}`, `!r`, `:` or `=` outside of brackets and quotes."""
        closing: list[str] = []
        while True:
            char, after = self.here(), self.token[self.at + 1]
            if char in "\"'":
                quoted = QUOTED.match(self.token, self.at, self.end)
                if quoted is None:
                    raise ValueError("a string in a field of an f-string doesn't end")
                self.at = quoted.end()
                continue
            if char in CLOSING:
                closing.append(CLOSING[char])
            elif closing and char == closing[-1]:
                closing.pop()
            elif not closing:
                if char in "}:" or (char == "!" and after != "="):
                    return
                if char == "=" and after != "=" and self.token[self.at - 1] not in "=!<>":
                    return
            self.at += 1

    def spec(self) -> str:
        begin = self.at + 1
        end = self.token.index("}", begin, self.end)
        brace = self.token.find("{", begin, end)
        if brace >= 0:
            span = self.span(brace, end + 1)
            cure = "compute the text outside, or choose one format"
            raise CompileError(
                (Unsupported(span, "a field inside a format", "formats are fixed when the probe is compiled", cure),)
            )
        self.at = end
        text = self.token[begin:end]
        return text if self.raw else unescape(text)

    def place(self, index: int) -> tuple[int, int]:
        """Line and column in the file of a position in the token."""
        before = self.token[:index]
        lines = before.count("\n")
        if not lines:
            return self.whole.line, self.whole.column + index
        return self.whole.line + lines, index - before.rindex("\n") - 1

    def span(self, start: int, end: int) -> Span:
        source: Source = self.whole.source
        return Span(source, *self.place(start), *self.place(end))
