"""Tuples, several results, and functions inside of the probe in the random programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generate import Expression, Generator, Local

I64 = (-(2**63), 2**63 - 1)
U64 = (0, 2**64 - 1)


@dataclass
class Inner:
    """A function inside of the probe: how many numbers it takes, and how many it gives."""

    name: str
    parameters: int
    results: int


def _local(g: Generator, name: str, kind: str = "i") -> Local:
    from generate import Local

    return Local(name, kind)


def _number(g: Generator, depth: int) -> Expression:
    """A number that an i64 holds, and that is no truth value."""
    from generate import Expression

    value = g.suited(_local(g, ""), depth)
    if value.constant or value.boolean:
        return Expression(f"i64({value.probe})", f"i64({value.python})", I64)
    return value


def _row(g: Generator, count: int, depth: int) -> tuple[str, str]:
    values = [_number(g, depth) for _ in range(count)]
    return ", ".join(value.probe for value in values), ", ".join(value.python for value in values)


# Statements


def statement(g: Generator, depth: int) -> None:
    """One that has to do with tuples."""
    makers = (_new, _unpack, _swap, _results, _again)
    g.random.choice(makers)(g, depth)


def _new(g: Generator, depth: int) -> None:
    """`t = a, b, c`, which may be read from then on; at the top only, where every way comes by."""
    count = g.random.choice((2, 2, 3, 4))
    probe, python = _row(g, count, 2)
    if depth > 1 or g.scope.result:
        return
    name = g.name("t")
    g.line(depth, f"{name} = ({probe})", f"{name} = ({python})")
    g.scope.tuples[name] = count


def _again(g: Generator, depth: int) -> None:
    """The name gets another tuple of as many."""
    if not g.scope.tuples:
        return
    name = g.random.choice(sorted(g.scope.tuples))
    probe, python = _row(g, g.scope.tuples[name], 2)
    g.line(depth, f"{name} = ({probe})", f"{name} = ({python})")


def _targets(g: Generator, count: int) -> list[Local]:
    names = [local for local in g.scope.locals if local.kind == "i"]
    return g.random.sample(names, count) if len(names) >= count else []


def _unpack(g: Generator, depth: int) -> None:
    targets = _targets(g, g.random.choice((1, 2, 2)))
    if not targets:
        return
    left = ", ".join(local.name for local in targets) + ("," if len(targets) == 1 else "")
    fitting = [name for name, count in sorted(g.scope.tuples.items()) if count == len(targets)]
    if fitting and g.chance(50):
        name = g.random.choice(fitting)
        g.line(depth, f"{left} = {name}")
        return
    probe, python = _row(g, len(targets), 2)
    comma = "," if len(targets) == 1 else ""
    g.line(depth, f"{left} = {probe}{comma}", f"{left} = {python}{comma}")


def _swap(g: Generator, depth: int) -> None:
    targets = _targets(g, 2)
    if targets:
        one, two = (local.name for local in targets)
        g.line(depth, f"{one}, {two} = {two}, {one}")


def _results(g: Generator, depth: int) -> None:
    """`a, b = function(…)`."""
    functions = [inner for inner in g.scope.inners if inner.results > 1]
    if not functions:
        return
    inner = g.random.choice(functions)
    targets = _targets(g, inner.results)
    if targets:
        probe, python = _row(g, inner.parameters, 1)
        left = ", ".join(local.name for local in targets)
        g.line(depth, f"{left} = {inner.name}({probe})", f"{left} = {inner.name}({python})")


# Expressions


def expression(g: Generator, depth: int) -> Expression:
    makers = (_item, _varying_item, _call, _compared, _extreme)
    return g.random.choice(makers)(g, depth)


def _item(g: Generator, depth: int) -> Expression:
    from generate import Expression

    if not g.scope.tuples:
        return g.leaf()
    name = g.random.choice(sorted(g.scope.tuples))
    text = f"{name}[{g.random.randrange(-g.scope.tuples[name], g.scope.tuples[name])}]"
    return Expression(text, text, I64)


def _varying_item(g: Generator, depth: int) -> Expression:
    from generate import Expression

    names = [name for name, count in sorted(g.scope.tuples.items()) if count in (2, 4)]
    if not names:
        return g.leaf()
    name = g.random.choice(names)
    index = g.expression(depth - 1)
    if index.constant:
        return g.leaf()
    mask = g.scope.tuples[name] - 1
    return Expression(f"{name}[{index.probe} & {mask}]", f"{name}[{index.python} & {mask}]", I64)


def _call(g: Generator, depth: int) -> Expression:
    from generate import Expression

    if not g.scope.inners or g.scope.result:
        return g.leaf()
    inner = g.random.choice(g.scope.inners)
    probe, python = _row(g, inner.parameters, depth - 1)
    item = f"[{g.random.randrange(inner.results)}]" if inner.results > 1 else ""
    return Expression(f"{inner.name}({probe}){item}", f"{inner.name}({python}){item}", I64)


def _compared(g: Generator, depth: int) -> Expression:
    from generate import Expression

    count = g.random.choice((2, 2, 3))
    left = _row(g, count, depth - 1)
    names = [name for name, length in sorted(g.scope.tuples.items()) if length == count]
    right = (g.random.choice(names),) * 2 if names else tuple(f"({row})" for row in _row(g, count, depth - 1))
    operator = g.random.choice(("==", "!=", "<", "<=", ">", ">="))
    return Expression(f"(({left[0]}) {operator} {right[0]})", f"(({left[1]}) {operator} {right[1]})", (0, 1), True)


def _extreme(g: Generator, depth: int) -> Expression:
    from generate import Expression

    if not g.scope.tuples:
        return g.leaf()
    text = f"{g.random.choice(('min', 'max'))}({g.random.choice(sorted(g.scope.tuples))})"
    return Expression(text, text, I64)


# Functions


def inner(g: Generator) -> None:
    """A function inside of the probe, which reads names around it and may assign one of them."""
    name = g.name("inner")
    parameters = [g.name("p") for _ in range(g.random.randrange(1, 4))]
    results = g.random.choice((1, 1, 2))
    outer, budget = g.scope, g.budget
    g.line(1, f"def {name}({', '.join(parameters)}):")
    writable = [local for local in outer.locals if local.kind == "i"]
    chosen = g.random.sample(writable, 1) if writable and g.chance(50) else []
    if chosen:
        g.line(2, f"nonlocal {chosen[0].name}")
    own = [*(_local(g, parameter) for parameter in parameters), *chosen]
    g.scope = type(outer)(
        own, outer.entry, outer.arrays, outer.pairs, tuples=dict(outer.tuples), result="i", results=results
    )
    g.scope.readable = [local for local in outer.locals if local.kind == "i" and local not in chosen]
    g.budget = 6
    loops, g.loops = g.loops, 1
    g.block(2)
    probe, python = _row(g, results, 2)
    g.scope.result = ""
    g.line(2, f"return {probe}", f"return {python}")
    g.scope, g.budget, g.loops = outer, budget - 3, loops
    g.scope.inners.append(Inner(name, len(parameters), results))
