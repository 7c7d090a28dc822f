"""Statements. A wrong one is reported and left out; the rest is still looked at."""

from __future__ import annotations

from pyebpf.diagnostics import maps as map_errors
from pyebpf.diagnostics import names as errors
from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import unreachable
from pyebpf.ir import ops
from pyebpf.ir.module import Fault, MapRef
from pyebpf.ir.types import PointerType, Region
from pyebpf.irbuild import (
    assignments,
    exceptions,
    expressions,
    loops,
    maps,
)
from pyebpf.irbuild.bindings import Binding, Fixed, Reference, TupleLocal
from pyebpf.irbuild.builder import Abandon, Builder
from pyebpf.irbuild.open_blocks import Reservation
from pyebpf.irbuild.operands import (
    Static,
    describe,
)
from pyebpf.irbuild.returns import lower_return
from pyebpf.lang.maps import Map
from pyebpf.source import Span
from pyebpf.syntax import tree


def lower_block(b: Builder, statements: tuple[tree.Statement, ...]) -> None:
    """Lower `statements` in order; what follows a return, break or continue is dropped."""
    for statement in statements:
        if not b.reachable:
            return
        busy = b.busy
        try:
            lower(b, statement)
        except Abandon:
            if isinstance(statement, tree.If):
                _look_inside(b, statement)
            poison(b, statement)
        b.busy = busy


def _look_inside(b: Builder, statement: tree.If) -> None:
    """Look for Retype in the ways of a branch whose condition is wrong: `if best is None or x.size > best.size:`.

    After `best = None` the condition is right only once it is known what else `best` is assigned.
    """
    before = b.assigned, b.reachable, dict(b.frame.bindings), set(b.frame.poisoned), b.frames
    count, reported = b.sink.count, list(b.sink.diagnostics)
    for body in (statement.body, statement.orelse):
        with b.block():
            lower_block(b, body)
        b.assigned, b.reachable, b.frame.bindings, b.frame.poisoned, b.frames = before
    b.sink.count, b.sink.diagnostics = count, reported


def poison(b: Builder, statement: tree.Statement) -> None:
    """Names that a wrong statement would have assigned are not reported as missing later."""
    match statement:
        case tree.Assign():
            targets = statement.targets
        case tree.AnnAssign() | tree.AugAssign() | tree.For():
            targets = (statement.target,)
        case tree.With():
            targets = tuple(item.target for item in statement.items if item.target is not None)
        case tree.If() | tree.While():
            targets = (statement.test,)
        case _:
            return
    for target in targets:
        for part in target.items if isinstance(target, tree.Tuple) else (target,):
            if isinstance(part, tree.Name) and part.id not in b.frame.bindings:
                b.frame.poisoned.add(part.id)
            if isinstance(part, tree.Name) and part.id not in b.assigned:
                b.frame.bindings.pop(part.id, None)
                b.frame.poisoned.add(part.id)


def lower(b: Builder, statement: tree.Statement) -> None:
    match statement:
        case tree.ExpressionStatement():
            _effect(b, statement.value)
        case tree.Assign():
            assignments.assign(b, statement)
        case tree.AnnAssign():
            assignments.annotated(b, statement)
        case tree.AugAssign():
            assignments.augmented(b, statement)
        case tree.If():
            _if(b, statement)
        case tree.For():
            loops.lower_for(b, statement, lower_block, assignments.assign_to)
        case tree.While():
            loops.lower_while(b, statement, lower_block)
        case tree.Break():
            loops.lower_break(b, statement.span)
        case tree.Continue():
            loops.lower_continue(b, statement.span)
        case tree.Return():
            lower_return(b, statement)
        case tree.Pass():
            pass
        case tree.Assert():
            decision = expressions.decide(b, statement.test)
            b.check(decision.value, Fault.ASSERTION, statement.test.span)
            b.assigned = decision.when_true
        case tree.With():
            _with(b, statement)
        case tree.Delete():
            _delete(b, statement)
        case tree.Try():
            exceptions.lower_try(b, statement, lower_block)
        case tree.Raise():
            exceptions.lower_raise(b, statement)
        case _:
            unreachable(statement)


def _effect(b: Builder, node: tree.Expression) -> None:
    """An expression for what it does: `print(a) if c else print(b)`, `c and print(a)`. What it gives is thrown away."""
    if not isinstance(node, tree.IfExp | tree.BoolOp):
        expressions.check_result(b, expressions.evaluate(b, node), node)
        return
    ways: tuple[tree.Expression | None, tree.Expression | None]
    if isinstance(node, tree.IfExp):
        test, ways = node.test, (node.body, node.orelse)
    else:
        *tests, last = node.values
        whole = tests[0].span.to(tests[-1].span)
        test = tests[0] if len(tests) == 1 else tree.BoolOp(node.operator, tuple(tests), whole)
        ways = (last, None) if node.operator == "and" else (None, last)
    decision = expressions.decide(b, test)

    def way(number: int) -> None:
        b.assigned = (decision.when_true, decision.when_false)[number]
        branch = ways[number]
        if branch is not None:
            _effect(b, branch)

    b.if_(decision.value, lambda: way(0), lambda: way(1), node.span)


def _if(b: Builder, statement: tree.If) -> None:
    decision = expressions.decide(b, statement.test)

    def way(body: tuple[tree.Statement, ...], assigned: frozenset[str]) -> None:
        b.assigned = assigned
        lower_block(b, body)

    b.if_(
        decision.value,
        lambda: way(statement.body, decision.when_true),
        lambda: way(statement.orelse, decision.when_false),
        statement.span,
    )


def _with(b: Builder, statement: tree.With) -> None:
    """`with ring.reserve() as event:` — skipped, and counted, when the ring is full."""
    _with_items(b, statement.items, statement)


def _with_items(b: Builder, items: tuple[tree.WithItem, ...], statement: tree.With) -> None:
    if not items:
        lower_block(b, statement.body)
        return
    item = items[0]
    ring = _reserved_ring(b, item)
    if item.target is not None and not isinstance(item.target, tree.Name):
        b.error(map_errors.WithNeedsReserve(item.target.span, "no name"))
    assert ring.value is not None
    span, before = item.span, b.assigned
    type = PointerType(ring.value, Region.RING, nullable=True)
    record = b.emit(ops.RingReserve(ring, type, span))

    def body() -> None:
        event = b.not_null(record, span)
        assert ring.value is not None
        b.zero(event, ring.value.size, span)
        b.unwinding.append(Reservation(event, len(b.labels), b.frame.number, before))
        if isinstance(item.target, tree.Name):
            b.frame.ended.discard(item.target.id)
            b.frame.bindings[item.target.id] = Fixed(event)
            b.assigned |= {item.target.id}
        try:
            _with_items(b, items[1:], statement)
            b.emit(ops.RingSubmit(event, span))
        finally:
            b.unwinding.pop()

    b.if_(b.present(record, span), body, lambda: _count_dropped(b, ring, span), span)
    _end_names(b, before)


def _end_names(b: Builder, before: frozenset[str]) -> None:
    """Forget the names that a `with` block gave to its event, or to parts of it."""
    for name, binding in tuple(b.frame.bindings.items()):
        if name not in before and _refers_to_event(binding):
            del b.frame.bindings[name]
            b.frame.ended.add(name)
            b.assigned -= {name}


def _refers_to_event(binding: Binding) -> bool:
    match binding:
        case Fixed(operand):
            type = operand.type if ops.is_value(operand) else None
        case Reference(local):
            type = local.type
        case TupleLocal(items):
            return any(map(_refers_to_event, items))
        case _:
            return False
    return isinstance(type, PointerType) and type.region is Region.RING


def _count_dropped(b: Builder, ring: MapRef, span: Span) -> None:
    b.emit(ops.CountDropped(ring, span))


def _reserved_ring(b: Builder, item: tree.WithItem) -> MapRef:
    """The ring in `ring.reserve()`."""
    node = item.value
    if isinstance(node, tree.Call) and isinstance(node.function, tree.Attribute):
        receiver = expressions.evaluate(b, node.function.value)
        if isinstance(receiver, Static) and isinstance(receiver.value, Map):
            map = maps.ref(b, receiver)
            if map.kind != "RingBuf" or node.function.name != "reserve":
                expressions.evaluate(b, node.function)
                hint = "with ring.reserve() as event:"
                b.error(map_errors.NoSuchOperation(node.span, f"a {map.kind}", f"with {node.function.name}()", hint))
            if node.arguments or node.keywords:
                b.error(
                    errors.WrongArguments(
                        node.span, f"{map.name}.reserve", "no arguments", f"{len(node.arguments) + len(node.keywords)}"
                    )
                )
            return map
    found = f"`{node.span.text}`"
    b.error(map_errors.WithNeedsReserve(node.span, found))


def _delete(b: Builder, statement: tree.Delete) -> None:
    for target in statement.targets:
        if not isinstance(target, tree.Subscript) or isinstance(target.index, tree.Slice):
            b.error(
                type_errors.WrongType(
                    target.span, "an entry of a map after `del`", f"`{target.span.text}`", "del starts[tid()]"
                )
            )
        base = expressions.evaluate(b, target.value)
        if not (isinstance(base, Static) and isinstance(base.value, Map)):
            b.error(type_errors.WrongType(target.value.span, "a map", describe(base), ""))
        map = maps.ref(b, base)
        maps.require(b, map, "del", target.span)
        maps.delete(b, map, expressions.evaluate(b, target.index), target.span, target.index.span)
