"""Random programs full of local structs, arrays of them, text in them, records and lengths, by CPython and the kernel.

    python tests/differential/objects.py --programs 1000 --from 0

What other random programs have few of: addresses of parts of what lies on the stack, at indexes that vary; text that is
compared, searched and put together; records that are left on many ways, out of loops of all sizes. Otherwise as
`references.py`. Exit code 1 if one doesn't do what CPython does. Needs root.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random
from typing import Final, final

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from references import campaign, tried

from pyebpf.codegen import Worker

HEAD: Final = """
@struct
class Inner:
    a: u16
    t: char[6]

@struct
class Item:
    k: u16
    i: Inner
    n: i32
    name: char[8]

@struct
class Event:
    n: u64
    k: u16
    name: char[8]

ring = RingBuf[Event](size=1 << 22)
table = Hash[u32, u64](max_entries=8)
kept = Array[Item](max_entries=4)

@function
def first(items, key):
    for item in items:
        if item.k == key:
            return item.i.a
    return 7

@function
def named(number) -> char[8]:
    if number & 1:
        return "odd"
    return "" if number == 4 else "even"

@xdp
def probe(packet):
    x, y, z = packet.load(0, u8), packet.load(1, u8), packet.load(2, i8)
    size = len(packet)
    items = Item[SIZE]()
    one = Item()
    s: char[8] = "ab"
    if 3 in table:
        del table[3]
    for key in range(3):
        table[key] = (x >> key) & 3
    for key in range(4):
        kept[key] = Item()
"""
TAIL: Final = """\
    out[0], out[1], out[2] = u64(x), u64(y), u64(z)
    out[3] = sum(item.k + item.i.a for item in items)
    out[4] = sum(len(item.name) + 10 * len(item.i.t) for item in items)
    out[5] = u64(one.n) + one.k
    out[6] = len(s)
    out[7] = u64(s == one.name) + 2 * u64(s > one.i.t)
    return XDP.DROP
"""


@final
class Writer:
    """Writes one program."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.size = random.choice((1, 2, 3, 4, 8, 16))
        self.records = 0

    def program(self) -> str:
        body = "".join(self.statement(2, 1) for _ in range(self.random.randint(3, 8)))
        return HEAD.replace("SIZE", str(self.size)) + body + TAIL

    def number(self) -> str:
        plain = ("x", "y", "z", "x & 3", "y >> 4", "1", "2", "3", "255", "one.k", "one.n", "one.i.a", "size")
        item = self.item()
        text = self.text()
        return self.random.choice((*plain, f"{item}.k", f"{item}.i.a", f"len({text})", f"u16({plain[0]} * 3)"))

    def index(self) -> str:
        number = self.random.choice(("x", "y", "z", "one.k", "x + y"))
        return self.random.choice((f"({number}) % {self.size}", f"({number}) & 1" if self.size > 1 else "0", "-1", "0"))

    def item(self) -> str:
        index = self.index()
        return self.random.choice((f"items[{index}]", f"items[{index}]", "one", "kept[x & 3]"))

    def text(self) -> str:
        item = self.item()
        choices = ("s", '"ab"', '""', f"{item}.name", f"{item}.i.t", "named(x)", "s[1:]", "s[:3]", f"{item}.name[:2]")
        return self.random.choice(choices)

    def test(self) -> str:
        one, other = self.text(), self.text()
        return self.random.choice(
            (
                f"{self.number()} {self.random.choice(('<', '>', '==', '!='))} {self.number()}",
                f"{one} == {other}" if one[0] != '"' or other[0] != '"' else "x > y",
                f"s.startswith({other})",
                f"{self.item()}.name.endswith({other})",
                f"{self.item()} == {self.item()}",
                f"(x & 3) in table and z > {self.random.randint(-9, 9)}",
            )
        )

    def block(self, depth: int, indent: int) -> str:
        if depth > 0 and self.random.random() < 0.7:
            return "".join(self.statement(depth, indent) for _ in range(self.random.randint(1, 2)))
        ends = ["x = 64", "y = x", "s = 'k'", f"one.k = u16({self.number()})", "z = i8(y)"]
        if self.records:
            ends += ["return XDP.TX", "record.n += 3", "record.name = s", "assert x != y"]
        return f"{'    ' * indent}{self.random.choice(ends)}\n"

    def statement(self, depth: int, indent: int) -> str:
        space, kind = "    " * indent, self.random.random()
        if kind < 0.2:
            text = f"{space}if {self.test()}:\n{self.block(depth - 1, indent + 1)}"
            return text + (f"{space}else:\n{self.block(depth - 1, indent + 1)}" if self.random.random() < 0.5 else "")
        if kind < 0.32 and depth > 0:
            count = self.random.choice(("2", "x & 7", "30", "600", "5000"))
            heads = (
                f"for i in range({count}):",
                f"for i, each in enumerate({self.listed()}):",
                "for k, v in table.items():",
            )
            text = f"{space}{self.random.choice(heads)}\n{self.block(depth - 1, indent + 1)}"
            return text + f"{space}    if {self.test()}:\n{space}        {self.random.choice(('break', 'x += 1'))}\n"
        if kind < 0.45 and depth > 0 and not self.records:
            self.records += 1
            body = self.block(depth, indent + 2)
            self.records -= 1
            text = f"{space}try:\n{space}    with ring.reserve() as record:\n{body}{space}        record.k = u16(x)\n"
            return f"{text}{space}except AssertionError:\n{space}    x = 9\n"
        return f"{space}{self.random.choice(self.simple())}\n"

    def listed(self) -> str:
        return self.random.choice(("items", "kept", "s"))

    def simple(self) -> tuple[str, ...]:
        item, other = self.item(), self.item()
        return (
            f"{item}.k = u16({self.number()})",
            f"{item}.i.a = u16({self.number()})",
            f"{item}.name = char[8]({self.text()})",
            f"{item}.i.t = char[6]({self.text()})",
            f"{item} = {other}.copy()",
            f"{item}.i = Inner(a=u16({self.number()}), t='xy')",
            f"x = u8({self.number()})",
            f"y = u8(first(items, {self.number()}))",
            f"s = char[8]({self.text()} + {self.text()})",
            "s = char[8](f'{x & 7}{s}')",
            f"z = i8(size - {self.number()})",
            f"one.n = i32({self.number()})",
            f"y = u8({self.item()}.name.find('b') & 7)",
            f"table[u32(x & 1)] = u64({self.number()})",
        )


def attempt(number: int, worker: Worker, folder: Path) -> None:
    """Make and try program `number`."""
    tried(Random(f"objects {number}"), Writer, worker, folder)


if __name__ == "__main__":
    sys.exit(campaign(__doc__, attempt))
