"""A syntax tree told as if all of it stood in one place."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pyebpf.source import Span

Node = TypeVar("Node")


def moved(node: Node, span: Span) -> Node:
    """The same with `span` in the place of each of its spans."""
    found: Node = _moved(node, span)
    return found


def _moved(node: Any, span: Span) -> Any:
    if isinstance(node, Span):
        return span
    if isinstance(node, tuple):
        return tuple(_moved(each, span) for each in node)
    if is_dataclass(node):
        cls: Any = type(node)
        return cls(*(_moved(getattr(node, each.name), span) for each in fields(node)))
    return node
