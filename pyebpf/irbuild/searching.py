"""`in` over what can be gone through: arrays and array maps are searched, ranges computed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from pyebpf.ir import ops
from pyebpf.ir.types import BOOL, U64, IntType
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.iteration import opposite
from pyebpf.irbuild.looping import nothing, scope, walk
from pyebpf.irbuild.operands import Items, Operand, Range
from pyebpf.source import Span

FEW: Final = 16
"""Items that are searched in branches of one another: those of hundreds would be too deep for all that comes after."""


def search(b: Builder, items: Items, equal: Callable[[Operand], ops.Value], span: Span) -> ops.Value:
    """Whether any item is `equal`; those after the first such aren't looked at."""

    def look(found: Callable[[], None]) -> None:
        walk(b, items, lambda item: b.if_(equal(item), found, None, span), nothing, "search", span)

    return _found(b, look, span)


def search_each(b: Builder, items: tuple[Operand, ...], equal: Callable[[Operand], ops.Value], span: Span) -> ops.Value:
    """The same for items that are known one by one."""
    if len(items) > FEW:

        def look(found: Callable[[], None]) -> None:
            for item in items:
                if b.reachable:
                    b.if_(equal(item), found, None, span)

        return _found(b, look, span)
    result = b.local("found", BOOL, span)
    b.set(result, b.truth(False, span), span)

    def rest(number: int) -> None:
        if number < len(items):
            found = equal(items[number])
            b.if_(found, lambda: b.set(result, b.truth(True, span), span), lambda: rest(number + 1), span)

    rest(0)
    return b.get(result, span)


def _found(b: Builder, look: Callable[[Callable[[], None]], None], span: Span) -> ops.Value:
    """Whether `look` calls what it is given, which ends it."""
    result, done = b.local("found", BOOL, span), ops.Label("search")
    b.set(result, b.truth(False, span), span)

    def found() -> None:
        b.set(result, b.truth(True, span), span)
        b.leave(done, span)

    scope(b, done, partial(look, found), span)
    return b.get(result, span)


def in_range(b: Builder, number: ops.Value, range: Range, span: Span) -> ops.Value:
    """Whether `number` is one of a range's: between its ends, and a whole number of steps from its start."""
    assert isinstance(range.step.type, IntType)
    down = range.step.type.high < 0
    step = opposite(b, range.step, span) if down else range.step
    result = b.local("found", BOOL, span)
    b.set(result, b.truth(False, span), span)

    def begun() -> None:
        b.if_(b.compare(">" if down else "<", number, range.stop, span), inside, None, span)

    def inside() -> None:
        if isinstance(step, ops.Const) and step.value == 1:
            b.set(result, b.truth(True, span), span)
            return
        upper, lower = (range.start, number) if down else (number, range.start)
        distance = b.emit(ops.Binary("-", upper, lower, U64, span))  # not negative here, so that 64 bits hold it
        rest = b.emit(ops.Binary("%", distance, step, U64, span))
        b.set(result, b.compare("==", rest, b.const(0, span), span), span)

    b.if_(b.compare("<=" if down else ">=", number, range.start, span), begun, None, span)
    return b.get(result, span)
