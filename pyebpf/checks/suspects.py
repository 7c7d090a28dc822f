"""Comparisons and conditions that have the same result every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyebpf.checks.facts import Facts
from pyebpf.diagnostics.base import Diagnostic
from pyebpf.diagnostics.suspects import AlwaysSame
from pyebpf.ir import ops
from pyebpf.ir.module import Module
from pyebpf.source import Span


def always_same(module: Module, facts: Iterable[Facts]) -> Iterator[Diagnostic]:
    """A warning for each condition of `module` that is always true, or always false, wherever it was copied to."""
    known = tuple(facts)
    found: dict[Span, set[bool | None]] = {}
    for value, span in module.conditions:
        for each in known:
            if each.reachable(value) and not _of_constants(value, each):
                found.setdefault(span, set()).add(each.always(value))
    same = {span: results for span, results in found.items() if results in ({True}, {False})}
    for span, results in same.items():
        if not any(_inside(other, span) for other in same):  # of `a and b` the one that decides
            yield AlwaysSame(span, span.text, "true" if results == {True} else "false")


def _of_constants(value: ops.Value, facts: Facts) -> bool:
    """Whether two constants are compared: names for numbers, which may be others tomorrow."""
    if not isinstance(value, ops.Compare):
        return False
    return all(len(set(facts.interval(side))) == 1 for side in (value.left, value.right))


def _inside(one: Span, other: Span) -> bool:
    """Whether one span is a part of the other."""
    if one == other or one.source is not other.source:
        return False
    start, end = (one.line, one.column), (one.end_line, one.end_column)
    return (other.line, other.column) <= start and end <= (other.end_line, other.end_column)
