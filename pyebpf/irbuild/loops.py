"""Loops: `for … in range(…)` and `while`, with `break`, `continue` and `else`."""

from __future__ import annotations

from collections.abc import Callable

from pyebpf import layout
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.ir import ops
from pyebpf.ir.types import I64, I64_MAX, U64, IntType
from pyebpf.irbuild import arithmetic, expressions, names, values
from pyebpf.irbuild.builder import LOOP, Builder
from pyebpf.irbuild.operands import Operand, PendingText, Static, Values, describe, reference
from pyebpf.lang.maps import Map
from pyebpf.source import Span
from pyebpf.syntax import tree

LowerBlock = Callable[[Builder, tuple[tree.Statement, ...]], None]


def lower_for(b: Builder, statement: tree.For, lower_block: LowerBlock) -> None:
    """`for i in range(start, stop, step)`: the three are evaluated once, the step is constant."""
    if not isinstance(statement.target, tree.Name):
        b.error(
            type_errors.WrongType(
                statement.target.span, "one name", f"`{statement.target.span.text}`", "for i in range(4):"
            )
        )
    start, stop, step, stop_span = _range(b, statement.iterable)
    assert isinstance(start.type, IntType) and isinstance(stop.type, IntType)
    start, stop = _same_sign(b, start, stop, stop_span)
    span, name = statement.span, statement.target.id
    wide = U64 if _unsigned(start, stop) else I64
    counter = b.local(f"{name}.counter", wide, span)
    b.set(counter, start, span)
    counting = ops.Counting(counter, start, stop, step)
    runs = _runs_at_least_once(start, stop, step)

    def test() -> ops.Value:
        return b.compare("<" if step > 0 else ">", b.get(counter, span), stop, span)

    def begin() -> None:
        names.assign_name(b, name, b.get(counter, span), statement.target.span)

    def advance() -> None:
        moved = arithmetic.arithmetic(b, "+", b.get(counter, span), b.const(step, span), span, (span, span))
        b.set(counter, moved, span)

    _loop(b, test, begin, advance, statement.body, statement.orelse, counting, runs, span, lower_block)


def _unsigned(start: ops.Value, stop: ops.Value) -> bool:
    return any(isinstance(value.type, IntType) and value.type.high > I64_MAX for value in (start, stop))


def _same_sign(b: Builder, start: ops.Value, stop: ops.Value, span: Span) -> tuple[ops.Value, ops.Value]:
    if _unsigned(start, stop):
        return b.unsigned(start, span), b.unsigned(stop, span)
    return start, stop


def _runs_at_least_once(start: ops.Value, stop: ops.Value, step: int) -> bool:
    first, last = start.type, stop.type
    assert isinstance(first, IntType) and isinstance(last, IntType)
    return first.high < last.low if step > 0 else first.low > last.high


def _range(b: Builder, node: tree.Expression) -> tuple[ops.Value, ops.Value, int, Span]:
    """Start, stop and step of `range(…)`, and where stop is written."""
    called = node.function if isinstance(node, tree.Call) else None
    is_range = isinstance(called, tree.Name) and names.lookup(b.frame.python, called.id) == (True, range)
    if not (isinstance(node, tree.Call) and is_range):
        operand = expressions.evaluate(b, node)
        b.error(type_errors.NotIterable(node.span, describe(operand), _range_instead(operand, node.span)))
    if node.keywords or not 1 <= len(node.arguments) <= 3:
        given = len(node.arguments) + len(node.keywords)
        b.error(errors.WrongArguments(node.span, "range", "one to three integers", f"{given} arguments"))
    numbers = [values.number(b, expressions.evaluate(b, part), part.span) for part in node.arguments]
    step: ops.Value = numbers[2] if len(numbers) == 3 else b.const(1, node.span)
    if not isinstance(step, ops.Const):
        b.error(type_errors.NotConstant(node.arguments[2].span, "the step of a range", ""))
    if step.value == 0:
        b.error(type_errors.WrongType(node.arguments[2].span, "a step other than zero", "0", ""))
    if len(numbers) == 1:
        return b.const(0, node.span), numbers[0], step.value, node.arguments[0].span
    return numbers[0], numbers[1], step.value, node.arguments[1].span


def _range_instead(operand: Operand, span: Span) -> str:
    """What to loop over instead."""
    pointer = reference(operand)
    if pointer is not None and isinstance(pointer.target, layout.Array):
        return f"for i in range(len({span.text})):"
    if (
        isinstance(operand, Static)
        and isinstance(operand.value, Map)
        and operand.value.kind in ("Array", "PerCpuArray")
    ):
        return f"for i in range(len({span.text})):"
    if isinstance(operand, Static | PendingText | Values):
        return ""
    return f"for i in range({span.text}):"


def lower_while(b: Builder, statement: tree.While, lower_block: LowerBlock) -> None:
    """`while test:`; the checks prove a bound."""

    def test() -> ops.Value:
        decision = expressions.decide(b, statement.test)
        b.assigned = decision.when_true
        return decision.value

    endless = isinstance(statement.test, tree.BoolLiteral) and statement.test.value
    _loop(b, test, _nothing, _nothing, statement.body, statement.orelse, None, endless, statement.span, lower_block)


def _nothing() -> None:
    pass


def _loop(
    b: Builder,
    test: Callable[[], ops.Value],
    begin: Callable[[], None],
    advance: Callable[[], None],
    body: tuple[tree.Statement, ...],
    orelse: tuple[tree.Statement, ...],
    counting: ops.Counting | None,
    runs: bool,
    span: Span,
    lower_block: LowerBlock,
) -> None:
    """The shape of every loop: test, or else and leave; body; step. `runs`: the body surely starts at least once."""
    label = ops.Label(LOOP)
    before = b.assigned
    with b.block() as whole:
        go_on = test()
        at_test = b.assigned
        b.labels.append(label)
        b.frame.loops.append(label)
        with b.block() as inside:
            begin()
            lower_block(b, body)
        rounds = b.continues.pop(label, []) + ([b.assigned] if b.reachable else [])
        b.reachable = True
        with b.block() as step:
            advance()
        b.frame.loops.pop()
        b.labels.pop()
        endless = isinstance(go_on, ops.Const) and bool(go_on.value)
        if not endless:
            with b.block() as leaving:
                b.reachable = True
                b.assigned = frozenset.intersection(*rounds) if runs and rounds else at_test
                lower_block(b, orelse)
                b.jump_out(label)
                b.emit(ops.Break(label, span))
            b.reachable = True
            b.emit(ops.If(go_on, ops.Block(), ops.Block(tuple(leaving)), span))
    b.reachable = True
    blocks = ops.Block((*whole, *inside)), ops.Block(tuple(step))
    b.emit(ops.Loop(label, *blocks, counting, None, False, span))
    exits = b.breaks.pop(label, [])
    b.reachable = bool(exits)
    b.assigned = frozenset.intersection(*exits) if exits else before


def lower_break(b: Builder, span: Span) -> None:
    label = b.frame.loops[-1]
    b.unwind(b.labels.index(label), span)
    b.jump_out(label)
    b.emit(ops.Break(label, span))


def lower_continue(b: Builder, span: Span) -> None:
    label = b.frame.loops[-1]
    b.unwind(b.labels.index(label), span)
    if b.reachable:
        b.continues.setdefault(label, []).append(b.assigned)
    b.emit(ops.Continue(label, span))
