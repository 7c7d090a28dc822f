"""`match`: the subject is evaluated once, and each case leaves its own block where its pattern or its guard fails.

    match kind, size:                   scope match:
        case 1, n if n > 5:                 scope case:
            body                                kind != 1: leave case
        case _:                                 n = size
            rest                                n <= 5: leave case
                                                body; leave match
                                            rest; leave match

As in Python, names are bound once a whole pattern has matched, before its guard is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from pyebpf import layout
from pyebpf.diagnostics import matching as errors
from pyebpf.ir import ops
from pyebpf.ir.types import BoolType, PointerType
from pyebpf.irbuild import comparisons, contexts, expressions, iteration, memory, names, order, values
from pyebpf.irbuild.builder import Abandon, Builder
from pyebpf.irbuild.looping import nothing, scope
from pyebpf.irbuild.operands import (
    Operand,
    Optional,
    OptionalValues,
    PendingText,
    Static,
    Values,
    describe,
    is_text,
    reference,
)
from pyebpf.lang.types import layout_or_none
from pyebpf.records import dataclass
from pyebpf.source import Span
from pyebpf.syntax import tree
from pyebpf.syntax.walk import parts

LowerBlock = Callable[[Builder, tuple[tree.Statement, ...]], None]


@dataclass(frozen=True, slots=True)
class Capture:
    """A name that a pattern binds, and what to."""

    name: str
    operand: Operand
    span: Span


def lower_match(b: Builder, statement: tree.Match, lower_block: LowerBlock) -> None:
    span = statement.span
    subject = _subject(b, statement)
    done, wrong = ops.Label("match"), []

    def cases() -> None:
        depth = len(b.labels)
        for case in statement.cases:
            here = b.assigned
            try:
                _case(b, case, subject, done, lower_block)
            except Abandon:
                wrong.append(case)
                del b.labels[depth:]
                b.reachable, b.assigned = True, here

    scope(b, done, cases, span)
    if wrong:
        raise Abandon


def captured(statement: tree.Match) -> Iterator[str]:
    """The names that the patterns of `statement` bind."""
    for case in statement.cases:
        for part in parts(case.pattern):
            if isinstance(part, tree.AsPattern) and part.name is not None:
                yield part.name


def _subject(b: Builder, statement: tree.Match) -> Operand:
    """What is matched, as it stays whatever guards do; text that isn't anywhere yet is put into memory."""
    node = statement.subject
    guards = [case.guard for case in statement.cases if case.guard is not None]
    operand = order.kept(b, expressions.evaluate(b, node), node.span, guards)
    if isinstance(operand, PendingText):
        literals = [part.value for part in parts(statement.cases) if isinstance(part, tree.StringLiteral)]
        longest = max((len(text.encode("utf-8", "surrogatepass")) for text in literals), default=0)
        size = operand.length or (0 if any(captured(statement)) else longest + 2)
        if size:
            address = b.scratch("subject", layout.Text(size), node.span)
            operand.write(b, address, size)
            return address
    return operand


def _case(b: Builder, case: tree.MatchCase, subject: Operand, done: ops.Label, lower_block: LowerBlock) -> None:
    span, failed = case.pattern.span, ops.Label("case")
    if not b.reachable:
        return

    def whole() -> None:
        _bind(b, _match(b, case.pattern, subject, failed))
        if case.guard is not None and b.reachable:
            decision = expressions.decide(b, case.guard)
            b.assigned = decision.when_false
            _require(b, decision.value, failed, case.guard.span)
            b.assigned = decision.when_true
        lower_block(b, case.body)
        b.leave(done, span)

    scope(b, failed, whole, span)


def _bind(b: Builder, captures: list[Capture]) -> None:
    """Give the names their values, all of which are what they were before the first was given."""
    if not b.reachable:
        return
    held = [
        memory.hold(b, each.operand, each.span) if number and is_text(each.operand) else each.operand
        for number, each in enumerate(captures)
    ]
    for each, operand in zip(captures, held, strict=True):
        names.assign_name(b, each.name, operand, each.span)


def _require(b: Builder, condition: ops.Value, failed: ops.Label, span: Span) -> None:
    """Go on only if `condition` is true."""
    if isinstance(condition, ops.Const):
        if not condition.value:
            b.leave(failed, span)
        return
    b.if_(condition, nothing, lambda: b.leave(failed, span), span)


def _never(
    b: Builder, pattern: tree.Pattern, operand: Operand, failed: ops.Label, help: str = "", of: str = ""
) -> list[Capture]:
    """A pattern that what it is asked about can't match: a mistake, but in functions that take any types."""
    if b.frame.number == 0:
        b.error(errors.NeverMatches(pattern.span, describe(operand), help))
    b.leave(failed, pattern.span)
    return []


# Patterns


def _match(b: Builder, pattern: tree.Pattern, operand: Operand, failed: ops.Label) -> list[Capture]:
    """Leave `failed` unless `operand` matches; the names that the pattern binds."""
    if not b.reachable:
        return []
    match pattern:
        case tree.AsPattern(pattern=None, name=None):
            return []
        case tree.AsPattern(pattern=None, name=str() as name):
            return [Capture(name, operand, pattern.span)]
        case tree.AsPattern(pattern=inner, name=str() as name):
            assert inner is not None
            operand = operand if _may_be_none(inner) else _there(b, operand, failed, pattern.span)
            return [*_match(b, inner, operand, failed), Capture(name, operand, pattern.span)]
        case tree.OrPattern():
            return _alternatives(b, pattern, operand, failed)
        case tree.SingletonPattern():
            return _singleton(b, pattern, operand, failed)
        case tree.ValuePattern():
            return _value(b, pattern, _there(b, operand, failed, pattern.span), failed)
        case tree.SequencePattern():
            return _sequence(b, pattern, _there(b, operand, failed, pattern.span), failed)
        case tree.ClassPattern():
            return _class(b, pattern, _there(b, operand, failed, pattern.span), failed)
    raise AssertionError(pattern)


def _may_be_none(pattern: tree.Pattern) -> bool:
    match pattern:
        case tree.AsPattern():
            return pattern.pattern is None or _may_be_none(pattern.pattern)
        case tree.OrPattern():
            return any(_may_be_none(each) for each in pattern.patterns)
        case _:
            return isinstance(pattern, tree.SingletonPattern) and pattern.value is None


def _there(b: Builder, operand: Operand, failed: ops.Label, span: Span) -> Operand:
    """`operand`, which goes on only if it isn't None."""
    if isinstance(operand, Optional):
        _require(b, operand.present, failed, span)
        return operand.value
    if isinstance(operand, OptionalValues):
        _require(b, operand.present, failed, span)
        return operand.values
    pointer = reference(operand)
    if ops.is_value(operand) and pointer is not None and pointer.nullable:
        _require(b, b.present(operand, span), failed, span)
        return b.not_null(operand, span)
    return operand


def _alternatives(b: Builder, pattern: tree.OrPattern, operand: Operand, failed: ops.Label) -> list[Capture]:
    """`a | b`: what the first that matches has bound goes to the names once the whole pattern has matched."""
    matched, before = ops.Label("or"), b.assigned
    bound: dict[str, str] = {}

    def one(each: tree.Pattern, following: ops.Label) -> None:
        for capture in _match(b, each, operand, following):
            hidden = f"{capture.name}, {pattern.span.line}:{pattern.span.column}"
            bound[capture.name] = hidden
            if b.reachable:
                names.assign_name(b, hidden, capture.operand, capture.span)
        b.leave(matched, each.span)

    def whole() -> None:
        for each in pattern.patterns:
            following = ops.Label("alternative")
            scope(b, following, partial(one, each, following), each.span)
            b.assigned = before
        b.leave(failed, pattern.span)

    scope(b, matched, whole, pattern.span)
    if not b.reachable:
        return []
    found = [Capture(name, names.read_name(b, hidden, pattern.span), pattern.span) for name, hidden in bound.items()]
    b.assigned = before
    return found


def _singleton(b: Builder, pattern: tree.SingletonPattern, operand: Operand, failed: ops.Label) -> list[Capture]:
    """None, True and False, which are compared by identity: 1 isn't True."""
    span = pattern.span
    if pattern.value is None:
        test = comparisons.compare(b, "is", operand, Static(None, "None"), span, (span, span))
        if isinstance(test, ops.Const) and not test.value:
            return _never(b, pattern, operand, failed)
        _require(b, test, failed, span)
        return []
    operand = _there(b, operand, failed, span)
    if not (ops.is_value(operand) and isinstance(operand.type, BoolType)):
        help = f"case {int(pattern.value)}:" if values.is_number(operand) else ""
        return _never(b, pattern, operand, failed, help)
    _require(b, operand if pattern.value else b.negate(operand, span), failed, span)
    return []


def _value(b: Builder, pattern: tree.ValuePattern, operand: Operand, failed: ops.Label) -> list[Capture]:
    span = pattern.span
    if not b.reachable:
        return []
    wanted = expressions.evaluate(b, pattern.value)
    comparable = (
        (values.is_number(operand) and values.is_number(wanted))
        or (is_text(operand) and is_text(wanted))
        or _is_address(operand)
        or _is_address(wanted)
    )
    if not comparable:
        return _never(b, pattern, operand, failed)
    _require(b, comparisons.compare(b, "==", operand, wanted, span, (span, span)), failed, span)
    return []


def _is_address(operand: Operand) -> bool:
    """Whether `operand` is an IPv6 or MAC address."""
    if isinstance(operand, Static):
        return memory.layout_of_address(operand.value) is not None
    pointer = reference(operand)
    return pointer is not None and isinstance(pointer.target, layout.Address)


def _sequence(b: Builder, pattern: tree.SequencePattern, operand: Operand, failed: ops.Label) -> list[Capture]:
    """A tuple, or an array, of as many items."""
    if not b.reachable:
        return []
    pointer = reference(operand)
    is_sequence = isinstance(operand, Values) or (pointer is not None and isinstance(pointer.target, layout.Array))
    items = iteration.items(b, operand, pattern.span) if is_sequence else None
    if items is None:
        return _never(b, pattern, operand, failed)
    assert isinstance(items.length, ops.Const)
    if items.length.value != len(pattern.patterns):
        return _never(b, pattern, operand, failed)
    found = []
    for number, each in enumerate(pattern.patterns):
        found += _match(b, each, items.at(b, b.const(number, each.span)), failed)
    return found


def _class(b: Builder, pattern: tree.ClassPattern, operand: Operand, failed: ops.Label) -> list[Capture]:
    """A struct, by its fields."""
    if not b.reachable:
        return []
    named = expressions.evaluate(b, pattern.cls)
    type = layout_or_none(named.value) if isinstance(named, Static) and named.value is not None else None
    if not isinstance(type, layout.Struct):
        b.error(errors.NotAStruct(pattern.cls.span, pattern.cls.span.text))
    if pattern.positional:
        fields = [field.name for field in type.fields if field.name not in {word.name for word in pattern.keywords}]
        first = fields[0] if fields else "field"
        b.error(errors.PositionalPattern(pattern.positional[0].span, type.name, first))
    pointer = operand.type if ops.is_value(operand) else None
    if not (isinstance(pointer, PointerType) and pointer.target == type):
        return _never(b, pattern, operand, failed)
    assert ops.is_value(operand)
    found = []
    for word in pattern.keywords:
        field = type.field(word.name)
        if field is None:
            known = [each.name for each in type.fields]
            contexts.unknown_member(b, f"struct {type.name}", word.name, known, word.pattern.span)
            raise values.abandoned()
        place = memory.field_place(b, operand, field, f"{type.name}.{field.name}", word.pattern.span)
        found += _match(b, word.pattern, memory.read(b, place, word.pattern.span), failed)
    return found
