"""All nodes of a syntax tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from pyebpf.source import Span
from pyebpf.syntax import tree

Node = TypeVar("Node")


def parts(node: object) -> Iterator[object]:
    """`node`, or each of a tuple of nodes, and all below it."""
    if isinstance(node, tuple):
        for part in node:
            yield from parts(part)
    elif is_dataclass(node) and not isinstance(node, Span):
        yield node
        for field in fields(node):
            yield from parts(getattr(node, field.name))


def renamed(node: Node, names: Mapping[str, str]) -> Node:
    """`node` with other names, where they are names of variables."""
    found: Any = node
    if isinstance(node, tuple):
        found = tuple(renamed(part, names) for part in node)
    elif isinstance(node, tree.Name):
        found = replace(node, id=names.get(node.id, node.id))
    elif is_dataclass(node) and not isinstance(node, Span | type):
        changed = {field.name: renamed(getattr(node, field.name), names) for field in fields(node)}
        found = replace(node, **changed)
    return found  # type: ignore[no-any-return]
