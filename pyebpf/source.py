"""Where source text comes from, and how every later stage points back into it."""

from __future__ import annotations

from typing import final

from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The whole text of one file (or notebook cell), as the user wrote it."""

    path: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def line(self, number: int) -> str:
        """Line `number` (1-based), or an empty string past the end."""
        lines = self.lines
        return lines[number - 1] if 1 <= number <= len(lines) else ""


@final
@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of source text. Lines count from 1, columns from 0 (in characters, as `ast` lines but not its
    bytes)."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`."""
        return Span(self.source, self.line, self.column, other.end_line, other.end_column)

    @property
    def text(self) -> str:
        """The source text that the span covers, in one piece."""
        lines = self.source.lines[self.line - 1 : self.end_line]
        if not lines:
            return ""
        lines[-1] = lines[-1][: self.end_column]
        lines[0] = lines[0][self.column :]
        return "\n".join(lines)

    def __str__(self) -> str:
        return f"{self.source.path}:{self.line}:{self.column + 1}"
