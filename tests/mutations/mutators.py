"""Ways to spoil a source: by characters, tokens, lines, and by the syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from random import Random
from typing import Final

ODD: Final = (
    *("\0", "\t", "\r", "\f", "\v", "\x1a", "\x7f", "\ufeff", "\u00a0", "\u2028", "\u202e", "\u0301", "\ud800"),
    *("é", "²", "½", "ａ", "𝔘", "٣", "名", "😀", "'", '"', "\\", "#", "@", "$", "`", "?", "!", ";", ":", "{", "}"),
)
WORDS: Final = (
    *("if", "else", "elif", "for", "while", "in", "not", "and", "or", "is", "None", "True", "False", "return", "pass"),
    *("break", "continue", "def", "class", "lambda", "yield", "await", "async", "with", "as", "try", "except", "raise"),
    *("finally", "import", "from", "global", "nonlocal", "del", "assert", "match", "case", "_", "type", "print"),
    *("+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "~", "@", "=", "==", "!=", "<", ">", "<=", ">="),
    *("+=", "-=", ":=", "->", "(", ")", "[", "]", "{", "}", ",", ".", ":", ";", "...", "*args", "**kwargs"),
    *("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "bool", "char[16]", "be16", "be32", "u8[4]", "str", "int"),
    *("0", "1", "-1", "8", "255", "1 << 63", "1.5", "1e999", "0x", "0xffff_ffff_ffff_ffff", "1j", "b''", "''", "f''"),
    *("range", "len", "min", "max", "abs", "sum", "any", "all", "enumerate", "zip", "reversed", "sorted", "open"),
)
TOKEN: Final = re.compile(r"\w+|\"[^\"\n]*\"|'[^'\n]*'|[^\w\s]|\n[ ]*|[ ]+")
DEEP: Final = (2, 5, 20, 90, 300, 2000, 20000)


def characters(text: str, random: Random, others: list[str]) -> str:
    """One to five characters changed."""
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(len(text) + 1)
        piece = random.choice(ODD) if random.random() < 0.5 else random.choice(text or " ")
        match random.randrange(5):
            case 0:
                text = text[:at] + piece + text[at:]
            case 1:
                text = text[:at] + piece + text[at + 1 :]
            case 2:
                text = text[:at] + text[at + random.randrange(1, 4) :]
            case 3:
                text = text[:at] + text[at : at + 2][::-1] + text[at + 2 :]
            case _:
                text = text[:at] + piece * random.choice((2, 10, 1000)) + text[at:]
    return text


def tokens(text: str, random: Random, others: list[str]) -> str:
    """One to four tokens changed."""
    parts = TOKEN.findall(text)
    pool = TOKEN.findall(random.choice(others))
    for _ in range(random.randrange(1, 5)):
        if not parts:
            break
        at = random.randrange(len(parts))
        piece = random.choice((random.choice(WORDS), random.choice(parts), random.choice(pool), literal(random)))
        match random.randrange(5):
            case 0:
                parts[at] = f" {piece} "
            case 1:
                parts[at] = piece
            case 2:
                del parts[at]
            case 3:
                parts.insert(at, f" {piece} ")
            case _:
                other = random.randrange(len(parts))
                parts[at], parts[other] = parts[other], parts[at]
    return "".join(parts)


def literal(random: Random) -> str:
    """A constant, most of them extreme."""
    digits = random.choice((1, 3, 10, 19, 20, 21, 40, 4299, 4301, 100_000))
    match random.randrange(7):
        case 0:
            return random.choice("123456789") * digits
        case 1:
            return "0x" + "f" * digits
        case 2:
            return f'"{random.choice(ODD[13:20]) * digits}"'
        case 3:
            return f'b"{"x" * digits}"'
        case 4:
            return f'f"{{{random.choice(WORDS)}}}{"{x}" * min(digits, 300)}"'
        case 5:
            return f"{random.choice(WORDS[60:])}"
        case _:
            return str(random.choice((0, 1, 255, 256, 2**31, 2**32, 2**63, 2**64 - 1, 2**64)) * random.choice((1, -1)))


def lines(text: str, random: Random, others: list[str]) -> str:
    """One to three lines moved, left out, doubled, shifted, joined, or taken from elsewhere."""
    rows = text.split("\n")
    for _ in range(random.randrange(1, 4)):
        at = random.randrange(len(rows))
        match random.randrange(8):
            case 0:
                del rows[at]
            case 1:
                rows.insert(at, rows[at])
            case 2:
                rows.insert(random.randrange(len(rows)), rows.pop(at))
            case 3:
                rows[at] = random.choice(("    ", " ", "\t", "")) + rows[at]
            case 4:
                rows[at] = rows[at].removeprefix(random.choice(("    ", " ")))
            case 5:
                rows.insert(at, random.choice(random.choice(others).split("\n")))
            case 6:
                following = rows.pop(at + 1) if at + 1 < len(rows) else ""
                rows[at] += random.choice(("; ", " ", "\\", "  # ")) + following
            case _:
                rows = rows[:at] if random.random() < 0.2 else [*rows[:at], *rows[at:][:1] * 50, *rows[at:]]
        rows = rows or [""]
    return "\n".join(rows)


def long(text: str, random: Random, others: list[str]) -> str:
    """Something very long or very deep, in place of an expression or beside a statement."""
    depth = random.choice(DEEP)
    found = [match for match in re.finditer(r"\b[a-z_]\w*\b|\b\d+\b", text) if match.start() > len(text) // 3]
    if not found:
        return text
    match = random.choice(found)
    x = match[0]
    inner = random.choice((x, "1", f"u64({x})", f"{x}.a"))
    ways: tuple[Callable[[], str], ...] = (
        lambda: "(" * depth + inner + ")" * depth,
        lambda: random.choice(("-", "~", "not ", "- ~")) * depth + inner,
        lambda: random.choice((" + ", " and ", " < ", " if 1 else ", ", ", " | ", " ** ", ".")).join([inner] * depth),
        lambda: "u64(" * depth + inner + ")" * depth,
        lambda: inner + "[0]" * depth,
        lambda: inner + ".a" * depth,
        lambda: inner + "()" * depth,
        lambda: "[" * depth + inner + "]" * depth,
        lambda: f'"{"x" * depth}"',
        lambda: 'f"' + f"{{{inner}}}" * depth + '"',
        lambda: "(" + " := ".join([inner] * min(depth, 300)) + ")",
        lambda: "x" * depth,
        lambda: f"({inner}  # {'y' * depth * 10}\n)",
        lambda: inner + "; " + "x = 1; " * depth,
        lambda: f"u8[{'9' * depth}]()",
        lambda: "min(" + ", ".join([inner] * depth) + ")",
    )
    return text[: match.start()] + random.choice(ways)() + text[match.end() :]


def blocks(text: str, random: Random, others: list[str]) -> str:
    """A line of a function inside many blocks, or many times over."""
    rows = text.split("\n")
    inside = [number for number, row in enumerate(rows) if re.match(r"    \S", row)]
    if not inside:
        return text
    at = random.choice(inside)
    depth = random.choice((3, 10, 19, 21, 50, 95, 105, 400))
    heads = (
        *("if 1:", "while 1:", "for i in range(2):", "for i in range(3):", "with events.reserve() as e:", "try:"),
        *("if pid():", "match 1:", "def f():", "class C:", "else:", "if pid() == 3:"),
    )
    head = random.choice(heads)
    line = rows[at].strip()
    if random.random() < 0.3:
        many = [f"    if pid() == {number}:\n        {line}" for number in range(depth)]
        if random.random() < 0.5:
            many = [row if number == 0 else row.replace("    if", "    elif", 1) for number, row in enumerate(many)]
        rows[at : at + 1] = many
    else:
        new = [
            "    " + " " * number + (head if random.random() < 0.95 else random.choice(heads))
            for number in range(depth)
        ]
        rows[at : at + 1] = [*new, "    " + " " * depth + line]
        if head == "try:":
            rows[at + depth + 1 : at + depth + 1] = [
                "    " + " " * number + "except KeyError: pass" for number in reversed(range(depth))
            ]
    return "\n".join(rows)


def trees(text: str, random: Random, others: list[str]) -> str:
    """One to three nodes of the syntax tree replaced by nodes of their kind, from here or from another source."""
    try:
        module = ast.parse(text)
        other = ast.parse(random.choice((text, random.choice(others))))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return tokens(text, random, others)
    for _ in range(random.randrange(1, 4)):
        _change_tree(module, other, random)
    try:
        return ast.unparse(module)
    except (RecursionError, ValueError, AttributeError, TypeError):  # a tree that no text has
        return text


def _change_tree(module: ast.Module, other: ast.Module, random: Random) -> None:
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    if not functions:
        return
    places = _places(random.choice(functions)) or _places(module)
    parent, name, index, kind = random.choice(places)
    pool = [node for node in ast.walk(other) if isinstance(node, kind)]
    here = [node for node in ast.walk(module) if isinstance(node, kind)]
    candidates = pool + here
    if not candidates:
        return
    new: ast.AST = random.choice(candidates)
    old = getattr(parent, name)
    old = old if index is None else old[index]
    if kind is ast.expr and random.random() < 0.3:
        new = _around(old, new, random)
    if any(node is parent for node in ast.walk(new)):
        return  # it would hold itself
    if index is None:
        setattr(parent, name, new)
    elif kind is ast.stmt and random.random() < 0.4:
        getattr(parent, name).insert(index, new)
    elif kind is ast.stmt and random.random() < 0.2 and len(getattr(parent, name)) > 1:
        del getattr(parent, name)[index]
    else:
        getattr(parent, name)[index] = new


def _around(old: ast.expr, other: ast.AST, random: Random) -> ast.expr:
    """`old` as an operand of something new."""
    assert isinstance(other, ast.expr)
    one, two = random.sample((old, other), 2)
    operator = random.choice((ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod, ast.LShift, ast.RShift, ast.BitAnd))()
    comparison = random.choice((ast.Eq, ast.NotEq, ast.Lt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot))()
    called = ast.Name(
        random.choice(("len", "min", "abs", "u8", "i32", "u64", "range", "print", "sum", "any")), ast.Load()
    )
    return random.choice(
        (
            ast.BinOp(one, operator, two),
            ast.Compare(one, [comparison], [two]),
            ast.BoolOp(random.choice((ast.And(), ast.Or())), [one, two]),
            ast.IfExp(one, two, one),
            ast.UnaryOp(random.choice((ast.Not(), ast.USub(), ast.Invert())), one),
            ast.Call(called, [one, two][: random.randrange(1, 3)], []),
            ast.Subscript(one, two, ast.Load()),
            ast.Attribute(one, random.choice(("a", "pid", "name", "get", "value", "__class__")), ast.Load()),
            ast.Tuple([one, two], ast.Load()),
        )
    )


def _places(root: ast.AST) -> list[tuple[ast.AST, str, int | None, type[ast.AST]]]:
    """Every place below `root` that holds an expression or a statement."""
    found: list[tuple[ast.AST, str, int | None, type[ast.AST]]] = []
    for parent in ast.walk(root):
        for name, value in ast.iter_fields(parent):
            items = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
            for index, item in items:
                for kind in (ast.expr, ast.stmt):
                    if isinstance(item, kind):
                        found.append((parent, name, index, kind))
    return found


MUTATORS: Final[tuple[tuple[str, int, Callable[[str, Random, list[str]], str]], ...]] = (
    ("characters", 12, characters),
    ("tokens", 20, tokens),
    ("lines", 16, lines),
    ("trees", 40, trees),
    ("long", 8, long),
    ("blocks", 4, blocks),
)
"""Names, weights, functions."""


def mutate(random: Random, corpus: list[str]) -> tuple[str, str]:
    """A spoilt source, and how it was spoilt."""
    text, names = random.choice(corpus), []
    for _ in range(1 if random.random() < 0.85 else 2):
        name, _, change = random.choices(MUTATORS, [weight for _, weight, _ in MUTATORS])[0]
        start = text.find("\n@") + 1 if name != "trees" and random.random() < 0.85 else 0  # mostly the probes
        text = text[:start] + change(text[start:], random, corpus)
        names.append(name)
    return text, "+".join(names)
