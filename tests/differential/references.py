"""Random programs full of references that may be None, by CPython and by the kernel, as many as you like.

    python tests/differential/references.py --programs 1000 --from 0

What other random programs (`campaign.py`) have few of: names that refer to values of several maps in turn, tests of
them that are kept in flags, the same written on several ways. Each program is compiled for one of three kernels,
loaded, run on five packets, and must do what CPython does. Exit code 1 if one doesn't. Needs root.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final, Protocol, final

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

import twice
from running import Kernel

from pyebpf import CompileError
from pyebpf.codegen import Worker
from pyebpf.kernel.versions import Version

TARGETS: Final[tuple[Version | None, ...]] = (None, (5, 10), (6, 18))
HEAD: Final = """
@struct
class Stats:
    n: u64
    m: i32
    f: u8
    h: u16[4]
    name: char[8]

a = Hash[u32, Stats](max_entries=16)
b = Hash[u32, Stats](max_entries=16)
c = Hash[u32, i64](max_entries=16)
rows = Array[Stats](max_entries=4)

@function
def bump(s, by):
    if s is None:
        return 0
    s.n += by
    return s.n & 15

@function
def either(k, j):
    s = a.get(k)
    if s is None:
        return b.get(j)
    return s

@xdp
def probe(packet):
    bits = packet.load(0, u8)
    for key in range(4):
        rows[key] = Stats()
        if (bits >> key) & 1:
            a[key] = Stats(n=key, m=key - 2, f=bits)
        elif key in a:
            del a[key]
        if (bits >> (key + 4)) & 1:
            b[key] = Stats(n=key + 7, m=-key)
            c[key] = key - 1
        else:
            if key in b:
                del b[key]
            if key in c:
                del c[key]
    x, y, z = packet.load(1, u8), packet.load(2, u8), packet.load(3, i8)
    p, q = a.get(x & 3), b.get(y & 3)
    r = rows[0]
    v = c.get(z & 3)
    found = seen = False
    x += 0
"""
TAIL: Final = """\
    out[0], out[1], out[2], out[7] = u64(x), u64(y), u64(found), u64(seen)
    out[3] = u64(p.n if p else 77)
    out[4] = u64(q.m if q is not None else 78)
    out[5] = u64(r.n)
    out[6] = u64(v if v is not None else 5)
    return XDP.DROP
"""
MATCH: Final = """\
match {name}, {number}:
    case None, 2:
        x = 64
    case s, n if s is not None and n > 2:
        s.n += n
    case _:
        y = 64"""


class Program(Protocol):
    """What writes a program."""

    def program(self) -> str: ...


@final
class Writer:
    """Writes one program."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def program(self) -> str:
        return HEAD + "".join(self.statement(2, 1) for _ in range(self.random.randint(3, 9))) + TAIL

    def name(self) -> str:
        return self.random.choice("pq")

    def lookup(self) -> str:
        return f"{self.random.choice('ab')}.get({self.simple()} & 3)"

    def simple(self) -> str:
        fields = ("(r.n & 255)", "r.m", "r.f", "r.h[1]", "r.h[x & 3]")
        return self.random.choice(("x", "y", "z", "0", "1", "2", "3", "7", "64", "255", "-1", *fields))

    def number(self, depth: int = 2) -> str:
        if depth <= 0:
            return self.simple()
        one, other, test, name = self.number(depth - 1), self.number(depth - 1), self.test(depth - 1), self.name()
        return self.random.choice(
            (
                self.simple(),
                self.simple(),
                f"({one} {self.random.choice('+-&|^')} {other})",
                f"min({one}, {other})",
                f"({one} if {test} else {other})",
                f"i64({test})",
                f"(v if v is not None else {one})",
                f"({name}.m if {name} is not None else {one})",
                f"({name}.f if {name} else 9)",
            )
        )

    def test(self, depth: int = 2) -> str:
        name, simple = self.name(), self.simple()
        known = (
            f"{name} is None",
            f"{name} is not None",
            self.random.choice(("v is None", "v is not None")),
            f"{simple} {self.random.choice(('<', '>', '==', '!=', '<=', '>='))} {self.simple()}",
            f"not {name}",
            f"(x & 3) in {self.random.choice('abc')}",
            f"({name} is not None and {name}.m > {simple})",
            f"({name} is None or {name}.f == {simple})",
            "r.f & 1",
            self.random.choice(("found", "seen")),
        )
        if depth <= 0 or self.random.random() < 0.6:
            return self.random.choice(known)
        one, other = self.test(depth - 1), self.test(depth - 1)
        return self.random.choice((f"({one} and {other})", f"({one} or {other})", f"({one}) == ({other})"))

    def block(self, depth: int, indent: int) -> str:
        if depth > 0:
            return "".join(self.statement(depth, indent) for _ in range(self.random.randint(1, 3)))
        ends = ("x = 64", "y = 64", "x = y", "found = True", "p = None", "q = p", "z = 1", "return XDP.DROP")
        return f"{'    ' * indent}{self.random.choice(ends)}\n"

    def statement(self, depth: int, indent: int) -> str:
        if self.random.random() < 0.2:
            text = f"if {self.test()}:\n{self.block(depth - 1, indent + 1)}"
            if self.random.random() < 0.5:
                text += f"{'    ' * indent}else:\n{self.block(depth - 1, indent + 1)}"
            return "    " * indent + text
        rows = self.random.choice((*self.assignments(), *self.uses())).split("\n")
        return "".join(f"{'    ' * indent}{row}\n" for row in rows)

    def assignments(self) -> tuple[str, ...]:
        name = self.name()
        return (
            f"{name} = {self.lookup()}",
            f"if {name} is None:\n    {name} = {self.lookup()}",
            f"{name} = {self.name()}",
            "p, q = q, p",
            f"{name} = {self.lookup()} if {self.test()} else {self.name()}",
            f"{name} = either({self.simple()} & 3, {self.simple()} & 3)",
            f"x = i64({self.number()})",
            f"y = {self.number()}",
            f"r = rows[{self.simple()} & 3]",
            f"if {name}:\n    r = {name}",
            f"v = c.get({self.simple()} & 3)",
            f"found = {self.test()}",
            f"seen = seen {self.random.choice(('or', 'and'))} {self.test()}",
            f"if {self.test()}:\n    x = 64",
        )

    def uses(self) -> tuple[str, ...]:
        name, test = self.name(), self.test()
        loop = f"for i in range({self.random.choice(('3', 'x & 7', '2'))}):"
        return (
            f"if {name} is not None:\n    {name}.n += 1\n    {name}.h[{self.simple()} & 3] = u16({self.number()})",
            f"r.m = i32({self.number()})",
            f"{loop}\n    {name} = {self.random.choice('ab')}.get(i)\n    if {test}:\n        break",
            f"{loop}\n    if {test}:\n        {name} = {self.lookup()}\n    y = {self.number()}",
            f"y += bump({name}, {self.simple()} & 7)",
            f"if ({name} := {self.lookup()}) is not None and {name}.n > 3:\n    x = {name}.m",
            MATCH.format(name=name, number=self.simple()),
        )


def attempt(number: int, worker: Worker, folder: Path) -> None:
    """Make and try program `number`."""
    tried(Random(f"references {number}"), Writer, worker, folder)


def tried(random: Random, write: Callable[[Random], Program], worker: Worker, folder: Path) -> None:
    """Try what `write` makes of random numbers."""
    text = write(random).program()
    packets = [bytes([*random.randbytes(4), *bytes(60)]) for _ in range(5)]
    twice.check_same(Kernel(worker, random.choice(TARGETS)), text, packets, folder)


def campaign(about: str | None, attempt: Callable[[int, Worker, Path], None]) -> int:
    """Try as many programs as the command line says; 1 if there are findings."""
    parser = argparse.ArgumentParser(description=(about or "").partition("\n")[0])
    parser.add_argument("--programs", type=int, default=1000, metavar="N")
    parser.add_argument("--from", type=int, default=0, metavar="N", dest="first", help="the first program's number")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    worker = Worker()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.first, given.first + given.programs):
            try:
                attempt(number, worker, Path(folder))
                counts["the same"] += 1
            except CompileError as error:
                counts[" ".join(sorted({diagnostic.code for diagnostic in error.diagnostics}))] += 1
            except Exception as error:
                counts["findings"] += 1
                print(f"## --from {number} --programs 1: {type(error).__name__}: {error}\n", flush=True)
                if not worker.alive:
                    worker = Worker()
            if number % 250 == 249:
                print(number + 1, dict(counts), flush=True)
    worker.close()
    print(dict(counts))
    return 1 if counts["findings"] else 0


if __name__ == "__main__":
    sys.exit(campaign(__doc__, attempt))
