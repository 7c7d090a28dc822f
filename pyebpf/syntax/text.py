"""What a text literal means: its prefix and quotes taken off, its escapes resolved."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ESCAPE: Final = re.compile(
    r"\\(?:\n|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]+\}|[\\'\"abfnrtv])"
)
_SIMPLE: Final = {
    "\n": "", "\\": "\\", "'": "'", '"': '"',
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"
}  # fmt: skip


def split(token: str) -> tuple[str, str, str]:
    """A literal's prefix in lower case, its opening quotes, and what is between the quotes."""
    start = min(token.index(quote) for quote in "\"'" if quote in token)
    quote = token[start : start + 3]
    if quote not in ('"""', "'''") or len(token) < start + 6:
        quote = token[start]
    return token[:start].lower(), quote, token[start + len(quote) : len(token) - len(quote)]


def literal(token: str) -> str:
    """The value of a string literal that isn't an f-string."""
    prefix, _, text = split(token)
    return text if "r" in prefix else unescape(text)


def unescape(text: str) -> str:
    """Resolve escapes. Unknown ones stay as they are written, as in Python, which has warned of them already."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    word = match[0][1:]
    if word in _SIMPLE:
        return _SIMPLE[word]
    if word[0] == "N":
        return unicodedata.lookup(word[2:-1])
    return chr(int(word[1:], 16) if word[0] in "xuU" else int(word, 8))
