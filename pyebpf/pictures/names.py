"""Names that come from other people's binaries, made harmless: nothing in them can write to a terminal, end an element
of XML, or turn the direction of what stands beside them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

LONGEST_NAME: Final = 400
"""Characters of a name that are kept; templates of C++ can have many thousands."""


def visible(text: str) -> str:
    """The text, with escapes for everything that isn't seen: control characters, marks of direction, unpaired
    surrogates, characters that Unicode doesn't have. What is left may stand in XML."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def cut(text: str, most: int = LONGEST_NAME) -> str:
    """The text in at most `most` characters, an ellipsis last where there was more."""
    return text if len(text) <= most else text[: most - 1] + "…"


def xml(text: str) -> str:
    """Text for elements and attributes of XML and HTML."""
    text = visible(text)
    if "&" in text or "<" in text or ">" in text or '"' in text or "'" in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        text = text.replace('"', "&quot;").replace("'", "&#39;")
    return text


def columns(text: str) -> int:
    """How many columns of a terminal, or characters of a font with one width, a text takes."""
    return len(text) if text.isascii() else _columns(text)


@lru_cache(4096)
def _columns(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)


def fitted(text: str, room: int) -> str:
    """The text in at most `room` columns, with an ellipsis where it was cut; nothing where that is too little."""
    if columns(text) <= room:
        return text
    if room < 2:
        return "…"[:room] if room > 0 else ""
    kept: list[str] = []
    left = room - 1
    for char in text:
        left -= columns(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + "…"
