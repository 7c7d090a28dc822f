"""`sum`, `any`, `all`, `min` and `max` over what can be gone through, and over generator expressions.

Nothing is kept: each item is computed when it is its turn, and `any` and `all` stop as soon as they know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import BOOL
from pyebpf.irbuild import arithmetic, calls, entries, expressions, iteration, loops, names, values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.looping import nothing, scope
from pyebpf.irbuild.operands import (
    Entries,
    Items,
    KernelItems,
    Operand,
    Optional,
    OptionalValues,
    Range,
    Static,
    Values,
    describe,
)
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.walk import parts, renamed

REDUCERS: Final = {sum: "sum", any: "any", all: "all", min: "min", max: "max"}
TAKES: Final = {"sum": "what to add up, and a start", "any": "what to go through", "all": "what to go through"}
Body = Callable[[Operand, Span], None]


@dataclass(frozen=True, slots=True)
class Source:
    """What is gone through. `each` lowers a body for the items; `surely`: there is at least one."""

    each: Callable[[Body], None]
    surely: bool


def reducer(value: object, node: tree.Call) -> str:
    """The name of the function that `value` is, if a call of it goes through something, or nothing."""
    name = next((name for function, name in REDUCERS.items() if value is function), "")
    return "" if name in ("min", "max") and len(node.arguments) != 1 else name


def reduce(b: Builder, name: str, node: tree.Call) -> Operand:
    """`sum(x for x in …)` and the like."""
    keyword = {"sum": "start", "min": "default", "max": "default"}.get(name, "")
    for word in node.keywords:
        if word.name != keyword or (name == "sum" and len(node.arguments) == 2):
            b.error(errors.WrongArguments(word.span, name, TAKES.get(name, "a default only"), f"`{word.name}=`"))
    if not 1 <= len(node.arguments) <= (2 if name == "sum" else 1):
        b.error(errors.WrongArguments(node.span, name, TAKES[name], f"{len(node.arguments)} arguments"))
    first = node.arguments[0]
    operand = None if isinstance(first, tree.Generator) else expressions.evaluate(b, first)
    if isinstance(operand, OptionalValues):
        operand = values.plain(b, operand, first.span)
    if name in ("min", "max") and isinstance(operand, Values) and len(operand.items) > 1 and not node.keywords:
        return calls.python_builtin(b, name, [(item, first.span) for item in operand.items], node.span)
    if name in ("min", "max") and operand is not None and values.is_number(operand):
        b.error(errors.WrongArguments(node.span, name, "two or more integers, or one thing to go through", "one"))
    source = _generator(b, first) if isinstance(first, tree.Generator) else _source(b, operand, first.span)
    others = expressions.in_order(b, (*node.arguments[1:], *(word.value for word in node.keywords)))
    match name:
        case "sum":
            return _sum(b, source, others, node.span)
        case "any" | "all":
            return _decide(b, name, source, node.span)
        case _:
            return _extreme(b, name, source, others, node.span)


# What is gone through


def _source(b: Builder, operand: Operand | None, span: Span) -> Source:
    assert operand is not None
    if isinstance(operand, Values):
        parts = operand.items
        return Source(lambda body: _each(parts, body, span), bool(parts))
    items = _items(b, operand, span)

    def each(body: Body) -> None:
        loops.go_through(b, items, None, 1, lambda item: body(item, span), nothing, span)

    return Source(each, _surely(items))


def _items(b: Builder, operand: Operand, span: Span) -> Range | Items | Entries | KernelItems:
    if isinstance(operand, Range | KernelItems):
        return operand
    items = entries.of(b, operand) or iteration.items(b, operand, span)
    if items is None:
        b.error(
            type_errors.WrongType(span, "a range, an array, a tuple or a hash map to go through", describe(operand), "")
        )
    return items


def _surely(items: Range | Items | Entries | KernelItems) -> bool:
    """Whether there is an item for certain."""
    if isinstance(items, Entries | KernelItems):
        return False
    if isinstance(items, Range):
        return loops.surely_runs(items)
    return isinstance(items.length, ops.Const) and items.length.value > 0


def _each(items: tuple[Operand, ...], body: Body, span: Span) -> None:
    for item in items:
        body(item, span)


def _generator(b: Builder, node: tree.Generator) -> Source:
    """The first iterable is evaluated at once, all else when the items are asked for."""
    first = node.clauses[0].iterable
    operand = expressions.evaluate(b, first)
    items = _items(b, operand, first.span)
    own = {
        part.id: f"{part.id} at {node.span.line}:{node.span.column}"
        for clause in node.clauses
        for part in parts(clause.target)
        if isinstance(part, tree.Name)
    }
    inner = renamed(node, own)
    alone = len(node.clauses) == 1 and not node.clauses[0].conditions

    def each(body: Body) -> None:
        assigned = b.assigned
        _clause(b, inner, 0, items, body)
        b.assigned = assigned if not b.reachable else b.assigned - frozenset(own.values())

    return Source(each, alone and _surely(items))


def _clause(b: Builder, node: tree.Generator, number: int, operand: Operand, body: Body) -> None:
    """The loop of one `for`, with those after it inside."""
    clause = node.clauses[number]

    def round(item: Operand) -> None:
        loops.assign_item(b, clause.target, item)
        _conditions(b, clause.conditions, inside)

    def inside() -> None:
        if number + 1 == len(node.clauses):
            body(expressions.evaluate(b, node.element), node.element.span)
            return
        following = node.clauses[number + 1].iterable
        _clause(b, node, number + 1, expressions.evaluate(b, following), body)

    size = sum(1 for _ in parts((node.element, node.clauses)))
    loops.go_through(b, operand, clause.target, size, round, nothing, clause.iterable.span)


def _conditions(b: Builder, conditions: tuple[tree.Expression, ...], then: Callable[[], None]) -> None:
    if not conditions:
        then()
        return
    decision = expressions.decide(b, conditions[0])

    def more() -> None:
        b.assigned = decision.when_true
        _conditions(b, conditions[1:], then)

    def skip() -> None:
        b.assigned = decision.when_false

    b.if_(decision.value, more, skip, conditions[0].span)


# What is made of it


def _sum(b: Builder, source: Source, start: list[tuple[Operand, Span]], span: Span) -> Operand:
    total = f"sum at {span.line}:{span.column}"
    first = values.number(b, *start[0]) if start else b.const(0, span)
    names.assign_name(b, total, first, span)

    def add(item: Operand, where: Span) -> None:
        number = _number(b, "sum", item, where)
        so_far = names.read_name(b, total, span)
        names.assign_name(b, total, arithmetic.binary(b, "+", so_far, number, span, (span, where)), span)

    source.each(add)
    return _end(b, total, span)


def _end(b: Builder, name: str, span: Span) -> Operand:
    """The value of a name of our own, which is forgotten."""
    result = names.read_name(b, name, span)
    b.assigned -= {name}
    return result


def _number(b: Builder, name: str, item: Operand, span: Span) -> ops.Value:
    if not values.is_number(item):
        b.error(type_errors.WrongType(span, f"integers in {name}(…)", describe(item), ""))
    return values.number(b, item, span)


def _decide(b: Builder, name: str, source: Source, span: Span) -> Operand:
    """`any` and `all`: the first item that decides ends it."""
    stops = name == "any"
    result, decided = b.local(name, BOOL, span), ops.Label(name)
    b.set(result, b.truth(not stops, span), span)

    def decide() -> None:
        b.set(result, b.truth(stops, span), span)
        b.unwind(b.labels.index(decided), span)
        b.leave(decided, span)

    def look(item: Operand, where: Span) -> None:
        truth = values.truth(b, item, where)
        b.if_(truth if stops else b.negate(truth, where), decide, None, where)

    scope(b, decided, lambda: source.each(look), span)
    return b.get(result, span)


def _best(name: str, span: Span) -> str:
    """The local that keeps the smallest or largest so far."""
    return f"{name} at {span.line}:{span.column}"


def _extreme(b: Builder, name: str, source: Source, default: list[tuple[Operand, Span]], span: Span) -> Operand:
    """`min` and `max`. Without an item: the default, or ValueError."""
    best = _best(name, span)
    found = b.local("found", BOOL, span)
    b.set(found, b.truth(False, span), span)
    names.assign_name(b, best, b.const(0, span), span)

    def look(item: Operand, where: Span) -> None:
        number = _number(b, name, item, where)

        def first() -> None:
            names.assign_name(b, best, number, where)
            b.set(found, b.truth(True, span), span)

        def other() -> None:
            old = values.number(b, names.read_name(b, best, span), span)
            better = b.compare("<" if name == "min" else ">", number, old, span)
            b.if_(better, lambda: names.assign_name(b, best, number, where), None, span)

        b.if_(b.get(found, span), other, first, span)

    source.each(look)
    if not source.surely and not default:
        b.check(b.get(found, span), Fault.VALUE, span)
    if default and not source.surely:
        return _default(b, name, found, *default[0], span)
    return _end(b, best, span)


def _default(b: Builder, name: str, found: ops.Local, default: Operand, where: Span, span: Span) -> Operand:
    best = _best(name, span)
    if isinstance(default, Static) and default.value is None:
        there = _end(b, best, span)
        assert ops.is_value(there)
        return Optional(b.get(found, span), there)
    number = _number(b, name, default, where)
    b.if_(b.get(found, span), nothing, lambda: names.assign_name(b, best, number, where), span)
    return _end(b, best, span)
