"""The syntax tree as indented text, for `--emit ast` and for golden tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

from pyebpf.source import Span
from pyebpf.syntax import tree

WIDTH = 100


def dump(function: tree.Function, *, spans: bool = False) -> str:
    """One line per node that is not a leaf of its parent's; `spans` adds `@line:column`."""
    return "\n".join(_lines(function, 0, "", spans)) + "\n"


def _lines(node: object, depth: int, label: str, spans: bool) -> Iterator[str]:
    indent = "  " * depth
    flat = _flat(node, spans)
    if len(flat) + len(indent) + len(label) <= WIDTH and not _has_statements(node):
        yield f"{indent}{label}{flat}"
        return
    if isinstance(node, tuple):
        yield f"{indent}{label}["
        for item in node:
            yield from _lines(item, depth + 1, "", spans)
        yield f"{indent}]"
        return
    if not is_dataclass(node):
        yield f"{indent}{label}{flat}"
        return
    yield f"{indent}{label}{type(node).__name__}{_place(node, spans)}"
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, Span) or value in ((), None, ""):
            continue
        yield from _lines(value, depth + 1, f"{field.name}: ", spans)


def _flat(node: object, spans: bool) -> str:
    if isinstance(node, tuple):
        return "[" + ", ".join(_flat(item, spans) for item in node) + "]"
    if not is_dataclass(node):
        return repr(node)
    parts = [
        _flat(getattr(node, field.name), spans)
        for field in fields(node)
        if not isinstance(getattr(node, field.name), Span)
    ]
    return f"{type(node).__name__}({', '.join(parts)}){_place(node, spans)}"


def _place(node: object, spans: bool) -> str:
    span = getattr(node, "span", None)
    return f"@{span.line}:{span.column}-{span.end_line}:{span.end_column}" if spans and isinstance(span, Span) else ""


def _has_statements(node: object) -> bool:
    if isinstance(node, tuple):
        return any(_has_statements(item) for item in node) or any(hasattr(item, "body") for item in node)
    return hasattr(node, "body") and not isinstance(node, tree.IfExp)
