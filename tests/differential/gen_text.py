"""Random programs about text. They mean the same in the kernel and in Python: one text serves both.

A program reads the fields of a Row and writes numbers and texts into a Result, each in a `try` of its own.
"""

from __future__ import annotations

from random import Random

FIELDS = {"a": 8, "b": 16, "c": 24, "d": 5, "e": 40}
"""Texts of a Row, and their bytes."""
NUMBERS = {"n": (-(2**63), 2**63 - 1), "u": (0, 2**64 - 1), "h": (0, 2**16 - 1), "g": (-128, 127)}
VALUES, TEXTS, ROOM = 12, 6, 160
WORDS = ("", "a", "b", "ab", "ba", "aab", "/", "bin", "é", "bé", "€", "😀", "é€", "longer than a word", "aaaaaaaa")
PRELUDE = f"""\
from pyebpf import XDP, Array, char, i8, i64, struct, u8, u16, u64, xdp

@struct
class Row:
    a: char[8]
    b: char[16]
    c: char[24]
    d: char[5]
    e: char[40]
    pad: char[3]
    n: i64
    u: u64
    h: u16
    g: i8
    k: bool

@struct
class Result:
    v: i64[{VALUES}]
    t: char[{ROOM}][{TEXTS}]

rows = Array[Row](max_entries=1)
results = Array[Result](max_entries=1)

@xdp
def probe(packet):
    row = rows[0]
    out = results[0]
"""


class TextGenerator:
    """`strict`: no text is looked for that may have been cut inside a character, and no order is asked for."""

    def __init__(self, random: Random, *, strict: bool) -> None:
        self.random, self.strict = random, strict

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def word(self) -> str:
        return repr(self.random.choice(WORDS))

    def leaf(self) -> tuple[str, int]:
        """Text, and its most bytes."""
        if self.chance(25):
            word = self.random.choice(WORDS)
            return repr(word), len(word.encode())
        name = self.random.choice(tuple(FIELDS))
        return f"row.{name}", FIELDS[name]

    def text(self, depth: int = 2) -> tuple[str, int]:
        if depth <= 0 or self.chance(30):
            return self.leaf()
        makers = (self.slice, self.slice, self.cut, self.character, self.choice, self.join, self.fstring)
        maker = self.random.choice(makers[:5] if self.strict else makers)  # halves of characters must not meet
        return maker(depth)

    def bound(self) -> str:
        if self.chance(25):
            return ""
        if self.chance(25):
            return self.random.choice(("row.h", "row.g", "row.g % 4", "len(row.a)", "-row.h"))
        return str(self.random.choice((0, 1, 2, 3, 5, 8, 20, -1, -2, -3, -7)))

    def slice(self, depth: int) -> tuple[str, int]:
        text, most = self.text(depth - 1)
        return f"({text})[{self.bound()}:{self.bound()}]", most

    def character(self, depth: int) -> tuple[str, int]:
        name = self.random.choice(tuple(FIELDS))
        index = self.random.choice(("0", "1", "3", "-1", "-2", "row.g % 8", "row.h % 5"))
        return f"row.{name}[{index}]", 4

    def join(self, depth: int) -> tuple[str, int]:
        (one, a), (other, b) = self.text(depth - 1), self.text(depth - 1)
        return f"({one} + {other})", a + b

    def choice(self, depth: int) -> tuple[str, int]:
        (one, a), (other, b) = self.text(depth - 1), self.text(depth - 1)
        return f"({one} if {self.condition(0)} else {other})", max(a, b)

    def cut(self, depth: int) -> tuple[str, int]:
        text, most = self.text(depth - 1)
        length = self.random.randrange(1, 24)
        return f"char[{length}]({text})", min(length, most)

    def number(self) -> str:
        return self.random.choice(("row.n", "row.u", "row.h", "row.g", "row.k", "row.h % 10", "7", "-3", "0"))

    def fstring(self, depth: int) -> tuple[str, int]:
        parts, most = [], 0
        for _ in range(self.random.randrange(1, 4)):
            kind = self.random.randrange(4)
            if kind == 0:
                parts.append(self.random.choice(("x=", ":", " ", "é", "{{")))
                most += 2
            elif kind == 1:
                name = self.random.choice(tuple(FIELDS))
                spec = self.random.choice(("", "", ":>12", ":*<9", ":^7", ":.3", ":-^14.4", "!s"))
                parts.append(f"{{row.{name}{spec}}}")
                most += FIELDS[name] + 40
            else:
                spec = self.random.choice(
                    ("", "", ":d", ":x", ":X", ":o", ":b", ":#x", ":08x", ":+d", ": d", ":>6", ":<6", ":^9", ":05")
                    + (":_>+8d", ":#010b", ":*=7")
                )
                parts.append(f"{{{self.number()}{spec}}}")
                most += 70
        return f'f"{"".join(parts)}"', most

    def sought(self) -> str:
        if self.strict or self.chance(50):
            return self.word()
        text, most = self.text(1)
        return text if most <= 32 else f"char[32]({text})"

    def condition(self, depth: int = 2) -> str:
        text, _ = self.text(depth)
        match self.random.randrange(6):
            case 0:
                return f"{text} {self.random.choice(('==', '!='))} {self.text(depth)[0]}"
            case 1 if not self.strict:
                return f"{text} {self.random.choice(('<', '<=', '>', '>='))} {self.text(depth)[0]}"
            case 2:
                return f"{self.sought()} {self.random.choice(('in', 'not in'))} {text}"
            case 3:
                words = ", ".join(self.word() for _ in range(self.random.randrange(1, 4)))
                return f"({text}).{self.random.choice(('startswith', 'endswith'))}(({words},))"
            case 4:
                return f"({text}).{self.random.choice(('startswith', 'endswith'))}({self.sought()})"
            case _:
                return f"bool({text})"

    def value(self) -> str:
        text, _ = self.text()
        match self.random.randrange(8):
            case 0 | 1:
                return f"len({text})"
            case 2 | 3:
                return f"({text}).{self.random.choice(('find', 'rfind', 'index', 'rindex'))}({self.sought()})"
            case 4:
                return f"({text}).count({self.word()})"
            case 5:
                return f"ord({self.character(1)[0]})"
            case _:
                return f"({self.condition()}) + 0"

    def program(self) -> str:
        lines = [PRELUDE.rstrip("\n")]

        def attempt(line: str) -> None:
            lines.extend(["    try:", f"        {line}", "    except (IndexError, ValueError):"])
            lines.append(f"        out.v[{VALUES - 1}] += 1")

        for number in range(self.random.randrange(1, 5)):
            attempt(f"out.v[{number}] = {self.value()}")
        for number in range(self.random.randrange(0, 3)):
            text, most = self.text(3)
            attempt(f"out.t[{number}] = {text if most <= ROOM else f'char[{ROOM}]({text})'}")
        if self.chance(30):
            text, _ = self.text(2)
            attempt(f"row.b = char[16]({text})")
            attempt("out.v[9] = len(row.b)")
            attempt("out.t[4] = row.b")
        lines.append("    return XDP.DROP")
        return "\n".join(lines) + "\n"
