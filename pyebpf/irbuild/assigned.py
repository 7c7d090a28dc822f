"""Where a function assigns its names, as its text has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from pyebpf.irbuild.bindings import RESULT
from pyebpf.source import Span
from pyebpf.syntax import tree


def assigned_names(function: tree.Function) -> frozenset[str]:
    """The names that `function` assigns anywhere, functions inside it included."""
    return frozenset(_assigned(function.body))


def assigned_once(function: tree.Function, name: str) -> bool:
    """Whether `name` has its value from one place: a parameter that is never assigned, a name that is assigned once, or
    the result, if there is one `return`."""
    parameter = any(each.name == name for each in function.parameters)
    return sum(each == name for each in _assigned(function.body)) + parameter == 1


def _assigned(node: object) -> Iterator[str]:
    match node:
        case tree.Assign():
            yield from _targets(node.targets)
        case tree.AnnAssign() | tree.AugAssign() | tree.For() | tree.Walrus() | tree.Comprehension():
            yield from _targets((node.target,))
        case tree.WithItem() if node.target is not None:
            yield from _targets((node.target,))
        case tree.Function():
            yield node.name
        case tree.ExceptHandler() | tree.AsPattern() if node.name is not None:
            yield node.name
        case tree.Return():
            yield RESULT
    if isinstance(node, tuple):
        for part in node:
            yield from _assigned(part)
    elif is_dataclass(node) and not isinstance(node, Span):
        for field in fields(node):
            yield from _assigned(getattr(node, field.name))


def _targets(nodes: tuple[tree.Expression, ...]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, tree.Name):
            yield node.id
        elif isinstance(node, tree.Tuple):
            yield from _targets(node.items)
