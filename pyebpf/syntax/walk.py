"""All nodes of a syntax tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from pyebpf.source import Span


def parts(node: object) -> Iterator[object]:
    """`node`, or each of a tuple of nodes, and all below it."""
    if isinstance(node, tuple):
        for part in node:
            yield from parts(part)
    elif is_dataclass(node) and not isinstance(node, Span):
        yield node
        for field in fields(node):
            yield from parts(getattr(node, field.name))
