"""Patterns of `case`, from Lark's parse tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyebpf.syntax import tree
from pyebpf.syntax.identifiers import identifier

if TYPE_CHECKING:
    from pyebpf.syntax.build import Builder

Child = Any


def pattern(builder: Builder, node: Child) -> tree.Pattern:
    """The pattern of a parse tree."""
    builder.enter(node)
    made = _pattern(builder, node)
    builder.depth -= 1
    return made


def _pattern(builder: Builder, node: Child) -> tree.Pattern:
    span = builder.span(node)
    children = [child for child in node.children if child is not None]
    match node.data:
        case "capture_pattern":
            name = identifier(children[0])
            return tree.AsPattern(None, None if name == "_" else name, span)
        case "as_pattern":
            return tree.AsPattern(pattern(builder, children[0]), identifier(children[1]), span)
        case "or_pattern":
            return tree.OrPattern(tuple(pattern(builder, child) for child in children), span)
        case "sequence_pattern":
            return tree.SequencePattern(tuple(pattern(builder, child) for child in children), span)
        case "group_pattern":
            return pattern(builder, children[0])
        case "class_pattern":
            return _class(builder, children, span)
        case _:
            return _value(builder, children[0], span)


def _class(builder: Builder, children: list[Child], span: Any) -> tree.Pattern:
    arguments = [part for part in children[1].children if part is not None] if len(children) > 1 else []
    keywords = [part for part in arguments if part.data == "keyword_pattern"]
    return tree.ClassPattern(
        builder.expression(children[0]),
        tuple(pattern(builder, part) for part in arguments if part.data != "keyword_pattern"),
        tuple(
            tree.KeywordPattern(identifier(part.children[0]), pattern(builder, part.children[1])) for part in keywords
        ),
        span,
    )


def _value(builder: Builder, node: Child, span: Any) -> tree.Pattern:
    if node.data == "negative":
        number = node.children[0]
        literal = tree.IntLiteral(int(str(number), 0) if str(number).strip("0_") else 0, builder.span(number))
        return tree.ValuePattern(tree.Unary("-", literal, span), span)
    value = builder.expression(node)
    match value:
        case tree.BoolLiteral():
            return tree.SingletonPattern(value.value, span)
        case tree.NoneLiteral():
            return tree.SingletonPattern(None, span)
    return tree.ValuePattern(value, span)
