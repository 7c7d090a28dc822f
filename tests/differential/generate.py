"""Random programs of the language, each with its meaning in plain Python.

A program is generated as two texts, line by line the same. One is the probe. The other is what CPython runs: it
differs only where the language wraps around at 64 bits, or stores into memory of a fixed size, and there says so:

    probe                               reference
    x = x * entry.a                     x = wrap_u64(x * entry.a)
    entry.c += y                        entry.c = u32(entry.c + y)

So what is left to the two implementations is Python's own meaning: rounding, signs, order, faults, and control flow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

import gen_control
import gen_shapes

I64 = (-(2**63), 2**63 - 1)
U64 = (0, 2**64 - 1)
BOOL = (0, 1)
Range = tuple[int, int]

FIELDS: dict[str, Range] = {
    "a": U64, "b": I64, "c": (0, 2**32 - 1), "d": (-(2**31), 2**31 - 1), "e": (0, 2**16 - 1),
    "f": (-(2**15), 2**15 - 1), "g": (0, 255), "h": (-128, 127),
}  # fmt: skip
FIELD_TYPES = {"a": "u64", "b": "i64", "c": "u32", "d": "i32", "e": "u16", "f": "i16", "g": "u8", "h": "i8"}
TYPES: dict[str, Range] = {name: FIELDS[key] for key, name in FIELD_TYPES.items()}
ELEMENTS = 8
"""Of the arrays."""
OUTPUTS = 24
WORDS = ("", "a", "bash", "python3", "longname")
LARGEST_LOOP = 6
RAISED = ("KeyError", "IndexError", "ZeroDivisionError", "AssertionError", "ValueError('no')")
CAUGHT = (
    *("KeyError", "IndexError", "ZeroDivisionError", "AssertionError", "LookupError", "ArithmeticError"),
    *("(KeyError, ValueError)", "(IndexError, AssertionError, ArithmeticError)", "Exception"),
)

PRELUDE = """\
from pyebpf import XDP, Array, Hash, char, function, i8, i16, i32, i64, struct, u8, u16, u32, u64, xdp

@struct
class Entry:
    a: u64
    b: i64
    c: u32
    d: i32
    e: u16
    f: i16
    g: u8
    h: i8
    k: bool
    v: u16[8]
    name: char[8]

@struct
class Out:
    v: u64[24]

@struct
class Pair:
    x: i32
    y: u64

inputs = Array[Entry](max_entries=1)
outputs = Array[Out](max_entries=1)
table = Hash[u32, i64](max_entries=64)
"""


@dataclass(frozen=True)
class Expression:
    """Text for the probe, text for the reference, and the range that the language's types give it."""

    probe: str
    python: str
    range: Range
    boolean: bool = False
    constant: bool = False

    @property
    def low(self) -> int:
        return self.range[0]

    @property
    def high(self) -> int:
        return self.range[1]


@dataclass
class Local:
    """A local variable. `kind`: i for i64, u for u64, b for bool, c for one that can't be assigned, or the name of its
    declared type."""

    name: str
    kind: str

    @property
    def range(self) -> Range:
        return {"i": I64, "u": U64, "b": BOOL, "c": I64}.get(self.kind) or TYPES[self.kind]


@dataclass
class Helper:
    name: str
    parameters: tuple[tuple[str, str], ...]
    """Names and types."""
    kind: str


@dataclass
class Scope:
    """What expressions may name here."""

    locals: list[Local] = field(default_factory=list)
    entry: bool = False
    arrays: list[str] = field(default_factory=list)
    pairs: list[str] = field(default_factory=list)
    readable: list[Local] = field(default_factory=list)
    """Those of the function around this one, which it doesn't assign."""
    tuples: dict[str, int] = field(default_factory=dict)
    """Names of tuples of numbers, and how many they hold."""
    inners: list[gen_shapes.Inner] = field(default_factory=list)
    """Functions inside of the probe."""
    result: str = ""
    """Kind of the function's result, "" in the probe."""
    results: int = 1
    """How many of them it gives."""


def storage(range: Range) -> Range:
    return U64 if range[1] > I64[1] else I64


def fits(range: Range) -> bool:
    return (range[0] >= I64[0] and range[1] <= I64[1]) or (range[0] >= 0 and range[1] <= U64[1])


@dataclass
class Generator:
    random: Random
    exact: Callable[[str, Range, Range], Range]
    """The range of an operation's result in unlimited integers."""
    probe: list[str] = field(default_factory=list)
    python: list[str] = field(default_factory=list)
    scope: Scope = field(default_factory=Scope)
    helpers: list[Helper] = field(default_factory=list)
    constants: list[int] = field(default_factory=list)
    """Those that were used: what is written twice is what an optimiser puts together."""
    names: int = 0
    outputs: int = 0
    budget: int = 25
    """Statements that are left."""
    loops: int = 0
    rounds: int = 1

    # Text

    def line(self, depth: int, probe: str, python: str | None = None) -> None:
        self.probe.append("    " * depth + probe)
        self.python.append("    " * depth + (probe if python is None else python))

    def name(self, prefix: str) -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    # Expressions

    def constant(self, range: Range = I64) -> Expression:
        r = self.random
        interesting = (
            0,
            1,
            2,
            3,
            5,
            7,
            8,
            10,
            31,
            32,
            63,
            64,
            100,
            255,
            256,
            1000,
            65535,
            2**31,
            2**32 - 1,
            2**62,
            2**63 - 1,
        )
        if self.constants and self.chance(40):
            value = r.choice(self.constants)
        else:
            value = r.choice(interesting) if self.chance(70) else r.randrange(2 ** r.randrange(1, 63))
            if self.chance(35):
                value = -value
            self.constants.append(value)
        if not range[0] <= value <= range[1]:
            value = r.choice((0, 1, 2, 7, 8)) if range[0] >= 0 else r.choice((-2, -1, 0, 1, 7))
            value = min(max(value, range[0]), range[1])
        text = str(value) if value >= 0 else f"({value})"
        return Expression(text, text, (value, value), constant=True)

    def leaf(self) -> Expression:
        choices: list[Expression] = []
        for local in self.scope.locals:
            choices += [Expression(local.name, local.name, local.range, local.kind == "b")] * 3
        for local in self.scope.readable:
            choices.append(Expression(local.name, local.name, local.range))
        if self.scope.entry:
            for name, range in FIELDS.items():
                choices.append(Expression(f"entry.{name}", f"entry.{name}", range))
            choices.append(Expression("entry.k", "entry.k", BOOL, True))
        for name in self.scope.pairs:
            choices.append(Expression(f"{name}.x", f"{name}.x", TYPES["i32"]))
            choices.append(Expression(f"{name}.y", f"{name}.y", U64))
        if not choices or self.chance(20):
            return self.constant()
        return self.random.choice(choices)

    def expression(self, depth: int = 3) -> Expression:
        if depth <= 0 or self.chance(15):
            return self.leaf()
        makers = [self.arithmetic] * 8 + [self.unary, self.conversion, self.conversion, self.conditional, self.extreme]
        makers += [self.logic_value, self.truth, self.element, self.walrus, self.lookup, self.call]
        makers += [partial(gen_control.reduction, self), partial(gen_shapes.expression, self)]
        return self.random.choice(makers)(depth)

    def arithmetic(self, depth: int) -> Expression:
        operator = self.random.choice(("+", "-", "*", "//", "%", "<<", ">>", "&", "|", "^"))
        left, right = self.expression(depth - 1), self.expression(depth - 1)
        if operator in ("<<", ">>") and self.chance(80):
            right = self.shift_count(right)
        if operator in ("//", "%") and right.constant and right.low == 0:
            right = self.constant((1, 1000))
        if operator in ("<<", ">>") and right.constant and not 0 <= right.low <= 100:
            right = Expression("3", "3", (3, 3), constant=True)
        left, right = self.same_sign(operator, left, right)
        return self.binary(operator, left, right)

    def shift_count(self, count: Expression) -> Expression:
        if count.constant:
            value = self.random.choice((0, 1, 5, 31, 32, 63, 64, 70))
            return Expression(str(value), str(value), (value, value), constant=True)
        mask = self.random.choice((7, 31, 63, 127))
        return Expression(f"({count.probe} & {mask})", f"({count.python} & {mask})", (0, mask))

    def same_sign(self, operator: str, left: Expression, right: Expression) -> tuple[Expression, Expression]:
        """No u64 beside what may be negative, where the exact result may not fit."""
        if operator in ("<<", ">>"):
            return left, right
        mixed = (left.low < 0 and right.high > I64[1]) or (right.low < 0 and left.high > I64[1])
        if mixed and (operator in ("//", "%") or not fits(self.exact(operator, left.range, right.range))):
            left, right = (self.as_unsigned(side) if side.low < 0 else side for side in (left, right))
        return left, right

    def as_unsigned(self, value: Expression) -> Expression:
        if value.constant:
            return Expression("7", "7", (7, 7), constant=True)
        if value.high <= I64[1] and self.chance(40):
            return Expression(f"max({value.probe}, 0)", f"max({value.python}, 0)", (0, max(value.high, 0)))
        return Expression(f"u64({value.probe})", f"u64({value.python})", U64)

    def binary(self, operator: str, left: Expression, right: Expression) -> Expression:
        low, high = self.exact(operator, left.range, right.range)
        probe = f"({left.probe} {operator} {right.probe})"
        python = f"({left.python} {operator} {right.python})"
        if operator == "<<":
            python = f"shift_left({left.python}, {right.python})"
        if operator == ">>":
            python = f"shift_right({left.python}, {right.python})"
        if left.constant and right.constant:
            value = eval(probe) if fits((low, high)) else None
            return self.constant() if value is None else Expression(probe, python, (value, value), constant=True)
        if fits((low, high)):
            return Expression(probe, python, (low, high))
        signed = left.low < 0 or (right.low < 0 and operator not in ("<<", ">>"))
        return Expression(probe, f"wrap_{'i' if signed else 'u'}64({python})", I64 if signed else U64)

    def unary(self, depth: int) -> Expression:
        inner = self.expression(depth - 1)
        if inner.constant:
            return inner
        match self.random.choice("-~a"):
            case "-":
                zero = Expression("0", "0", (0, 0), constant=True)
                result = self.binary("-", zero, inner)
                return Expression(f"(-{inner.probe})", result.python, result.range)
            case "~" if inner.high > I64[1]:
                return Expression(f"(~{inner.probe})", f"wrap_u64(~{inner.python})", U64)
            case "~":
                return Expression(f"(~{inner.probe})", f"(~{inner.python})", (~inner.high, ~inner.low))
            case _:
                high = max(-inner.low, inner.high) if inner.low < 0 else inner.high
                low = 0 if inner.low < 0 else inner.low
                return Expression(f"abs({inner.probe})", f"abs({inner.python})", (low, high))

    def conversion(self, depth: int) -> Expression:
        type = self.random.choice(tuple(TYPES))
        inner = self.expression(depth - 1)
        if inner.constant:
            return inner
        return Expression(f"{type}({inner.probe})", f"{type}({inner.python})", TYPES[type])

    def conditional(self, depth: int) -> Expression:
        test, then, orelse = self.condition(depth - 1), self.expression(depth - 1), self.expression(depth - 1)
        range = (min(then.low, orelse.low), max(then.high, orelse.high))
        if not fits(range) or test.constant:
            return then
        both = then.boolean and orelse.boolean
        probe = f"({then.probe} if {test.probe} else {orelse.probe})"
        return Expression(probe, f"({then.python} if {test.python} else {orelse.python})", range, both)

    def extreme(self, depth: int) -> Expression:
        name = self.random.choice(("min", "max"))
        pick = min if name == "min" else max
        one, two = self.expression(depth - 1), self.expression(depth - 1)
        range = (pick(one.low, two.low), pick(one.high, two.high))
        if not fits(range) or (one.constant and two.constant):
            return one
        return Expression(f"{name}({one.probe}, {two.probe})", f"{name}({one.python}, {two.python})", range)

    def logic_value(self, depth: int) -> Expression:
        word = self.random.choice(("and", "or"))
        one, two = self.expression(depth - 1), self.expression(depth - 1)
        range = (min(one.low, two.low), max(one.high, two.high))
        if not fits(range) or one.constant:
            return two
        both = one.boolean and two.boolean
        probe, python = f"({one.probe} {word} {two.probe})", f"({one.python} {word} {two.python})"
        return Expression(probe, python, BOOL if both else storage(range), both)

    def element(self, depth: int) -> Expression:
        arrays = [*self.scope.arrays, *(["entry.v"] if self.scope.entry else [])]
        if not arrays:
            return self.leaf()
        name = self.random.choice(arrays)
        index = self.index(depth)
        range = TYPES["u16"] if name == "entry.v" else TYPES["i32"]
        return Expression(f"{name}[{index.probe}]", f"{name}[{index.python}]", range)

    def index(self, depth: int) -> Expression:
        """Mostly inside, sometimes negative, at times outside."""
        if self.chance(15):
            value = self.random.randrange(-ELEMENTS, ELEMENTS)
            return Expression(str(value), str(value), (value, value), constant=True)
        inner = self.expression(depth - 1)
        if inner.constant or self.chance(85):
            if inner.constant:
                inner = self.leaf()
            if inner.constant:
                return Expression("3", "3", (3, 3), constant=True)
            mask = self.random.choice((3, 7, 7, 7, 15))
            masked = Expression(f"({inner.probe} & {mask})", f"({inner.python} & {mask})", (0, mask))
            if self.chance(30):
                return self.binary("-", masked, Expression("8", "8", (8, 8), constant=True))
            return masked
        return inner

    def walrus(self, depth: int) -> Expression:
        targets = [local for local in self.scope.locals if local.kind in "iu"]
        if not targets:
            return self.leaf()
        target = self.random.choice(targets)
        value = self.suited(target, depth - 1)
        return Expression(f"({target.name} := {value.probe})", f"({target.name} := {value.python})", target.range)

    def lookup(self, depth: int) -> Expression:
        key = self.key(depth)
        match self.random.randrange(5):
            case 0:
                return Expression(f"table[{key.probe}]", f"table[{key.python}]", I64)
            case 1:
                return Expression(f"({key.probe} in table)", f"({key.python} in table)", BOOL, True)
            case way:
                method = "get" if way < 4 else "pop"
                default = self.suited(Local("", "i"), depth - 1)
                probe = f"table.{method}({key.probe}, {default.probe})"
                return Expression(probe, f"table.{method}({key.python}, {default.python})", I64)

    def key(self, depth: int) -> Expression:
        inner = self.expression(depth - 1)
        if inner.constant:
            return Expression("2", "2", (2, 2), constant=True)
        return Expression(f"u32({inner.probe} & 3)", f"u32({inner.python} & 3)", TYPES["u32"])

    def call(self, depth: int) -> Expression:
        if not self.helpers or self.scope.result:
            return self.leaf()
        helper = self.random.choice(self.helpers)
        arguments = [self.suited(Local("", kind), depth - 1) for _, kind in helper.parameters]
        probe, python = (", ".join(getattr(argument, side) for argument in arguments) for side in ("probe", "python"))
        return Expression(f"{helper.name}({probe})", f"{helper.name}({python})", {"i": I64, "u": U64}[helper.kind])

    # Truth

    def truth(self, depth: int) -> Expression:
        return self.condition(depth)

    def condition(self, depth: int) -> Expression:
        if depth <= 0 or self.chance(60):
            return self.comparison(depth)
        match self.random.randrange(5):
            case 3:
                return gen_control.membership(self)
            case 0:
                inner = self.condition(depth - 1)
                return Expression(f"(not {inner.probe})", f"(not {inner.python})", BOOL, True)
            case 1 if self.scope.entry:
                word = self.random.choice(WORDS)
                operator = self.random.choice(("==", "!="))
                text = f"(entry.name {operator} {word!r})"
                return Expression(text, text, BOOL, True)
            case 2:
                one, two, three = (self.expression(depth - 1) for _ in range(3))
                if one.constant and (two.constant or three.constant):
                    return self.comparison(depth)
                return Expression(
                    f"({one.probe} in ({two.probe}, {three.probe}))",
                    f"({one.python} in ({two.python}, {three.python}))",
                    BOOL,
                    True,
                )
            case _:
                word = self.random.choice(("and", "or"))
                one, two = self.condition(depth - 1), self.condition(depth - 1)
                return Expression(
                    f"({one.probe} {word} {two.probe})", f"({one.python} {word} {two.python})", BOOL, True
                )

    def comparison(self, depth: int) -> Expression:
        operators = ("==", "!=", "<", "<=", ">", ">=")
        parts = [self.expression(depth - 1) for _ in range(3 if self.chance(20) else 2)]
        if all(part.constant for part in parts[:2]):
            parts[0] = self.leaf()
        if all(part.constant for part in parts[:2]):
            return Expression("(1 == 1)", "(1 == 1)", BOOL, True, True)
        probe, python = parts[0].probe, parts[0].python
        for part in parts[1:]:
            operator = self.random.choice(operators)
            probe, python = f"{probe} {operator} {part.probe}", f"{python} {operator} {part.python}"
        return Expression(f"({probe})", f"({python})", BOOL, True)

    # Statements

    def suited(self, local: Local, depth: int = 3) -> Expression:
        """An expression that the local takes."""
        if local.kind == "b":
            return self.condition(depth)
        value = self.expression(depth)
        low, high = local.range
        if low <= value.low and value.high <= high:
            return value
        type = {"i": "i64", "u": "u64"}.get(local.kind, local.kind)
        if value.constant:
            return Expression("5", "5", (5, 5), constant=True)
        return Expression(f"{type}({value.probe})", f"{type}({value.python})", TYPES[type])

    def assign(self, depth: int) -> None:
        target = self.random.choice(self.scope.locals)
        value = self.suited(target)
        self.line(depth, f"{target.name} = {value.probe}", f"{target.name} = {value.python}")

    def augment(self, depth: int) -> None:
        targets = [local for local in self.scope.locals if local.kind in "iu"]
        if not targets:
            return
        target = self.random.choice(targets)
        old = Expression(target.name, target.name, target.range)
        operator = self.random.choice(("+", "-", "*", "//", "%", "&", "|", "^", ">>", "<<"))
        value = self.expression(2)
        if operator in ("<<", ">>"):
            value = self.shift_count(value)
        if operator in ("//", "%") and value.constant and value.low == 0:
            value = Expression("7", "7", (7, 7), constant=True)
        if value.low < 0 and target.kind == "u":
            value = self.as_unsigned(value)
        if value.high > I64[1] and target.kind == "i":
            value = Expression(f"i64({value.probe})", f"i64({value.python})", I64)
        result = self.binary(operator, old, value)
        if not (target.range[0] <= result.low and result.high <= target.range[1]):
            return
        self.line(depth, f"{target.name} {operator}= {value.probe}", f"{target.name} = {result.python}")

    def output(self, depth: int) -> None:
        if self.outputs >= OUTPUTS or self.scope.result:
            return
        value = self.expression()
        place = f"out.v[{self.outputs}]"
        if value.constant:
            self.line(depth, f"{place} = 7")
        else:
            self.line(depth, f"{place} = u64({value.probe})", f"{place} = u64({value.python})")
        self.outputs += 1

    def store(self, depth: int) -> None:
        """Into memory: a field, an element, an entry."""
        if not self.scope.entry:
            return
        match self.random.randrange(6):
            case 0:
                name = self.random.choice(tuple(FIELDS))
                value = self.suited(Local("", FIELD_TYPES[name]))
                self.line(depth, f"entry.{name} = {value.probe}", f"entry.{name} = {value.python}")
            case 1:
                name = self.random.choice("abcd")
                type = FIELD_TYPES[name]
                value = self.expression(2)
                if value.low < 0 and type[0] == "u":
                    value = self.as_unsigned(value)
                operator = self.random.choice("+-")
                self.line(
                    depth,
                    f"entry.{name} {operator}= {value.probe}",
                    f"entry.{name} = {type}(entry.{name} {operator} {value.python})",
                )
            case 2:
                index, value = self.index(2), self.suited(Local("", "u16"))
                self.line(depth, f"entry.v[{index.probe}] = {value.probe}", f"entry.v[{index.python}] = {value.python}")
            case 3 if self.scope.arrays:
                name, index, value = self.random.choice(self.scope.arrays), self.index(2), self.suited(Local("", "i32"))
                self.line(depth, f"{name}[{index.probe}] = {value.probe}", f"{name}[{index.python}] = {value.python}")
            case 4 if self.scope.pairs:
                name, value = self.random.choice(self.scope.pairs), self.suited(Local("", "i32"))
                self.line(depth, f"{name}.x = {value.probe}", f"{name}.x = {value.python}")
            case _:
                self.entry_statement(depth)

    def entry_statement(self, depth: int) -> None:
        key, value = self.key(2), self.suited(Local("", "i"))
        match self.random.randrange(4):
            case 0:
                self.line(
                    depth,
                    f"table[{key.probe}] += {value.probe}",
                    f"put(table, old(table, {key.python}), {value.python})",
                )
            case 1 if self.chance(40):
                self.line(depth, f"del table[{key.probe}]", f"del table[{key.python}]")
            case _:
                self.line(depth, f"table[{key.probe}] = {value.probe}", f"table[{key.python}] = {value.python}")

    def optional(self, depth: int) -> None:
        """`get` without a default, used where it is there."""
        key, name = self.key(2), self.name("o")
        if self.chance(50):
            self.line(
                depth,
                f"if ({name} := table.get({key.probe})) is not None:",
                f"if ({name} := table.get({key.python})) is not None:",
            )
            self.scope.locals.append(Local(name, "i"))
            local = self.scope.locals[-1]
            self.block(depth + 1, frozen=local)
            self.scope.locals.remove(local)
        else:
            method = self.random.choice(("get", "pop"))
            self.line(depth, f"{name} = table.{method}({key.probe})", f"{name} = table.{method}({key.python}, None)")
            self.line(depth, f"if {name} is None:")
            value = self.constant()
            self.line(depth + 1, f"{name} = {value.probe}", f"{name} = {value.python}")
            use = self.expression(1)
            if self.outputs < OUTPUTS and not self.scope.result and not use.high > I64[1] and not self.loops:
                result = self.binary("^", Expression(name, name, I64), use)
                self.line(
                    depth,
                    f"out.v[{self.outputs}] = u64({result.probe})",
                    f"out.v[{self.outputs}] = u64({result.python})",
                )
                self.outputs += 1

    def branch(self, depth: int) -> None:
        test = self.condition(2)
        self.line(depth, f"if {test.probe}:", f"if {test.python}:")
        self.block(depth + 1)
        if self.chance(25):
            test = self.condition(1)
            self.line(depth, f"elif {test.probe}:", f"elif {test.python}:")
            self.block(depth + 1)
        if self.chance(50):
            self.line(depth, "else:")
            self.block(depth + 1)

    def for_loop(self, depth: int) -> None:
        if self.loops >= 2 or self.rounds > 20:
            return
        name = self.name("n")
        r = self.random
        match r.randrange(4):
            case 0:
                count = r.randrange(0, LARGEST_LOOP)
                probe = python = f"range({count})"
            case 1:
                start, stop, step = r.randrange(-5, 9), r.randrange(-5, 9), r.choice((-3, -2, -1, 1, 2, 3))
                probe = python = f"range({start}, {stop}, {step})"
            case 2:
                value = self.expression(1)
                if value.constant:
                    value = Expression("3", "3", (3, 3))
                probe, python = f"range({value.probe} & 3)", f"range({value.python} & 3)"
            case _:
                value = self.expression(1)
                if value.constant:
                    value = Expression("3", "3", (3, 3))
                probe, python = f"range(1, min({value.probe}, 4))", f"range(1, min({value.python}, 4))"
        self.line(depth, f"for {name} in {probe}:", f"for {name} in {python}:")
        local = Local(name, "i")
        self.scope.locals.append(local)
        self.loop_body(depth, local)

    def while_loop(self, depth: int) -> None:
        if self.loops >= 2 or self.rounds > 20:
            return
        name = self.name("w")
        r = self.random
        match r.randrange(3):
            case 0:
                self.line(depth, f"{name} = {r.randrange(0, LARGEST_LOOP)}")
                test, step = f"{name} > 0", f"{name} -= {r.choice((1, 1, 2))}"
            case 1:
                self.line(depth, f"{name} = {r.randrange(-3, 3)}")
                test, step = f"{name} < {r.randrange(0, 6)}", f"{name} += {r.choice((1, 1, 2))}"
            case _:
                value = self.expression(1)
                if value.constant:
                    value = Expression("9", "9", (9, 9))
                self.line(depth, f"{name} = {value.probe} & 63", f"{name} = {value.python} & 63")
                test, step = f"{name} > 0", r.choice((f"{name} //= 2", f"{name} >>= 1"))
        extra = self.condition(1) if self.chance(30) else None
        also, also_python = (f" and {extra.probe}", f" and {extra.python}") if extra else ("", "")
        self.line(depth, f"while {test}{also}:", f"while {test}{also_python}:")
        self.line(depth + 1, step)
        self.loop_body(depth)

    def loop_body(self, depth: int, *counters: Local) -> None:
        self.loops += 1
        self.rounds *= LARGEST_LOOP
        self.block(depth + 1)
        if self.chance(50):
            test = self.condition(1)
            self.line(depth + 1, f"if {test.probe}:", f"if {test.python}:")
            self.line(depth + 2, self.random.choice(("break", "continue")))
            self.block(depth + 1)
        self.loops -= 1
        self.rounds //= LARGEST_LOOP
        for counter in counters:
            self.scope.locals.remove(counter)  # there may have been no round
        if self.chance(30):
            self.line(depth, "else:")
            self.block(depth + 1)

    def early_return(self, depth: int) -> None:
        if self.scope.result:
            values = [self.suited(Local("", self.scope.result)) for _ in range(self.scope.results)]
            probe, python = (", ".join(getattr(value, side) for value in values) for side in ("probe", "python"))
            self.line(depth, f"return {probe}", f"return {python}")

    def assertion(self, depth: int) -> None:
        if self.chance(30):
            test = self.condition(1)
            if not test.constant:
                self.line(depth, f"assert {test.probe}", f"assert {test.python}")

    def trying(self, depth: int) -> None:
        """`try`, with what may be caught, let go on, or finished in any case."""
        r = self.random
        self.line(depth, "try:")
        self.block(depth + 1)
        if self.chance(40):
            self.leaving(depth + 1)
        final = self.chance(35)
        handlers = r.sample(CAUGHT, r.randrange(0 if final else 1, 3))
        for caught in handlers:
            self.line(depth, f"except {caught}:")
            self.block(depth + 1)
            if self.chance(15):
                self.line(depth + 1, "raise")
        if handlers and self.chance(15):
            self.line(depth, "except:")
            self.block(depth + 1)
        if handlers and self.chance(30):
            self.line(depth, "else:")
            self.block(depth + 1)
        if final:
            self.line(depth, "finally:")
            self.block(depth + 1)

    def leaving(self, depth: int) -> None:
        """A way out of the block, under a condition."""
        test = self.condition(1)
        self.line(depth, f"if {test.probe}:", f"if {test.python}:")
        ways = [f"raise {self.random.choice(RAISED)}"]
        if self.loops:
            ways += ["break", "continue"]
        if self.scope.result:
            self.early_return(depth + 1)
        else:
            self.line(depth + 1, self.random.choice(ways))

    def block(self, depth: int, frozen: Local | None = None) -> None:
        before = len(self.probe)
        hidden = [local for local in self.scope.locals if local is frozen]
        for _ in range(self.random.randrange(1, 3)):
            self.statement(depth, hidden)
        if len(self.probe) == before:
            self.line(depth, "pass")

    def statement(self, depth: int, hidden: list[Local]) -> None:
        if self.budget <= 0:
            return
        self.budget -= 1
        makers = [self.assign] * 4 + [self.augment] * 3 + [self.output] * 3 + [self.store] * 4 + [self.assertion]
        makers += [partial(gen_shapes.statement, self)] * 3
        if depth < 5:
            makers += [self.branch] * 3 + [self.for_loop] * 2 + [self.while_loop, self.optional, self.early_branch]
            makers += [self.trying] * 2
            makers += [partial(gen_control.loop, self)] * 2 + [partial(gen_control.matching, self)] * 2
        maker = self.random.choice(makers)
        if hidden and maker in (self.assign, self.augment):
            maker = self.output
        maker(depth)

    def early_branch(self, depth: int) -> None:
        if not self.scope.result:
            return
        test = self.condition(1)
        self.line(depth, f"if {test.probe}:", f"if {test.python}:")
        self.early_return(depth + 1)

    # Functions

    def declare_locals(self, depth: int) -> None:
        for _ in range(self.random.randrange(2, 5)):
            kind = self.random.choice(("i", "i", "u", "b", *TYPES))
            name = self.name("x")
            local = Local(name, kind)
            if kind == "u":
                value = (
                    Expression("entry.a", "entry.a", U64) if self.scope.entry else Expression("u64(9)", "u64(9)", U64)
                )
                if not self.scope.entry:
                    local = Local(name, "u64")
                    self.line(depth, f"{name}: u64 = 9", f"{name} = 9")
                else:
                    self.line(depth, f"{name} = {value.probe}")
            else:
                value = self.suited(local, 2)
                if kind == "i" and value.boolean:  # else its type would be bool at first
                    value = Expression(f"i64({value.probe})", f"i64({value.python})", I64)
                if kind in TYPES:
                    self.line(depth, f"{name}: {kind} = {value.probe}", f"{name} = {value.python}")
                else:
                    self.line(depth, f"{name} = {value.probe}", f"{name} = {value.python}")
            self.scope.locals.append(local)

    def helper(self) -> None:
        kinds = tuple(self.random.choice(tuple(TYPES)) for _ in range(self.random.randrange(1, 4)))
        parameters = tuple((self.name("p"), kind) for kind in kinds)
        kind = self.random.choice("iu")
        name = self.name("helper")
        self.scope = Scope([Local(parameter, kind) for parameter, kind in parameters], result=kind)
        self.line(0, "@function", "@plain")
        annotated = ", ".join(f"{parameter}: {type}" for parameter, type in parameters)
        self.line(0, f"def {name}({annotated}):", f"def {name}({', '.join(parameter for parameter, _ in parameters)}):")
        self.budget = 8
        self.declare_locals(1)
        self.block(1)
        value = self.suited(Local("", kind), 2)
        if value.constant:  # which it would stay for the caller, of no type that it could wrap around in
            value = Expression(parameters[0][0], parameters[0][0], TYPES[parameters[0][1]])
        type = {"i": "i64", "u": "u64"}[kind]
        self.line(1, f"return {type}({value.probe})", f"return {type}({value.python})")
        self.helpers.append(Helper(name, parameters, kind))

    def program(self) -> tuple[str, str]:
        for line in PRELUDE.splitlines():
            self.line(0, line, "")
        for _ in range(self.random.randrange(0, 3)):
            self.helper()
        self.scope = Scope(entry=True)
        self.budget = self.random.randrange(4, 26)
        self.line(0, "@xdp", "@plain")
        self.line(0, "def probe(packet):")
        self.line(1, "entry = inputs[0]")
        self.line(1, "out = outputs[0]")
        if self.chance(60):
            name = self.name("array")
            self.line(1, f"{name} = i32[{ELEMENTS}]()", f"{name} = [0] * {ELEMENTS}")
            self.scope.arrays.append(name)
        if self.chance(40):
            name = self.name("pair")
            x, y = self.suited(Local("", "i32"), 1), self.suited(Local("", "u64"), 1)
            self.line(1, f"{name} = Pair(x={x.probe}, y={y.probe})", f"{name} = Pair(x={x.python}, y={y.python})")
            self.scope.pairs.append(name)
        self.declare_locals(1)
        for _ in range(self.random.choice((0, 0, 1, 2))):
            gen_shapes.inner(self)
        while self.budget > 0:
            self.statement(1, [])
        for local in self.scope.locals:
            if self.outputs < OUTPUTS:
                self.line(1, f"out.v[{self.outputs}] = u64({local.name})")
                self.outputs += 1
        self.line(1, "return XDP.DROP", "return 1")
        return "\n".join(self.probe) + "\n", "\n".join(self.python) + "\n"
