"""Random programs over structs, unions, bit fields, arrays and slices.

The text is a probe, and runs in CPython as it is, with pyebpf's own classes of structs and unions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

PRELUDE = """\
from pyebpf import bits, char, struct, union
from pyebpf import i8, i16, i32, i64, u8, u16, u32, u64

"""
INTEGERS = ("u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64")
NAMES = ("", "a", "bash", "longname")


@dataclass
class Leaf:
    """A scalar somewhere inside a struct."""

    path: str
    kind: str
    """An integer type, `bool`, or `char`."""
    bits: int = 0
    seen_only: bool = False
    """Whether it lies deeper in a union: in Python what a union's fields give can't be changed in place."""

    def inside(self, path: str, union: bool) -> Leaf:
        return Leaf(f"{path}.{self.path}", self.kind, self.bits, union or self.seen_only)

    @property
    def signed(self) -> bool:
        return self.kind[0] == "i"

    @property
    def width(self) -> int:
        return self.bits or int(self.kind[1:])


@dataclass
class Shape:
    """A declared struct or union."""

    name: str
    lines: list[str]
    leaves: list[Leaf]
    arrays: list[tuple[str, str, int]]
    """Path, element type and length of arrays of integers."""
    wholes: list[tuple[str, str]]
    """Path and type of what can be copied and compared as a whole."""


@dataclass
class DataGenerator:
    random: Random
    lines: list[str] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    outputs: int = 0
    bases: dict[str, Shape] = field(default_factory=dict)
    slices: list[tuple[str, str, int]] = field(default_factory=list)

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    # Declarations

    def shape(self, name: str, kind: str, inner: list[Shape]) -> Shape:
        made = Shape(name, [], [], [], [])
        packed = kind == "struct" and self.chance(25)
        made.lines = [f"@{kind}(packed=True)" if packed else f"@{kind}", f"class {name}:"]
        taken = 0
        for number in range(self.random.randrange(2, 6)):
            self.member(made, f"f{number}", inner, kind == "union", packed)
            taken = number
        if kind == "struct" and self.chance(60):
            for number in range(taken + 1, taken + 1 + self.random.randrange(1, 5)):
                self.bit_field(made, f"f{number}", packed)
        self.shapes.append(made)
        return made

    def member(self, made: Shape, name: str, inner: list[Shape], union: bool, packed: bool) -> None:
        r = self.random
        match r.randrange(8):
            case 0 | 1 | 2:
                kind = r.choice(INTEGERS)
                default = f" = {r.randrange(100)}" if not union and self.chance(20) else ""
                made.lines.append(f"    {name}: {kind}{default}")
                made.leaves.append(Leaf(name, kind))
            case 3 if not union:
                made.lines.append(f"    {name}: bool")
                made.leaves.append(Leaf(name, "bool"))
            case 4 if not union:
                made.lines.append(f"    {name}: char[8]")
                made.leaves.append(Leaf(name, "char"))
            case 5 | 6 if inner:
                part = r.choice(inner)
                count = r.choice((0, 0, 2, 3))
                made.lines.append(f"    {name}: {part.name}" + (f"[{count}]" if count else ""))
                for path in [f"{name}[{i}]" for i in range(count)] or [name]:
                    self.nest(made, part, path)
                if count:
                    made.wholes.append((name, f"{part.name}[{count}]"))
            case _:
                kind, count = r.choice(INTEGERS), r.randrange(1, 7)
                made.lines.append(f"    {name}: {kind}[{count}]")
                made.wholes.append((name, f"{kind}[{count}]"))
                made.leaves += [Leaf(f"{name}[{i}]", kind, 0, union) for i in range(count)]
                if not union:
                    made.arrays.append((name, kind, count))

    def nest(self, made: Shape, part: Shape, path: str) -> None:
        union = made.lines[0].startswith("@union")
        made.leaves += [leaf.inside(path, union) for leaf in part.leaves]
        if not (union and "[" in path):
            made.wholes.append((path, part.name))
        if not union:
            made.arrays += [(f"{path}.{inner}", kind, count) for inner, kind, count in part.arrays]
            made.wholes += [(f"{path}.{inner}", kind) for inner, kind in part.wholes]

    def bit_field(self, made: Shape, name: str, packed: bool) -> None:
        kind = self.random.choice(INTEGERS[:3] + INTEGERS[4:7] if packed else INTEGERS)
        width = self.random.randrange(1, (8 if packed else int(kind[1:])) + 1)
        made.lines.append(f"    {name}: {kind} = bits({width})")
        made.leaves.append(Leaf(name, kind, width))

    # Expressions

    def leaf(self) -> Leaf:
        name = self.random.choice(list(self.bases))
        return self.random.choice(self.bases[name].leaves).inside(name, False)

    def number(self) -> str:
        """Something from 0 to 65535."""
        r = self.random
        match r.randrange(6):
            case 0:
                return str(r.choice((0, 1, 2, 7, 255, 256, 65535)))
            case 1:
                return "n"
            case 2 if self.slices:
                name, _, count = r.choice(self.slices)
                return f"({name}[{r.randrange(count)}] & 65535)"
            case _:
                leaf = self.leaf()
                if leaf.kind == "char":
                    return f"(1 if {leaf.path} == {r.choice(NAMES)!r} else 0)"
                return f"u16({leaf.path})" if leaf.kind == "bool" else f"({leaf.path} & 65535)"

    def expression(self) -> str:
        one, other = self.number(), self.number()
        return f"({one} {self.random.choice('+-*&|^')} {other})" if self.chance(60) else one

    def value_for(self, leaf: Leaf) -> str:
        text = self.expression()
        if leaf.kind == "bool":
            return f"{text} > {self.random.choice((0, 1, 100))}"
        if leaf.kind == "char":
            return repr(self.random.choice(NAMES))
        if not leaf.bits:
            return f"{leaf.kind}({text})"
        if leaf.signed:
            return f"max(min({text}, {(1 << leaf.bits - 1) - 1}), {-(1 << leaf.bits - 1)})"
        return f"{text} & {(1 << leaf.bits) - 1}"

    # Statements

    def output(self, text: str) -> None:
        if self.outputs < 30:
            self.lines.append(f"out[{self.outputs}] = u64({text})")
            self.outputs += 1

    def statement(self, depth: int = 0) -> None:
        r = self.random
        match r.randrange(10):
            case 0 | 1 | 2:
                leaf = self.leaf()
                if not leaf.seen_only:
                    self.lines.append(f"{leaf.path} = {self.value_for(leaf)}")
            case 3:
                self.whole()
            case 4:
                self.compare()
            case 5:
                self.slice()
            case 6:
                self.output(self.expression())
            case 7 if depth < 2:
                self.block(f"if {self.expression()} > {r.choice((0, 3, 200))}:", depth)
            case 8 if depth < 2:
                self.block(f"for i{depth} in range({r.randrange(1, 4)}):", depth)
            case _:
                self.moving()

    def block(self, head: str, depth: int) -> None:
        outer, self.lines = self.lines, []
        known = list(self.slices)
        for _ in range(self.random.randrange(1, 4)):
            self.statement(depth + 1)
        self.slices = known
        inner, self.lines = self.lines, outer
        self.lines += [head, *(f"    {line}" for line in inner or ["pass"])]

    def pairs(self) -> list[tuple[str, str]]:
        found = [(name, shape.name) for name, shape in self.bases.items()]
        for name, shape in self.bases.items():
            found += [(f"{name}.{path}", kind) for path, kind in shape.wholes]
        return found

    def whole(self) -> None:
        """Copy something whole."""
        pairs = [pair for pair in self.pairs() if "." in pair[0]]
        if not pairs:
            return
        target, kind = self.random.choice(pairs)
        sources = [path for path, other in self.pairs() if other == kind and not self.in_union(path)]
        source = f"{self.random.choice(sources or [f'{kind}()'])}.copy()"
        shape = next((shape for shape in self.shapes if shape.name == kind), None)
        if shape is not None and self.chance(40):
            source = self.literal(shape)
        self.lines.append(f"{target} = {source}")

    def in_union(self, path: str) -> bool:
        """Whether `path` is a field of a union, whose value is a new one each time."""
        return any(path.startswith(f"{outer}.") for outer, kind in self.pairs() if self.is_union(kind))

    def is_union(self, name: str) -> bool:
        return any(shape.name == name and shape.lines[0] == "@union" for shape in self.shapes)

    def literal(self, shape: Shape) -> str:
        plain = [leaf for leaf in shape.leaves if "." not in leaf.path and "[" not in leaf.path]
        most = 1 if shape.lines[0].startswith("@union") else len(plain)
        chosen = self.random.sample(plain, self.random.randrange(min(len(plain), most) + 1))
        return f"{shape.name}({', '.join(f'{leaf.path}={self.value_for(leaf)}' for leaf in chosen)})"

    def compare(self) -> None:
        pairs = self.pairs()
        one, kind = self.random.choice(pairs)
        other = self.random.choice([path for path, same in pairs if same == kind])
        self.output(f"{one} {self.random.choice(('==', '!='))} {other}")

    def arrays(self) -> list[tuple[str, str, int]]:
        found = [
            (f"{name}.{path}", kind, count) for name, shape in self.bases.items() for path, kind, count in shape.arrays
        ]
        return [*found, *self.slices]

    def slice(self) -> None:
        arrays = self.arrays()
        if not arrays:
            return
        path, kind, count = self.random.choice(arrays)
        start = self.random.randrange(count)
        stop = self.random.randrange(start + 1, count + 1)
        length, part = stop - start, f"{path}[{start}:{stop}]"
        match self.random.randrange(3):
            case 0:
                name = f"w{len(self.lines)}_{self.outputs}"
                self.lines.append(f"{name} = {part}")
                self.slices.append((name, kind, length))
            case 1:
                others = [item for item in arrays if item[1] == kind and item[2] >= length]
                other, _, most = self.random.choice(others)
                at = self.random.randrange(most - length + 1)
                self.lines.append(f"{part} = {other}[{at}:{at + length}]")
            case _:
                others = [item for item in arrays if item[1] == kind and item[2] >= length]
                other, _, most = self.random.choice(others)
                self.output(f"{part} == {other}[{most - length}:]")

    def moving(self) -> None:
        """An element, or a slice, at a place that isn't constant."""
        arrays = self.arrays()
        if not arrays:
            return
        path, kind, count = self.random.choice(arrays)
        if self.chance(50) or count < 2:
            self.lines.append(f"{path}[{self.number()} % {count}] = {kind}({self.expression()})")
            return
        length = self.random.randrange(1, count)
        name = f"at{len(self.lines)}_{self.outputs}"
        self.lines.append(f"{name} = {self.number()} % {count - length + 1}")
        values = ", ".join(f"{kind}({self.number()})" for _ in range(length))
        self.lines.append(f"{path}[{name}:{name} + {length}] = {kind}[{length}]({values})")

    def program(self) -> str:
        inner = self.shape("A", "struct", [])
        other = self.shape("B", self.random.choice(("union", "union", "struct")), [inner])
        whole = self.shape("C", "struct", [inner, other])
        self.bases = {"r": whole, "s": whole, "t": inner, "u": other}
        self.lines = ["n = packet.load(0, u8)", "rows[0] = C()", "r = rows[0]"]
        self.lines += ["s = C()", "t = A()", "u = B()"]
        for _ in range(self.random.randrange(4, 16)):
            self.statement()
        self.lines.append("h = 0")
        for name, shape in self.bases.items():
            for leaf in shape.leaves:
                seen = f"{name}.{leaf.path}"
                part = f"(1 if {seen} == 'bash' else 0)" if leaf.kind == "char" else f"({seen} & 65535)"
                part = f"u16({seen})" if leaf.kind == "bool" else part
                self.lines.append(f"h = (h * 31 + {part}) & 0xffffffff")
        self.lines.append("out[31] = h")
        declared = "\n".join("\n".join(shape.lines) + "\n" for shape in self.shapes)
        body = "\n".join(f"    {line}" for line in self.lines)
        head = "rows = Array[C](max_entries=1)\n\n@xdp\ndef probe(packet):\n"
        return f"{PRELUDE}{declared}\n{head}{body}\n    return XDP.DROP\n"
