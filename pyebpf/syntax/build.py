"""Lark's parse tree → the frozen classes of `tree`, with spans in the user's own file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from pyebpf.diagnostics.base import CompileError
from pyebpf.diagnostics.syntax import TooDeep
from pyebpf.records import dataclass
from pyebpf.source import Source, Span
from pyebpf.syntax import patterns, text, tree
from pyebpf.syntax.identifiers import identifier

if TYPE_CHECKING:
    from lark import Token, Tree

Child = Any
"""A Tree, a Token, or None where an optional part is missing."""


@dataclass(frozen=True)
class Origin:
    """Where a parsed text starts in its file: line and column of its first character."""

    source: Source
    line: int
    column: int

    def span(self, start: tuple[int, int], end: tuple[int, int]) -> Span:
        """The span of positions in the parsed text (lines and columns from 1)."""
        return Span(self.source, *self.place(*start), *self.place(*end))

    def place(self, line: int, column: int) -> tuple[int, int]:
        return self.line + line - 1, column - 1 + (self.column if line == 1 else 0)


ParseField = Callable[[str, Origin], tree.Expression]

DEEPEST: Final = 100
"""Levels of expressions and blocks: every stage takes some frames of Python's stack for each, of some 1000 in all."""


LONGEST: Final = 40
"""Comparisons in a chain: each is done only if those before it are true, so each is three levels to later stages."""


class Builder:
    """Builds the syntax tree of one text. `parse_field` parses an expression inside an f-string."""

    def __init__(self, origin: Origin, parse_field: ParseField) -> None:
        self.origin = origin
        self.parse_field = parse_field
        self.depth = 0

    def enter(self, node: Child) -> None:
        """Go one level down. Raises CompileError where `node` is too deep for the stages that follow."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise CompileError((TooDeep(self.span(node)),))

    def span(self, node: Child) -> Span:
        """Where a Tree or Token stands."""
        place = node.meta if hasattr(node, "meta") else node
        return self.origin.span((place.line, place.column), (place.end_line, place.end_column))

    # Functions

    def function(self, node: Tree[Token]) -> tree.Function:
        name, parameters, returns, colon, suite = cast("list[Child]", node.children)
        body = self.suite(suite)
        docstring = ""
        if body and isinstance(body[0], tree.ExpressionStatement) and isinstance(body[0].value, tree.StringLiteral):
            docstring, body = body[0].value.value, body[1:]
        name_span = self.span(name)
        return tree.Function(
            identifier(name),
            self.parameters(parameters) if parameters else (),
            self.expression(returns) if returns is not None else None,
            docstring,
            body,
            self.header(node, colon),
            name_span,
        )

    def header(self, node: Child, colon: Child) -> Span:
        """From a compound statement's first word to its colon."""
        first, last = node.meta, colon.meta
        return self.origin.span((first.line, first.column), (last.end_line, last.end_column))

    def parameters(self, node: Tree[Token]) -> tuple[tree.Parameter, ...]:
        found: list[tree.Parameter] = []
        by: Literal["either", "name"] = "either"
        for part in cast("list[Child]", node.children):
            if part is None:
                continue
            if part.data == "star":
                by = "name"
            elif part.data == "slash":
                found = [replace(before, by="position") for before in found]
            else:
                found.append(self.parameter(part, by))
        return tuple(found)

    def parameter(self, node: Tree[Token], by: Literal["either", "name"]) -> tree.Parameter:
        name, annotation, default = node.children
        return tree.Parameter(
            identifier(name),
            self.expression(annotation) if annotation is not None else None,
            self.expression(default) if default is not None else None,
            by,
            self.span(node),
        )

    # Statements

    def suite(self, node: Tree[Token]) -> tuple[tree.Statement, ...]:
        statements: list[tree.Statement] = []
        for child in node.children:
            if child is None:
                continue
            part = cast("Tree[Token]", child)
            if part.data == "simple_line":
                statements += [self.statement(simple) for simple in part.children if simple is not None]
            else:
                statements.append(self.statement(part))
        return tuple(statements)

    def statement(self, node: Child) -> tree.Statement:
        self.enter(node)
        build: Callable[[Child], tree.Statement] = getattr(self, str(node.data))
        made = build(node)
        self.depth -= 1
        return made

    def expression_statement(self, node: Child) -> tree.Statement:
        return tree.ExpressionStatement(self.expression(node.children[0]), self.span(node))

    def assign(self, node: Child) -> tree.Statement:
        *targets, value = [self.expression(child) for child in node.children]
        return tree.Assign(tuple(targets), value, self.span(node))

    def annotated(self, node: Child) -> tree.Statement:
        target, annotation, value = node.children
        found = self.expression(value) if value is not None else None
        return tree.AnnAssign(self.expression(target), self.expression(annotation), found, self.span(node))

    def augmented(self, node: Child) -> tree.Statement:
        target, operator, value = node.children
        word = str(operator.children[0])[:-1]
        return tree.AugAssign(
            self.expression(target), cast("tree.BinaryOperator", word), self.expression(value), self.span(node)
        )

    def break_statement(self, node: Child) -> tree.Statement:
        return tree.Break(self.span(node))

    def continue_statement(self, node: Child) -> tree.Statement:
        return tree.Continue(self.span(node))

    def return_statement(self, node: Child) -> tree.Statement:
        value = node.children[0]
        return tree.Return(self.expression(value) if value is not None else None, self.span(node))

    def pass_statement(self, node: Child) -> tree.Statement:
        return tree.Pass(self.span(node))

    def assert_statement(self, node: Child) -> tree.Statement:
        test, message = node.children
        found = self.expression(message) if message is not None else None
        return tree.Assert(self.expression(test), found, self.span(node))

    def raise_statement(self, node: Child) -> tree.Statement:
        exception, cause = (*node.children, None, None)[:2]
        found = [self.expression(part) if part is not None else None for part in (exception, cause)]
        return tree.Raise(found[0], found[1], self.span(node))

    def delete(self, node: Child) -> tree.Statement:
        target = self.expression(node.children[0])
        targets = target.items if isinstance(target, tree.Tuple) else (target,)
        return tree.Delete(targets, self.span(node))

    def nonlocal_statement(self, node: Child) -> tree.Statement:
        return tree.Nonlocal(tuple(identifier(name) for name in node.children), self.span(node))

    def if_statement(self, node: Child) -> tree.Statement:
        return self.if_chain(node, [part for part in node.children[3:] if part is not None])

    def if_chain(self, node: Child, rest: list[Child]) -> tree.Statement:
        """`node` is the `if` or an `elif`; `rest` is what follows its block."""
        test, colon, suite = node.children[:3]
        condition, body = self.expression(test), self.suite(suite)
        orelse: tuple[tree.Statement, ...] = ()
        if rest and rest[0].data == "elif_part":
            self.enter(rest[0])
            orelse = (self.if_chain(rest[0], rest[1:]),)
            self.depth -= 1
        elif rest:
            orelse = self.suite(rest[0].children[0])
        return tree.If(condition, body, orelse, self.header(node, colon))

    def orelse(self, part: Child) -> tuple[tree.Statement, ...]:
        return self.suite(part.children[0]) if part is not None else ()

    def for_statement(self, node: Child) -> tree.Statement:
        targets, iterable, colon, suite, orelse = node.children
        target, over, body = self.expression(targets), self.expression(iterable), self.suite(suite)
        return tree.For(target, over, body, self.orelse(orelse), self.header(node, colon))

    def while_statement(self, node: Child) -> tree.Statement:
        test, colon, suite, orelse = node.children
        condition, body = self.expression(test), self.suite(suite)
        return tree.While(condition, body, self.orelse(orelse), self.header(node, colon))

    def try_statement(self, node: Child) -> tree.Statement:
        colon, suite, *parts = node.children
        by_kind = {part.data: part for part in parts if part is not None}
        return tree.Try(
            self.suite(suite),
            tuple(self.except_part(part) for part in parts if part is not None and part.data == "except_part"),
            self.orelse(by_kind.get("else_part")),
            self.orelse(by_kind.get("finally_part")),
            self.header(node, colon),
        )

    def except_part(self, node: Child) -> tree.ExceptHandler:
        type, name, colon, suite = node.children
        return tree.ExceptHandler(
            self.expression(type) if type is not None else None,
            identifier(name) if name is not None else None,
            self.suite(suite),
            self.header(node, colon),
        )

    def match_statement(self, node: Child) -> tree.Statement:
        subject, colon, *parts = node.children
        cases = tuple(self.case_part(part) for part in parts if part is not None)
        return tree.Match(self.expression(subject), cases, self.header(node, colon))

    def case_part(self, node: Child) -> tree.MatchCase:
        pattern, guard, _, suite = node.children
        condition = self.expression(guard.children[0]) if guard is not None else None
        return tree.MatchCase(patterns.pattern(self, pattern), condition, self.suite(suite))

    def with_statement(self, node: Child) -> tree.Statement:
        items, colon, suite = node.children
        parts = [part for part in items.children if part is not None]
        if len(parts) == 1 and parts[0].data == "with_item" and parts[0].children[1:] in ([], [None]):
            value = parts[0].children[0]
            if value.data == "tuple" and value.children:  # items in parentheses, none of which has a name
                parts = [part for part in value.children if part is not None]
        return tree.With(tuple(self.with_item(part) for part in parts), self.suite(suite), self.header(node, colon))

    def with_item(self, node: Child) -> tree.WithItem:
        if node.data != "with_item":
            return tree.WithItem(self.expression(node), None, self.span(node))
        value = node.children[0]
        target = node.children[1] if len(node.children) > 1 else None
        found = self.expression(target) if target is not None else None
        return tree.WithItem(self.expression(value), found, self.span(node))

    # Expressions

    def expression(self, node: Child) -> tree.Expression:
        self.enter(node)
        build: Callable[[Child], tree.Expression] = getattr(self, str(node.data))
        made = build(node)
        self.depth -= 1
        return made

    def group(self, node: Child) -> tree.Expression:
        return self.expression(node.children[0])

    def name(self, node: Child) -> tree.Expression:
        return tree.Name(identifier(node.children[0]), self.span(node))

    def integer(self, node: Child) -> tree.Expression:
        text = str(node.children[0])
        # Python refuses decimal literals of more than some 4300 digits; hexadecimal ones have no limit.
        return tree.IntLiteral(int(text, 0) if text.strip("0_") else 0, self.span(node))

    def true(self, node: Child) -> tree.Expression:
        return tree.BoolLiteral(True, self.span(node))

    def false(self, node: Child) -> tree.Expression:
        return tree.BoolLiteral(False, self.span(node))

    def none(self, node: Child) -> tree.Expression:
        return tree.NoneLiteral(self.span(node))

    def tuple(self, node: Child) -> tree.Expression:
        return tree.Tuple(
            tuple(self.expression(child) for child in node.children if child is not None), self.span(node)
        )

    def attribute(self, node: Child) -> tree.Expression:
        value, name = node.children
        return tree.Attribute(self.expression(value), identifier(name), self.span(name), self.span(node))

    def subscript(self, node: Child) -> tree.Expression:
        value, index = node.children
        if index is None:
            index_span = self.span(node)
            return tree.Subscript(self.expression(value), tree.Tuple((), index_span), index_span)
        return tree.Subscript(self.expression(value), self.expression(index), self.span(node))

    def slice(self, node: Child) -> tree.Expression:
        start, _, stop, *step = node.children
        last = step[1] if len(step) > 1 else None
        found = [self.expression(part) if part is not None else None for part in (start, stop, last)]
        return tree.Slice(found[0], found[1], found[2], self.span(node))

    def generator(self, node: Child) -> tree.Expression:
        element, *clauses = node.children
        return tree.Generator(
            self.expression(element), tuple(self.comprehension(part) for part in clauses), self.span(node)
        )

    def comprehension(self, node: Child) -> tree.Comprehension:
        targets, iterable, *conditions = node.children
        return tree.Comprehension(
            self.expression(targets),
            self.expression(iterable),
            tuple(self.expression(part.children[0]) for part in conditions),
        )

    def call(self, node: Child) -> tree.Expression:
        function, arguments = node.children
        if arguments is not None and arguments.data == "generator":
            generator = self.expression(arguments)
            return tree.Call(self.expression(function), (generator,), (), self.span(node))
        positional: list[tree.Expression] = []
        keywords: list[tree.Keyword] = []
        for part in arguments.children if arguments is not None else ():
            if part is None:
                continue
            if part.data == "keyword":
                name, value = part.children
                keywords.append(tree.Keyword(identifier(name), self.expression(value), self.span(part)))
            else:
                positional.append(self.expression(part))
        return tree.Call(self.expression(function), tuple(positional), tuple(keywords), self.span(node))

    def unary(self, node: Child) -> tree.Expression:
        sign, operand = node.children
        operator = cast("tree.UnaryOperator", str(sign.children[0]))
        return tree.Unary(operator, self.expression(operand), self.span(node))

    def not_expression(self, node: Child) -> tree.Expression:
        return tree.Unary("not", self.expression(node.children[0]), self.span(node))

    def binary(self, node: Child) -> tree.Expression:
        left, operator, right = node.children
        word = cast("tree.BinaryOperator", str(operator.children[0]))
        return tree.Binary(word, self.expression(left), self.expression(right), self.span(node))

    def or_expression(self, node: Child) -> tree.Expression:
        return tree.BoolOp("or", tuple(self.expression(child) for child in node.children), self.span(node))

    def and_expression(self, node: Child) -> tree.Expression:
        return tree.BoolOp("and", tuple(self.expression(child) for child in node.children), self.span(node))

    def compare(self, node: Child) -> tree.Expression:
        first, *rest = node.children
        if len(rest) // 2 > LONGEST:
            raise CompileError((TooDeep(self.span(node)),))
        pairs = []
        for operator, operand in zip(rest[::2], rest[1::2], strict=True):
            word = cast("tree.CompareOperator", " ".join(str(part) for part in operator.children))
            pairs.append((word, self.expression(operand)))
        return tree.Compare(self.expression(first), tuple(pairs), self.span(node))

    def if_expression(self, node: Child) -> tree.Expression:
        body, test, orelse = (self.expression(child) for child in node.children)
        return tree.IfExp(test, body, orelse, self.span(node))

    def walrus(self, node: Child) -> tree.Expression:
        name, value = node.children
        return tree.Walrus(tree.Name(identifier(name), self.span(name)), self.expression(value), self.span(node))

    # Text

    def strings(self, node: Child) -> tree.Expression:
        """Adjacent literals are one; with an f-string among them, the whole is one."""
        from pyebpf.syntax import fstrings

        parts: list[tree.FStringText | tree.FStringField] = []
        plain = True
        for token in node.children:
            if token.type == "STRING":
                parts.append(tree.FStringText(text.literal(str(token)), self.span(token)))
            else:
                plain = False
                parts += fstrings.parts(str(token), self.span(token), self.parse_field)
        if plain:
            value = "".join(part.value for part in parts if isinstance(part, tree.FStringText))
            return tree.StringLiteral(value, self.span(node))
        return tree.FString(tuple(parts), self.span(node))
