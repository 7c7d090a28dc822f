"""Loops: `for` and `while`, with `break`, `continue` and `else`."""

from __future__ import annotations

from collections.abc import Callable

from pyebpf.diagnostics import loops as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import I64, I64_MAX, I64_MIN, U64, U64_MAX, IntType
from pyebpf.irbuild import arithmetic, entries, expressions, iteration, iterators
from pyebpf.irbuild.bindings import Fixed
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.looping import nothing, repeat, scope, walk
from pyebpf.irbuild.operands import Items, KernelItems, Operand, Range, Static, Values, describe
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.walk import parts

LowerBlock = Callable[[Builder, tuple[tree.Statement, ...]], None]
MOST_COPIES = 64
"""Of a loop's body that is written out for each item."""
MOST_WRITTEN_OUT = 250
"""Nodes of the syntax tree, in all copies: more is a loop, if it can be."""
LARGEST_DISTANCE = 1 << 24
"""What no loop with a provable bound runs through, in rounds."""


def lower_for(b: Builder, statement: tree.For, lower_block: LowerBlock) -> None:
    """`for target in iterable:`, whose iterable is evaluated once."""

    def body(item: Operand) -> None:
        assign_item(b, statement.target, item)
        lower_block(b, statement.body)

    operand = expressions.evaluate(b, statement.iterable)
    if isinstance(operand, KernelItems):
        iterators.walk(b, operand, body, lambda: lower_block(b, statement.orelse), statement.span)
        return
    found = entries.of(b, operand)
    if found is not None:
        entries.walk(b, found, body, lambda: lower_block(b, statement.orelse), statement.span)
        return
    if not isinstance(operand, Range):
        operand = iteration.required(b, operand, statement.iterable.span)
    size = sum(1 for _ in parts(statement.body))
    go_through(b, operand, statement.target, size, body, lambda: lower_block(b, statement.orelse), statement.span)


def go_through(
    b: Builder,
    operand: Operand,
    target: tree.Expression | None,
    size: int,
    body: Callable[[Operand], None],
    orelse: Callable[[], None],
    span: Span,
) -> None:
    """Lower `body` for each item: once, in a loop, or if it is small (`size`, in nodes) or must be, once for each."""
    name = target.id if isinstance(target, tree.Name) else "loop"
    if isinstance(operand, Range):
        _count(b, operand, body, orelse, name, span)
        return
    if isinstance(operand, KernelItems):
        iterators.walk(b, operand, body, orelse, span)
        return
    found = entries.of(b, operand)
    if found is not None:
        entries.walk(b, found, body, orelse, span)
        return
    items = iteration.required(b, operand, span)
    assert isinstance(items.length.type, IntType)
    most = items.length.type.high
    if (items.apart or isinstance(items.length, ops.Const)) and _written_out(b, items, most, size, span):
        before = set(b.frame.bindings)
        _write_out(b, items, most, body, orelse, span)
        if target is not None:
            _end_names(b, target, before)
        return
    walk(b, items, body, orelse, name, span)


# Ranges


def _count(
    b: Builder, range: Range, body: Callable[[Operand], None], orelse: Callable[[], None], name: str, span: Span
) -> None:
    """`for i in range(…)`: the counter is what the name is given."""
    start, stop, step = range.start, range.stop, range.step
    first, last, stride = start.type, stop.type, step.type
    assert isinstance(first, IntType) and isinstance(last, IntType) and isinstance(stride, IntType)
    unsigned = max(first.high, last.high) > I64_MAX
    down = stride.high < 0
    counter = b.local(f"{name}.counter", U64 if unsigned else I64, span)
    b.set(counter, start, span)
    least = stride.high if down else stride.low
    counting = ops.Counting(counter, start, stop, least)
    runs = surely_runs(range)
    size = iteration.opposite(b, step, span) if down else step

    def move() -> None:
        moved = arithmetic.arithmetic(b, "-" if down else "+", b.get(counter, span), size, span, (span, span))
        b.set(counter, moved, span)

    def advance() -> None:
        if _stays_inside(range):
            move()
            return
        upper, lower = (b.get(counter, span), stop) if down else (stop, b.get(counter, span))
        left = b.emit(ops.Binary("-", upper, lower, IntType(1, U64_MAX), span))
        b.if_(b.compare(">", left, size, span), move, lambda: b.set(counter, stop, span), span)

    repeat(
        b,
        lambda: b.compare(">" if down else "<", b.get(counter, span), stop, span),
        lambda: body(b.get(counter, span)),
        advance,
        orelse,
        counting,
        runs,
        span,
    )


def surely_runs(range: Range) -> bool:
    """Whether a range has a number for certain."""
    first, last, stride = range.start.type, range.stop.type, range.step.type
    assert isinstance(first, IntType) and isinstance(last, IntType) and isinstance(stride, IntType)
    return first.low > last.high if stride.high < 0 else first.high < last.low


def _stays_inside(range: Range) -> bool:
    """Whether a step from inside the range surely stays inside its 64 bits."""
    start, stop, step = range.start, range.stop, range.step
    assert isinstance(start.type, IntType) and isinstance(stop.type, IntType) and isinstance(step.type, IntType)
    unsigned = max(start.type.high, stop.type.high) > I64_MAX
    low, high = (0, U64_MAX) if unsigned else (I64_MIN, I64_MAX)
    if isinstance(step, ops.Const) and abs(step.value) == 1:
        return True
    if low <= stop.type.low + step.type.low and stop.type.high + step.type.high <= high:
        return True
    if not (isinstance(step, ops.Const) and isinstance(start, ops.Const)):
        return False
    return low <= start.value + LARGEST_DISTANCE * step.value <= high


# Loops that are written out


def _written_out(b: Builder, items: Items, count: int, size: int, span: Span) -> bool:
    """Whether a loop over `count` items becomes as many copies of its body."""
    if count == 0:
        return False
    if items.apart:
        if b.copies * count > MOST_COPIES:
            b.error(errors.TooManyCopies(span, b.copies * count, MOST_COPIES))
        return True
    return items.copies and b.copies * count <= MOST_COPIES and b.copies * count * size <= MOST_WRITTEN_OUT


def _write_out(
    b: Builder, items: Items, most: int, body: Callable[[Operand], None], orelse: Callable[[], None], span: Span
) -> None:
    """A copy of `body` for each of at most so many items."""
    done, ended = ops.Label("written out"), ops.Label("items")

    def rounds() -> None:
        for number in range(most):
            if not b.reachable:
                return
            if not isinstance(items.length, ops.Const):
                more = b.compare(">", items.length, b.const(number, span), span)
                b.if_(more, nothing, lambda: b.leave(ended, span), span)
            _one_round(b, items.at(b, b.const(number, span)), done, body, span)

    def whole() -> None:
        outer, b.copies = b.copies, b.copies * most
        try:
            if isinstance(items.length, ops.Const):
                rounds()
            else:
                scope(b, ended, rounds, span)
        finally:
            b.copies = outer
        if b.reachable:
            orelse()

    scope(b, done, whole, span)


def _one_round(b: Builder, item: Operand, done: ops.Label, body: Callable[[Operand], None], span: Span) -> None:
    """One copy; `continue` goes to its end."""
    end = ops.Label("round")

    def round() -> None:
        b.frame.loops.append((done, end))
        body(item)
        b.frame.loops.pop()

    scope(b, end, round, span)


def assign_item(b: Builder, target: tree.Expression, item: Operand) -> None:
    """An item to the loop's target. Maps, types and literal text have names only for the loop's own time."""
    pieces = target.items if isinstance(target, tree.Tuple) else ()
    if pieces and isinstance(item, Values) and all(isinstance(part, tree.Name | tree.Tuple) for part in pieces):
        if len(item.items) != len(pieces):
            b.error(type_errors.NothingLeft(target.span, len(pieces), describe(item), ""))
        for part, inner in zip(pieces, item.items, strict=True):
            assign_item(b, part, inner)
        return
    if isinstance(target, tree.Name) and isinstance(item, Static) and item.value is not None:
        binding = b.frame.bindings.get(target.id)
        if binding is None or (isinstance(binding, Fixed) and not ops.is_value(binding.operand)):
            b.frame.bindings[target.id] = Fixed(item)
            b.assigned |= {target.id}
            return
    if (
        isinstance(target, tree.Name)
        and ops.is_value(item)
        and item in b.iterated
        and iterators.name(b, target.id, item)
    ):
        return
    b.assign_to(b, target, item, target.span)


def _end_names(b: Builder, target: tree.Expression, before: set[str]) -> None:
    """Forget names that stood for something else in each round, and can't tell which it was."""
    for part in target.items if isinstance(target, tree.Tuple) else (target,):
        if isinstance(part, tree.Name) and part.id not in before and isinstance(b.frame.bindings.get(part.id), Fixed):
            del b.frame.bindings[part.id]
            b.assigned -= {part.id}


# While, and ways out


def lower_while(b: Builder, statement: tree.While, lower_block: LowerBlock) -> None:
    """`while test:`; the checks prove a bound."""

    def test() -> ops.Value:
        decision = expressions.decide(b, statement.test)
        b.assigned = decision.when_true
        return decision.value

    endless = isinstance(statement.test, tree.BoolLiteral) and statement.test.value
    repeat(
        b,
        test,
        lambda: lower_block(b, statement.body),
        nothing,
        lambda: lower_block(b, statement.orelse),
        None,
        endless,
        statement.span,
    )


def lower_break(b: Builder, span: Span) -> None:
    label, _ = b.frame.loops[-1]
    b.unwind(b.labels.index(label), span)
    b.leave(label, span)


def lower_continue(b: Builder, span: Span) -> None:
    loop, label = b.frame.loops[-1]
    b.unwind(b.labels.index(label), span)
    if label is not loop:
        b.leave(label, span)
        return
    if b.reachable:
        b.continues.setdefault(label, []).append(b.assigned)
    b.emit(ops.Continue(label, span))
