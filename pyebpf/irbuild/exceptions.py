"""`try` and `raise`. Where a fault goes is known when the probe is compiled: each check jumps there itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pyebpf.diagnostics import names as errors
from pyebpf.ir import ops
from pyebpf.ir.module import Fault
from pyebpf.ir.types import I64
from pyebpf.irbuild import expressions
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.open_blocks import Finally, Handler
from pyebpf.irbuild.operands import Operand, Static, Values, describe
from pyebpf.lang.exceptions import NullPointerError, PacketTooShort
from pyebpf.source import Span
from pyebpf.syntax import tree

LowerBlock = Callable[[Builder, tuple[tree.Statement, ...]], None]

CLASSES: Final[dict[Fault, type[BaseException]]] = {
    Fault.KEY: KeyError,
    Fault.INDEX: IndexError,
    Fault.ZERO_DIVISION: ZeroDivisionError,
    Fault.ASSERTION: AssertionError,
    Fault.TYPE: TypeError,
    Fault.VALUE: ValueError,
    Fault.MEMORY: MemoryError,
    Fault.PACKET_TOO_SHORT: PacketTooShort,
    Fault.NULL_POINTER: NullPointerError,
}
"""What Python raises for each fault. A class catches its subclasses, as in Python: LookupError is two of them."""

KNOWN: Final = ", ".join(cls.__name__ for cls in CLASSES.values())
EVERYTHING: Final = frozenset(CLASSES)


@dataclass
class _Landing:
    """A handler, and what is lowered where its faults arrive."""

    handler: Handler
    lower: Callable[[], None]


def lower_try(b: Builder, statement: tree.Try, lower_block: LowerBlock) -> None:
    if not statement.finalbody:
        _lower_excepts(b, statement, lower_block)
        return
    depth, outer, loops = len(b.labels), list(b.handlers), list(b.frame.loops)

    def finish() -> None:
        inner = b.handlers, b.frame.loops
        b.handlers, b.frame.loops = list(outer), list(loops)
        try:
            lower_block(b, statement.finalbody)
        finally:
            b.handlers, b.frame.loops = inner

    def body() -> None:
        b.unwinding.append(Finally(finish, depth))
        try:
            _lower_excepts(b, statement, lower_block)
        finally:
            b.unwinding.pop()

    handler = Handler(ops.Label("finally"), EVERYTHING, depth, b.local("fault", I64, statement.span), b.frame)

    def land() -> None:
        lower_block(b, statement.finalbody)
        _raise_again(b, handler, statement.span)

    _guard(b, [_Landing(handler, land)], body, lambda: lower_block(b, statement.finalbody), statement.span)


def _lower_excepts(b: Builder, statement: tree.Try, lower_block: LowerBlock) -> None:
    def landing(part: tree.ExceptHandler) -> _Landing:
        faults = _caught(b, part)
        again = b.local("fault", I64, part.span) if _raises_again(part.body) else None
        handler = Handler(ops.Label("except"), faults, len(b.labels), again, b.frame)

        def land() -> None:
            b.frame.caught.append(handler)
            try:
                lower_block(b, part.body)
            finally:
                b.frame.caught.pop()

        return _Landing(handler, land)

    landings = [landing(part) for part in statement.handlers]
    _guard(
        b, landings, lambda: lower_block(b, statement.body), lambda: lower_block(b, statement.orelse), statement.span
    )


def _guard(
    b: Builder, landings: list[_Landing], body: Callable[[], None], orelse: Callable[[], None], span: Span
) -> None:
    """`body` with the handlers of `landings` around it, the first of which is asked first; then `orelse`."""
    after = ops.Label("try")
    before = b.assigned

    def protected() -> None:
        count = len(b.handlers)
        b.handlers += [landing.handler for landing in reversed(landings)]
        try:
            body()
        finally:
            del b.handlers[count:]
        if b.reachable:
            orelse()
        b.leave(after, span)

    def around(inner: list[_Landing]) -> None:
        if not inner:
            protected()
            return
        handler = inner[0].handler
        b.labels.append(handler.label)
        with b.block() as block:
            around(inner[1:])
        b.labels.pop()
        raised = b.breaks.pop(handler.label, [])
        b.reachable = True
        b.emit(ops.Scope(handler.label, ops.Block(tuple(block)), span))
        b.reachable, b.assigned = bool(raised), frozenset.intersection(*raised) if raised else before
        if raised:
            inner[0].lower()
            b.leave(after, span)

    b.labels.append(after)
    with b.block() as whole:
        around(landings)
    b.labels.pop()
    exits = b.breaks.pop(after, [])
    b.reachable = True
    b.emit(ops.Scope(after, ops.Block(tuple(whole)), span))
    b.reachable = bool(exits)
    b.assigned = frozenset.intersection(*exits) if exits else before


def _caught(b: Builder, part: tree.ExceptHandler) -> frozenset[Fault]:
    """The faults that an `except` catches. A wrong one is reported, and catches nothing."""
    if part.name is not None:
        b.sink.add(errors.ExceptionHasNoValue(part.span, part.name, part.type.span.text if part.type else ""))
    if part.type is None:
        return EVERYTHING
    found: set[Fault] = set()
    for operand, span in _each(b, part.type):
        cls = operand.value if isinstance(operand, Static) else None
        if not (isinstance(cls, type) and issubclass(cls, BaseException)):
            b.sink.add(errors.NotRaised(span, describe(operand), KNOWN))
            continue
        faults = {fault for fault, raised in CLASSES.items() if issubclass(raised, cls)}
        if not faults:
            b.sink.add(errors.NotRaised(span, f"`{span.text}`", KNOWN))
        found |= faults
    return frozenset(found)


def _each(b: Builder, node: tree.Expression) -> list[tuple[Operand, Span]]:
    if isinstance(node, tree.Tuple):  # one inside another catches nothing in Python 3
        return [(expressions.evaluate(b, item), item.span) for item in node.items]
    operand = expressions.evaluate(b, node)
    if isinstance(operand, Values):
        return [(item, node.span) for item in operand.items]
    return [(operand, node.span)]


def lower_raise(b: Builder, statement: tree.Raise) -> None:
    if statement.exception is None:
        if not b.frame.caught:
            b.error(errors.NothingToRaise(statement.span))
        _raise_again(b, b.frame.caught[-1], statement.span)
        return
    node = statement.exception
    called = node.function if isinstance(node, tree.Call) else node
    operand = expressions.evaluate(b, called)
    cls = operand.value if isinstance(operand, Static) else None
    fault = next((fault for fault, raised in CLASSES.items() if raised is cls), None)
    if fault is None:
        b.error(errors.NotRaised(called.span, f"`{called.span.text}`", KNOWN))
    if isinstance(node, tree.Call):
        for argument in (*node.arguments, *(word.value for word in node.keywords)):
            if not isinstance(argument, tree.StringLiteral | tree.FString):
                expressions.evaluate(b, argument)
    b.raise_(fault, statement.span)


def _raise_again(b: Builder, handler: Handler, span: Span) -> None:
    """Whichever fault came to `handler` goes on from there, counted where it happened."""
    if not b.reachable:
        return
    assert handler.pending is not None
    *others, last = handler.sites
    if others:
        which = b.get(handler.pending, span)
        for number, (fault, where) in enumerate(others):
            b.check(b.compare("!=", which, b.const(number, where), where), fault, where)
    b.raise_(*last)


def _raises_again(body: tuple[tree.Statement, ...]) -> bool:
    """Whether a bare `raise` stands in an `except` block."""
    for statement in body:
        match statement:
            case tree.Raise(exception=None):
                return True
            case tree.If() | tree.For() | tree.While():
                inner = statement.body + statement.orelse
            case tree.With():
                inner = statement.body
            case tree.Match():
                inner = tuple(part for each in statement.cases for part in each.body)
            case tree.Try():
                inner = statement.body + statement.orelse + statement.finalbody
                inner += tuple(part for each in statement.handlers for part in each.body)
            case _:
                continue
        if _raises_again(inner):
            return True
    return False
