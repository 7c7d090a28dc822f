"""All nodes of a syntax tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from pyebpf.source import Span
from pyebpf.syntax import tree

Node = TypeVar("Node")


_FIELDS: dict[type, tuple[str, ...]] = {Span: (), str: (), int: (), bool: (), bytes: (), type(None): ()}
"""By class of a node: the names of its fields. None for what isn't a node."""
_LEAVES = frozenset(_FIELDS)


def field_names(node: object) -> tuple[str, ...]:
    """The fields of a node; none of what isn't one."""
    kind = type(node)
    found = _FIELDS.get(kind)
    if found is None:
        found = tuple(field.name for field in fields(node)) if is_dataclass(node) and kind is not type else ()
        _FIELDS[kind] = found
    return found


def parts(node: object) -> Iterator[object]:
    """`node`, or each of a tuple of nodes, and all below it."""
    return iter(_all(node, []))


def _all(node: object, found: list[object]) -> list[object]:
    kind = type(node)
    if kind is tuple:
        for part in node:  # type: ignore[attr-defined]
            _all(part, found)
    elif kind not in _LEAVES and is_dataclass(node):
        found.append(node)
        for name in field_names(node):
            _all(getattr(node, name), found)
    return found


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
