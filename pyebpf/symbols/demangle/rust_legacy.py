"""Rust's older names: those of C++ in form, `_ZN4core3fmt5write17h0123456789abcdefE`, the last part a number.

Source: what rustc writes with `-C symbol-mangling-version=legacy`.
"""

from __future__ import annotations

import re
from typing import Final

from pyebpf.symbols.demangle.cursor import Cursor
from pyebpf.symbols.demangle.writer import Mangled

_HASH: Final = re.compile("h[0-9a-f]{16}")
_ESCAPE: Final = re.compile(r"\$(?:(SP|BP|RF|LT|GT|LP|RP|C)|u([0-9a-f]{1,6}))\$|(\.\.)")
_STANDS_FOR: Final = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}


def rust_legacy(text: str) -> tuple[str, int]:
    """A name that begins with `_ZN`, without its number; and where it ends. Raises Mangled."""
    cursor, parts = Cursor(text, 3), []
    while not cursor.skip("E"):
        parts.append(cursor.take(cursor.number()))
    if len(parts) < 2 or not _HASH.fullmatch(parts.pop()):
        raise Mangled
    return "::".join(map(_unescaped, parts)), cursor.at


def _unescaped(part: str) -> str:
    return _ESCAPE.sub(_meant, part.removeprefix("_") if part.startswith("_$") else part)


def _meant(match: re.Match[str]) -> str:
    name, number, dots = match.groups()
    if dots:
        return "::"
    if name:
        return _STANDS_FOR[name]
    return chr(int(number, 16)) if int(number, 16) < 0x110000 else match[0]
