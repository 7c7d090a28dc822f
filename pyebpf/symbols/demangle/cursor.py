"""A mangled name that is read from its beginning to its end."""

from __future__ import annotations

from typing import Final

from pyebpf.symbols.demangle.writer import Mangled

DEEPEST: Final = 128
"""Parts in parts: each takes a few of Python's frames. Real names have up to 92."""


class Cursor:
    """Where in a name the reader is. Whatever doesn't fit raises Mangled."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.at = start
        self.depth = 0

    @property
    def rest(self) -> int:
        """How many characters there still are."""
        return len(self.text) - self.at

    def peek(self, count: int = 1) -> str:
        return self.text[self.at : self.at + count]

    def take(self, count: int = 1) -> str:
        found = self.text[self.at : self.at + count]
        if len(found) < count:
            raise Mangled
        self.at += count
        return found

    def skip(self, expected: str) -> bool:
        """Go on behind what is expected, if it is there."""
        if self.text.startswith(expected, self.at):
            self.at += len(expected)
            return True
        return False

    def need(self, expected: str) -> None:
        if not self.skip(expected):
            raise Mangled

    def digits(self) -> str:
        start = self.at
        while self.text[self.at : self.at + 1] in DIGITS and self.at < len(self.text):
            self.at += 1
        return self.text[start : self.at]

    def number(self) -> int:
        """Of at most nine digits."""
        found = self.digits()
        if not 0 < len(found) < 10:
            raise Mangled
        return int(found)

    def enter(self) -> None:
        """One part more, in those that were entered and not left."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise Mangled

    def leave(self) -> None:
        self.depth -= 1


DIGITS: Final = "0123456789"
