"""`match` and `case`: names, except where a statement starts with them.

match = case = 3            # names
match(case)                 # still
match case:                 # keyword and name: no other statement that starts with a name ends in a colon
    case 3: match = 4       # keyword, for it stands at the start of a line right inside of a match
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lark import Token


def soft_keywords(tokens: Iterator[Token]) -> Iterator[Token]:
    """`tokens`, in which lines end in _NEWLINE and blocks are marked, with those names renamed that are keywords."""
    blocks: list[bool] = []  # the open ones: whether each is a match's
    line: list[Token] = []
    opens = False
    for token in tokens:
        if token.type not in ("_NEWLINE", "_INDENT", "_DEDENT"):
            line.append(token)
            continue
        if line:
            opens = _starts(line, "match") and len(line) > 2 and line[-1].type == "COLON"
            yield from _renamed(line, opens, bool(blocks) and blocks[-1])
            line = []
        if token.type == "_INDENT":
            blocks.append(opens)
        elif token.type == "_DEDENT" and blocks:
            blocks.pop()
        yield token
    yield from line


def _starts(line: list[Token], word: str) -> bool:
    return line[0].type == "NAME" and line[0] == word


def _renamed(line: list[Token], is_match: bool, in_match: bool) -> Iterator[Token]:
    first = line[0]
    kind = "_MATCH" if is_match else "_CASE" if in_match and _starts(line, "case") else first.type
    yield first.update(type=kind)
    yield from line[1:]
