"""f-strings: a token taken apart into text and fields, each with its own span."""

from __future__ import annotations

import ast
from typing import Callable, Iterator

from pyebpf.diagnostics.base import CompileError
from pyebpf.diagnostics.syntax import Unsupported
from pyebpf.source import Source, Span
from pyebpf.syntax import tree
from pyebpf.syntax.build import Origin

Part = tree.FStringText | tree.FStringField
ParseField = Callable[[str, Origin], tree.Expression]
CLOSING = {"(": ")", "[": "]", "{": "}"}


def parts(token: str, span: Span, parse_field: ParseField) -> Iterator[Part]:
    """The parts of an f-string literal that stands at `span`."""
    prefix_length = min(token.index(quote) for quote in "\"'" if quote in token)
    raw = "r" in token[:prefix_length].lower()
    quote = token[prefix_length : prefix_length + 3]
    quote = quote if quote in ('"""', "'''") else quote[0]
    start = prefix_length + len(quote)
    yield from _Scanner(token, start, len(token) - len(quote), span, quote, raw, parse_field).parts()


class _Scanner:
    def __init__(
        self, token: str, start: int, end: int, span: Span, quote: str, raw: bool, parse_field: ParseField
    ) -> None:
        self.token, self.at, self.end = token, start, end
        self.whole, self.quote, self.raw = span, quote, raw
        self.parse_field = parse_field

    def parts(self) -> Iterator[Part]:
        text, text_start = "", self.at
        while self.at < self.end:
            char = self.token[self.at]
            pair = self.token[self.at : self.at + 2]
            if pair in ("{{", "}}"):
                text += char
                self.at += 2
            elif char == "{":
                if text:
                    yield self.text(text, text_start)
                yield from self.field()
                text, text_start = "", self.at
            elif char == "\\" and not self.raw:
                length = 2
                if pair == "\\N" and self.token[self.at + 2 : self.at + 3] == "{":
                    length = self.token.index("}", self.at) + 1 - self.at
                text += self.token[self.at : self.at + length]
                self.at += length
            else:
                text += char
                self.at += 1
        if text:
            yield self.text(text, text_start)

    def text(self, text: str, start: int) -> tree.FStringText:
        """Literal text with its escapes resolved."""
        value = text if self.raw else ast.literal_eval(f"{self.quote}{text}{self.quote}")
        return tree.FStringText(value, self.span(start, self.at))

    def field(self) -> Iterator[Part]:
        """`{value=!conversion:spec}`, from its opening brace on."""
        start = self.at
        self.at += 1
        begin = self.at
        self.skip_expression()
        source = self.token[begin : self.at]
        shows = self.token[self.at] == "="
        if shows:
            self.at += 1
            while self.token[self.at] in " \t\n":
                self.at += 1
            yield tree.FStringText(self.token[begin : self.at], self.span(begin, self.at))
        conversion = ""
        if self.token[self.at] == "!":
            conversion = self.token[self.at + 1]
            self.at += 2
        spec = self.spec() if self.token[self.at] == ":" else ""
        self.at += 1
        if shows and not conversion and not spec:
            conversion = "r"
        lead = len(source) - len(source.lstrip())
        line, column = self.place(begin + lead)
        value = self.parse_field(source.strip(), Origin(self.whole.source, line, column))
        yield tree.FStringField(value, conversion, spec, self.span(start, self.at))

    def skip_expression(self) -> None:
        """Move to what ends the expression: `}`, `!r`, `:` or `=` outside of brackets and quotes."""
        closing: list[str] = []
        while self.at < self.end:
            char = self.token[self.at]
            after = self.token[self.at + 1 : self.at + 2]
            if char in "\"'":
                self.at = self.token.index(char, self.at + 1)
            elif char in CLOSING:
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
        end = self.token.index("}", begin)
        brace = self.token.find("{", begin, end)
        if brace >= 0:
            span = self.span(brace, end + 1)
            cure = "compute the text outside, or choose one format"
            raise CompileError(
                (Unsupported(span, "a field inside a format", "formats are fixed when the probe is compiled", cure),)
            )
        self.at = end
        return self.token[begin:end]

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
