"""The LALR tables of the grammar: shipped as data, since building them takes half a second.

Tables are JSON, made when a wheel is built (`hatch_build.py`), and belong to one grammar text and one version of
Lark. Where they are missing or don't match they are built anew and kept in the per-user cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyebpf.syntax.quick import quick

if TYPE_CHECKING:
    from lark import Lark, Token

HERE: Final = Path(__file__).parent
SHIPPED: Final = HERE / "tables.json"
STARTS: Final = ("start", "named")
"""A whole function; one expression, as in an f-string's field."""
_OPTIONS: Final[Mapping[str, Any]] = {
    "parser": "lalr",
    "lexer": "basic",  # one scanner for all states: 50 ms less than one for each
    "start": list(STARTS),
    "propagate_positions": True,
    "maybe_placeholders": True,
}
_SHIFT: Final = 0
"""Lark's number for the action; its argument is a state. The other action, reduce, has a rule as its argument."""
_FORMAT: Final = 2


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
            return quick(built)
    return quick(loaded)


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
    data["parser"]["parser"] = _renumbered(data["parser"]["parser"])
    return json.dumps({"key": key, "data": data, "memo": memo}, separators=(",", ":"), sort_keys=True).encode()


def _renumbered(tables: dict[str, Any]) -> dict[str, Any]:
    """The same tables with tokens numbered by name and states in the order that they are reached from the start.

    Lark numbers both in the order of its sets, which changes from run to run.
    """
    names = sorted(tables["tokens"].values())
    numbers = {name: number for number, name in enumerate(names)}
    token_numbers = {old: numbers[name] for old, name in tables["tokens"].items()}
    order = {state: number for number, state in enumerate(tables["start_states"].values())}
    states: dict[int, dict[int, Any]] = {}
    queue = list(order)
    for state in queue:
        actions = states[order[state]] = {}
        for token, (action, argument) in sorted(
            tables["states"][state].items(), key=lambda each: token_numbers[each[0]]
        ):
            if action == _SHIFT:
                if argument not in order:
                    order[argument] = len(order)
                    queue.append(argument)
                argument = order[argument]
            actions[token_numbers[token]] = (action, argument)
    return {
        "tokens": dict(enumerate(names)),
        "states": states,
        "start_states": {name: order[state] for name, state in tables["start_states"].items()},
        "end_states": {name: order[state] for name, state in tables["end_states"].items()},
    }


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
    except Exception:  # whatever is wrong with them, they can be made anew
        return None


def _integers(actions: dict[str, Any]) -> dict[int, Any]:
    return {int(token): action for token, action in actions.items()}


def _indenter() -> Any:
    """Python's indentation for Lark: newlines inside brackets don't count."""
    import copy

    from lark.indenter import Indenter

    from pyebpf.syntax.soft_keywords import soft_keywords

    class PythonIndenter(Indenter):
        NL_type = "_NEWLINE"
        OPEN_PAREN_types = ["LPAR", "LSQB"]
        CLOSE_PAREN_types = ["RPAR", "RSQB"]
        INDENT_type = "_INDENT"
        DEDENT_type = "_DEDENT"
        tab_len = 8

        def process(self, stream: Iterator[Token]) -> Iterator[Token]:
            """Counts in a copy, so that threads may parse at the same time."""
            own = copy.copy(self)
            own.paren_level, own.indent_level = 0, [0]
            counted: Iterator[Token] = own._process(stream)  # type: ignore[no-untyped-call]
            return soft_keywords(counted)

        def handle_NL(self, token: Token) -> Iterator[Token]:
            """As Python counts: a tab leads to the next multiple of 8 columns, a form feed to the first one."""
            before, _, indent = token.rpartition("\n")
            if "\t" in indent or "\f" in indent:
                columns = len(indent.rpartition("\f")[2].expandtabs(self.tab_len))
                token = token.update(value=f"{before}\n{' ' * columns}")
            yield from super().handle_NL(token)

    return PythonIndenter()
