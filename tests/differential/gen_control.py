"""Loops over arrays and tuples, `match`, and `sum`, `any`, `in` and the like in the random programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generate import Expression, Generator, Local

I64 = (-(2**63), 2**63 - 1)
NUMBERS = (-2, -1, 0, 1, 2, 3, 5, 7, 8, 100, 255, 2**31, -(2**63), 2**63 - 1)


def loop(g: Generator, depth: int) -> None:
    """`for` over anything but a range."""
    if g.loops >= 2 or g.rounds > 20:
        return
    count = g.random.choice((1, 1, 2))
    names = [g.name("n") for _ in range(count)]
    if count == 1:
        target = names[0]
        probe, python = source(g)
    else:
        target = ", ".join(names)
        probe, python = pairs(g)
    g.line(depth, f"for {target} in {probe}:", f"for {target} in {python}:")
    locals = [_local(g, name) for name in names]
    g.scope.locals += locals
    g.loop_body(depth, *locals)


def _local(g: Generator, name: str, kind: str = "i") -> Local:
    from generate import Local

    return Local(name, kind)


def source(g: Generator) -> tuple[str, str]:
    """Something of numbers to go through, for the probe and for the reference."""
    r = g.random
    arrays = [*g.scope.arrays, *(["entry.v"] if g.scope.entry else [])]
    match r.randrange(6):
        case 0 | 1 if arrays:
            name = r.choice(arrays)
            return name, name
        case 2:
            items = [str(r.choice(NUMBERS)) for _ in range(r.choice((1, 2, 3, 5, 9)))]
            text = f"({', '.join(items)},)"
            return text, text
        case 3:
            values = [_whole(g, g.suited(_local(g, ""), 1)) for _ in range(r.randrange(1, 4))]
            return tuple(f"({', '.join(getattr(v, side) for v in values)},)" for side in ("probe", "python"))  # type: ignore[return-value]
        case 4:
            probe, python = source(g)
            if probe.startswith("reversed"):
                return probe, python
            return f"reversed({probe})", f"reversed({python})"
        case _:
            value = g.expression(1)
            step = r.choice(("", "", ", 2", ", -3", f", 1 + ({value.probe} & 3)"))
            if value.constant or "-" in step:
                text = f"range({r.randrange(-3, 8)}, {r.randrange(-3, 8)}{step if '&' not in step else ''})"
                return text, text
            python = step.replace(value.probe, value.python) if "&" in step else step
            return f"range({value.probe} & 3, 7{step})", f"range({value.python} & 3, 7{python})"


def _whole(g: Generator, value: Expression) -> Expression:
    """Truth values as integers, for a tuple of them alone would make the name a bool."""
    from generate import Expression

    if not value.boolean:
        return value
    return Expression(f"i64({value.probe})", f"i64({value.python})", I64)


def pairs(g: Generator) -> tuple[str, str]:
    """Something of pairs of numbers."""
    r = g.random
    if g.chance(25):
        rows = [f"({r.choice(NUMBERS)}, {r.choice(NUMBERS)})" for _ in range(r.choice((1, 2, 3, 9)))]
        text = f"({', '.join(rows)},)"
        return text, text
    one, two = source(g), source(g)
    if g.chance(50):
        start = r.choice(("", ", 3", ", start=-2"))
        return f"enumerate({one[0]}{start})", f"enumerate({one[1]}{start})"
    return f"zip({one[0]}, {two[0]})", f"zip({one[1]}, {two[1]})"


# Expressions


def reduction(g: Generator, depth: int) -> Expression:
    """`sum(… for n in … if …)` and the like."""
    from generate import Expression

    if g.rounds > 20:
        return g.leaf()
    name = g.name("n")
    probe, python = source(g)
    if ":=" in probe:  # which Python doesn't allow there
        probe = python = "range(3)"
    local = _local(g, name, "c")
    g.scope.locals.append(local)
    g.rounds *= 8
    test = g.condition(1) if g.chance(40) else None
    when, when_python = (f" if {test.probe}", f" if {test.python}") if test else ("", "")
    kind = g.random.choice(("sum", "any", "all", "min", "max"))
    boolean = kind in ("any", "all")
    item = g.condition(1) if boolean else _small(g, kind)
    g.rounds //= 8
    g.scope.locals.remove(local)
    texts = [f"{item.probe} for {name} in {probe}{when}", f"{item.python} for {name} in {python}{when_python}"]
    if kind in ("min", "max") and g.chance(60):
        default = g.random.choice(NUMBERS)
        texts = [f"({text}), default={default}" for text in texts]
    made = [f"{kind}({text})" for text in texts]
    return Expression(made[0], made[1], (0, 1) if boolean else I64, boolean)


def _small(g: Generator, kind: str) -> Expression:
    """What can be added up without wrapping around."""
    from generate import Expression

    value = _whole(g, g.suited(_local(g, ""), 2))
    if kind != "sum":
        return value
    return Expression(f"(({value.probe}) & 0xffff)", f"(({value.python}) & 0xffff)", (0, 0xFFFF))


def membership(g: Generator) -> Expression:
    """`x in array`, `x in range(…)`."""
    from generate import Expression

    item = g.expression(1)
    if item.constant:
        item = g.leaf()
    if item.constant:
        item = _constant(g)
    word = g.random.choice(("in", "not in"))
    probe, python = source(g)
    while not probe.startswith(("range", "entry", "array", "(")):
        probe, python = source(g)
    return Expression(f"({item.probe} {word} {probe})", f"({item.python} {word} {python})", (0, 1), True)


def _constant(g: Generator) -> Expression:
    from generate import Expression

    text = f"i64({g.random.choice((0, 1, 5))})"
    return Expression(text, text, I64)


# match


def matching(g: Generator, depth: int) -> None:
    """`match`, of one or two numbers, of a truth value, of text, or of what may be None."""
    way = g.random.randrange(6)
    if way == 0:
        test = g.condition(1)
        _cases(g, depth, (test.probe, test.python), lambda: (g.random.choice(("True", "False", "_")), []))
    elif way == 1 and g.scope.entry:
        words = ("", "a", "bash", "python3", "longname")
        _cases(g, depth, ("entry.name", "entry.name"), lambda: (" | ".join(map(repr, g.random.sample(words, 2))), []))
    elif way == 2:
        key = g.key(1)
        _cases(g, depth, (f"table.get({key.probe})", f"table.get({key.python})"), lambda: _number(g, none=True))
    elif way == 3:
        one, two = (_whole(g, g.suited(_local(g, ""), 1)) for _ in range(2))
        if one.constant and two.constant:
            return
        _cases(g, depth, (f"{one.probe}, {two.probe}", f"{one.python}, {two.python}"), lambda: _two(g))
    else:
        value = _whole(g, g.suited(_local(g, ""), 2))
        _cases(g, depth, (value.probe, value.python), lambda: _number(g))


def _number(g: Generator, none: bool = False) -> tuple[str, list[str]]:
    """A pattern for a number, and the names that it binds."""
    numbers = g.random.sample(NUMBERS, 3)
    name = g.name("m")
    match g.random.randrange(5):
        case 0:
            return str(numbers[0]), []
        case 1:
            return " | ".join(map(str, numbers)), []
        case 2:
            return f"({' | '.join(map(str, numbers))}) as {name}", [name]
        case 3 if none:
            return "None", []
        case 3:
            return f"({numbers[0]} as {name}) | ({numbers[1]} as {name})", [name]
        case _:
            return ("_", []) if none else (name, [name])


def _two(g: Generator) -> tuple[str, list[str]]:
    (one, names), (two, more) = _number(g), _number(g)
    if g.chance(30) and names and not more:
        other = f"({two}, {names[0]})" if one != names[0] else f"(5, {one})"
        return f"({one}, {two}) | {other}", names
    return f"({one}, {two})" if g.chance(50) else f"{one}, {two}", [*names, *more]


def _cases(g: Generator, depth: int, subject: tuple[str, str], pattern: object) -> None:
    """The whole statement. Python wants what matches everything to be last."""
    assert callable(pattern)
    g.line(depth, f"match {subject[0]}:", f"match {subject[1]}:")
    count = g.random.randrange(1, 4)
    for number in range(count):
        text, names = pattern()
        locals = [_local(g, name) for name in names]
        g.scope.locals += locals
        everything = all(part.strip("() ") == "_" or part.strip("() ") in names for part in text.split(","))
        guarded = g.chance(30) or (number < count - 1 and everything)
        test = g.condition(1) if guarded else None
        when, when_python = (f" if {test.probe}", f" if {test.python}") if test else ("", "")
        g.line(depth + 1, f"case {text}{when}:", f"case {text}{when_python}:")
        g.block(depth + 2)
        for local in locals:
            g.scope.locals.remove(local)
