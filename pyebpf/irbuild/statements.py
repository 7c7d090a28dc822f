"""Statements. A wrong one is reported and left out; the rest is still looked at."""

from __future__ import annotations

from collections.abc import Iterator

from pyebpf.diagnostics import types as type_errors
from pyebpf.diagnostics.base import unreachable
from pyebpf.ir.module import Fault
from pyebpf.irbuild import (
    assignments,
    closures,
    exceptions,
    expressions,
    loops,
    maps,
    matching,
    with_blocks,
)
from pyebpf.irbuild.builder import Abandon, Builder
from pyebpf.irbuild.operands import (
    Static,
    describe,
)
from pyebpf.irbuild.returns import lower_return
from pyebpf.lang.maps import Map
from pyebpf.syntax import tree

MOST_LOOKED = 1000
"""Copies of functions in branches whose condition is wrong."""


def lower_block(b: Builder, statements: tuple[tree.Statement, ...]) -> None:
    """Lower `statements` in order; what follows a return, break or continue is dropped."""
    elsewhere = b.elsewhere
    _lower_each(b, statements)
    b.elsewhere = elsewhere


def _lower_each(b: Builder, statements: tuple[tree.Statement, ...]) -> None:
    for statement in statements:
        if not b.reachable:
            return
        busy, loops_around = b.busy.copy(), list(b.frame.loops)
        try:
            lower(b, statement)
        except Abandon:
            b.frame.loops[:] = loops_around
            if isinstance(statement, tree.If):
                _look_inside(b, statement)
            poison(b, statement)
        b.busy = busy


def _look_inside(b: Builder, statement: tree.If) -> None:
    """Look for Retype in the ways of a branch whose condition is wrong: `if best is None or x.size > best.size:`.

    After `best = None` the condition is right only once it is known what else `best` is assigned.
    """
    if b.looked > MOST_LOOKED:
        return
    before = b.assigned, b.reachable, dict(b.frame.bindings), set(b.frame.poisoned), b.frames
    count, reported = b.sink.count, list(b.sink.diagnostics)
    for body in (statement.body, statement.orelse):
        with b.block():
            lower_block(b, body)
        b.looked += b.frames - before[-1]
        b.assigned, b.reachable, b.frame.bindings, b.frame.poisoned, b.frames = before
    b.sink.back_to(count, reported)


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
        case tree.Match():
            targets = tuple(tree.Name(name, statement.span) for name in matching.captured(statement))
        case tree.Function():
            targets = (tree.Name(statement.name, statement.name_span),)
        case _:
            return
    for target in targets:
        for part in _parts(target):
            if isinstance(part, tree.Name) and part.id not in b.frame.bindings:
                b.frame.poisoned.add(part.id)
            if isinstance(part, tree.Name) and part.id not in b.assigned:
                b.frame.bindings.pop(part.id, None)
                b.frame.poisoned.add(part.id)


def _parts(target: tree.Expression) -> Iterator[tree.Expression]:
    """What is assigned to: of `a, (b, c)` all three."""
    if isinstance(target, tree.Tuple):
        for item in target.items:
            yield from _parts(item)
    else:
        yield target


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
            loops.lower_for(b, statement, lower_block)
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
            before = len(b.module.conditions)
            decision = expressions.decide(b, statement.test)
            del b.module.conditions[before:]  # an assertion is meant to hold always
            b.check(decision.value, Fault.ASSERTION, statement.test.span)
            b.assigned = decision.when_true
        case tree.With():
            with_blocks.lower_with(b, statement, lower_block)
        case tree.Delete():
            _delete(b, statement)
        case tree.Try():
            exceptions.lower_try(b, statement, lower_block)
        case tree.Match():
            matching.lower_match(b, statement, lower_block)
        case tree.Raise():
            exceptions.lower_raise(b, statement)
        case tree.Function():
            closures.define(b, statement)
        case tree.Nonlocal():
            pass  # Python has seen to it whose the names are
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
    if isinstance(statement.test, tree.BoolOp) and b.frame.number == 0:
        b.module.conditions.append((decision.value, statement.test.span))

    def way(body: tuple[tree.Statement, ...], assigned: frozenset[str]) -> None:
        b.assigned = assigned
        lower_block(b, body)

    b.if_(
        decision.value,
        lambda: way(statement.body, decision.when_true),
        lambda: way(statement.orelse, decision.when_false),
        statement.span,
    )


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
