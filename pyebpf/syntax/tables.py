"""The LALR tables of the grammar: shipped as data, since building them takes half a second.

Tables are JSON, made when a wheel is built (`hatch_build.py`), and belong to one grammar text and one version of
Lark. Where they are missing or don't match they are built anew and kept in the per-user cache.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Mapping

if TYPE_CHECKING:
    from lark import Lark

HERE: Final = Path(__file__).parent
SHIPPED: Final = HERE / "tables.json"
STARTS: Final = ("start", "named")
"""A whole function; one expression, as in an f-string's field."""
_OPTIONS: Final[Mapping[str, Any]] = {
    "parser": "lalr",
    "lexer": "contextual",
    "start": list(STARTS),
    "propagate_positions": True,
    "maybe_placeholders": True,
}
_FORMAT: Final = 1


def grammar_text() -> str:
    """The grammar: beside this file in a wheel, in the top-level folder in a checkout."""
    for path in (HERE / "pyebpf.lark", HERE.parent.parent / "grammar" / "pyebpf.lark"):
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError("the grammar pyebpf.lark is missing from this installation")


def parser() -> Lark:
    """The parser, from shipped or cached tables if they fit, else built."""
    from pyebpf import cache

    grammar = grammar_text()
    key = identity(grammar)
    shipped = SHIPPED.read_bytes() if SHIPPED.is_file() else None
    loaded = load(shipped, key)
    if loaded is None:
        name = f"grammar-{key[:32]}.json"
        loaded = load(cache.read(name), key)
        if loaded is None:
            built = build(grammar)
            cache.write(name, dump(built, key))
            return built
    return loaded


def identity(grammar: str) -> str:
    """What tables belong to: grammar, Lark's version, and the format of the tables."""
    import lark

    return hashlib.sha256(f"{_FORMAT}\n{lark.__version__}\n{grammar}".encode()).hexdigest()


def build(grammar: str) -> Lark:
    """Build the parser from the grammar."""
    from lark import Lark

    return Lark(grammar, postlex=_indenter(), **_OPTIONS)


def dump(parser: Lark, key: str) -> bytes:
    """The tables of `parser` as JSON, the same bytes for the same grammar."""
    from lark.grammar import Rule
    from lark.lexer import TerminalDef

    data, memo = parser.memo_serialize([TerminalDef, Rule])
    data["options"] = {name: value for name, value in data["options"].items() if name in _OPTIONS}
    return json.dumps({"key": key, "data": data, "memo": memo}, separators=(",", ":"), sort_keys=True).encode()


def load(raw: bytes | None, key: str) -> Lark | None:
    """The parser of dumped tables; None if they are missing, damaged, or of another grammar or version."""
    if raw is None:
        return None
    from lark import Lark

    try:
        document = json.loads(raw)
        if document["key"] != key:
            return None
        data = document["data"]
        tables = data["parser"]["parser"]
        tables["states"] = {int(state): _integers(actions) for state, actions in tables["states"].items()}
        tables["tokens"] = _integers(tables["tokens"])
        memo = {int(number): item for number, item in document["memo"].items()}
        data["options"] = {**data["options"], "postlex": None}
        loaded: Lark = Lark._load_from_dict(data, memo, postlex=_indenter())  # type: ignore[no-untyped-call]
        return loaded
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _integers(actions: dict[str, Any]) -> dict[int, Any]:
    return {int(token): action for token, action in actions.items()}


def _indenter() -> Any:
    """Python's indentation for Lark: newlines inside brackets don't count."""
    from lark.indenter import Indenter

    class PythonIndenter(Indenter):
        NL_type = "_NEWLINE"
        OPEN_PAREN_types = ["LPAR", "LSQB"]
        CLOSE_PAREN_types = ["RPAR", "RSQB"]
        INDENT_type = "_INDENT"
        DEDENT_type = "_DEDENT"
        tab_len = 8

    return PythonIndenter()
