"""Python's own `ast` → our syntax tree: the second opinion that the parser is compared with."""

from __future__ import annotations

import ast
import textwrap
from typing import Any

from pyebpf.capture import Captured
from pyebpf.source import Source, Span
from pyebpf.syntax import tree

BINARY: dict[type, Any] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}  # fmt: skip
UNARY: dict[type, Any] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not"}
COMPARE: dict[type, Any] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


def captured(text: str, *, line: int = 1, path: str = "probe.py") -> Captured:
    """A function as `capture` would hand it over, standing at `line` of its file."""
    whole = "\n" * (line - 1) + text
    name = text.split("def ", 1)[1].split("(", 1)[0].strip()
    return Captured(Source(path, whole), line, text, name)


def body(lines: str) -> Captured:
    """`lines` as the body of a function."""
    return captured("def probe(ctx):\n" + textwrap.indent(textwrap.dedent(lines).strip("\n"), "    ") + "\n")


class Translator:
    """Translates one function. Headers end at the colon, which `ast` doesn't know: they are compared by start."""

    def __init__(self, given: Captured) -> None:
        self.given = given
        self.lines = given.text.split("\n")

    def function(self) -> tree.Function:
        node = ast.parse(self.given.text).body[0]
        assert isinstance(node, ast.FunctionDef)
        return self.definition(node)

    def definition(self, node: ast.FunctionDef) -> tree.Function:
        words = ast.get_docstring(node, clean=False)
        statements = node.body[1:] if words is not None else node.body
        args = node.args
        plain = [*args.posonlyargs, *args.args]
        defaults = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
        parameters = [
            self.parameter(a, d, "position" if a in args.posonlyargs else "either")
            for a, d in zip(plain, defaults, strict=True)
        ]
        parameters += [self.parameter(a, d, "name") for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
        start = self.span(node)
        name = Span(start.source, start.line, start.column + 4, start.line, start.column + 4 + len(node.name))
        returns = self.optional(node.returns)
        return tree.Function(node.name, tuple(parameters), returns, words or "", self.block(statements), start, name)

    def parameter(self, arg: ast.arg, default: ast.expr | None, by: Any) -> tree.Parameter:
        span = self.span(arg).to(self.span(default or arg))
        return tree.Parameter(arg.arg, self.optional(arg.annotation), self.optional(default), by, span)

    def span(self, node: Any) -> Span:
        def column(line: int, offset: int) -> int:
            return len(self.lines[line - 1].encode()[:offset].decode())

        shift = self.given.line - 1
        return Span(
            self.given.source,
            node.lineno + shift,
            column(node.lineno, node.col_offset),
            node.end_lineno + shift,
            column(node.end_lineno, node.end_col_offset),
        )

    def optional(self, node: ast.expr | None) -> tree.Expression | None:
        return None if node is None else self.expression(node)

    def block(self, nodes: list[ast.stmt]) -> tuple[tree.Statement, ...]:
        return tuple(self.statement(node) for node in nodes)

    def statement(self, node: ast.stmt) -> tree.Statement:
        span, one, block = self.span(node), self.expression, self.block
        match node:
            case ast.Expr():
                return tree.ExpressionStatement(one(node.value), span)
            case ast.Assign():
                return tree.Assign(tuple(map(one, node.targets)), one(node.value), span)
            case ast.AnnAssign():
                return tree.AnnAssign(one(node.target), one(node.annotation), self.optional(node.value), span)
            case ast.AugAssign():
                return tree.AugAssign(one(node.target), BINARY[type(node.op)], one(node.value), span)
            case ast.If():
                return tree.If(one(node.test), block(node.body), block(node.orelse), span)
            case ast.For():
                return tree.For(one(node.target), one(node.iter), block(node.body), block(node.orelse), span)
            case ast.While():
                return tree.While(one(node.test), block(node.body), block(node.orelse), span)
            case ast.Return():
                return tree.Return(self.optional(node.value), span)
            case ast.Assert():
                return tree.Assert(one(node.test), self.optional(node.msg), span)
            case ast.Delete():
                targets = [one(target) for target in node.targets]
                match targets:
                    case [tree.Tuple(items)]:  # del (a, b) is del a, b
                        return tree.Delete(items, span)
                return tree.Delete(tuple(targets), span)
            case ast.With():
                items = tuple(
                    tree.WithItem(
                        one(item.context_expr),
                        self.optional(item.optional_vars),
                        self.span(item.context_expr).to(self.span(item.optional_vars or item.context_expr)),
                    )
                    for item in node.items
                )
                return tree.With(items, block(node.body), span)
            case ast.Try():
                handlers = tuple(
                    tree.ExceptHandler(self.optional(part.type), part.name, block(part.body), self.span(part))
                    for part in node.handlers
                )
                return tree.Try(block(node.body), handlers, block(node.orelse), block(node.finalbody), span)
            case ast.Match():
                cases = tuple(
                    tree.MatchCase(self.pattern(part.pattern), self.optional(part.guard), block(part.body))
                    for part in node.cases
                )
                return tree.Match(one(node.subject), cases, span)
            case ast.Raise():
                return tree.Raise(self.optional(node.exc), self.optional(node.cause), span)
            case ast.Nonlocal():
                return tree.Nonlocal(tuple(node.names), span)
            case ast.FunctionDef():
                return self.definition(node)
            case ast.Break() | ast.Continue() | ast.Pass():
                simple: Any = getattr(tree, type(node).__name__)
                made: tree.Statement = simple(span)
                return made
        raise AssertionError(ast.dump(node))

    def expression(self, node: ast.expr) -> tree.Expression:
        span, one = self.span(node), self.expression
        match node:
            case ast.Constant(value=bool() as value):
                return tree.BoolLiteral(value, span)
            case ast.Constant(value=int() as value):
                return tree.IntLiteral(value, span)
            case ast.Constant(value=str() as value):
                return tree.StringLiteral(value, span)
            case ast.Constant(value=None):
                return tree.NoneLiteral(span)
            case ast.JoinedStr():
                return tree.FString(tuple(self.part(part) for part in node.values), span)
            case ast.Name():
                return tree.Name(node.id, span)
            case ast.Attribute():
                name = Span(
                    span.source, span.end_line, span.end_column - len(node.attr), span.end_line, span.end_column
                )
                return tree.Attribute(one(node.value), node.attr, name, span)
            case ast.Subscript():
                return tree.Subscript(one(node.value), one(node.slice), span)
            case ast.Slice():
                return tree.Slice(self.optional(node.lower), self.optional(node.upper), self.optional(node.step), span)
            case ast.Call():
                keywords = tuple(tree.Keyword(k.arg or "**", one(k.value), self.span(k)) for k in node.keywords)
                return tree.Call(one(node.func), tuple(map(one, node.args)), keywords, span)
            case ast.UnaryOp():
                return tree.Unary(UNARY[type(node.op)], one(node.operand), span)
            case ast.BinOp():
                return tree.Binary(BINARY[type(node.op)], one(node.left), one(node.right), span)
            case ast.BoolOp():
                return tree.BoolOp("and" if isinstance(node.op, ast.And) else "or", tuple(map(one, node.values)), span)
            case ast.Compare():
                rest = tuple((COMPARE[type(o)], one(c)) for o, c in zip(node.ops, node.comparators, strict=True))
                return tree.Compare(one(node.left), rest, span)
            case ast.IfExp():
                return tree.IfExp(one(node.test), one(node.body), one(node.orelse), span)
            case ast.NamedExpr():
                return tree.Walrus(tree.Name(node.target.id, self.span(node.target)), one(node.value), span)
            case ast.GeneratorExp():
                clauses = tuple(
                    tree.Comprehension(one(part.target), one(part.iter), tuple(map(one, part.ifs)))
                    for part in node.generators
                )
                return tree.Generator(one(node.elt), clauses, span)
            case ast.Tuple():
                return tree.Tuple(tuple(map(one, node.elts)), span)
        raise AssertionError(ast.dump(node))

    def pattern(self, node: ast.pattern) -> tree.Pattern:
        span, one = self.span(node), self.pattern
        match node:
            case ast.MatchValue():
                return tree.ValuePattern(self.expression(node.value), span)
            case ast.MatchSingleton():
                return tree.SingletonPattern(node.value, span)
            case ast.MatchAs():
                return tree.AsPattern(one(node.pattern) if node.pattern else None, node.name, span)
            case ast.MatchOr():
                return tree.OrPattern(tuple(map(one, node.patterns)), span)
            case ast.MatchSequence():
                return tree.SequencePattern(tuple(map(one, node.patterns)), span)
            case ast.MatchClass():
                named = zip(node.kwd_attrs, node.kwd_patterns, strict=True)
                keywords = tuple(tree.KeywordPattern(name, one(inner)) for name, inner in named)
                return tree.ClassPattern(self.expression(node.cls), tuple(map(one, node.patterns)), keywords, span)
        raise AssertionError(ast.dump(node))

    def part(self, node: ast.expr) -> tree.FStringText | tree.FStringField:
        if isinstance(node, ast.FormattedValue):
            conversion = "" if node.conversion < 0 else chr(node.conversion)
            spec = ""
            if node.format_spec is not None:
                assert isinstance(node.format_spec, ast.JoinedStr)
                spec = "".join(ast.literal_eval(part) for part in node.format_spec.values)
            return tree.FStringField(self.expression(node.value), conversion, spec, self.span(node))
        assert isinstance(node, ast.Constant)
        return tree.FStringText(node.value, self.span(node))


def comparable(node: Any, *, field_spans: bool = True) -> Any:
    """A tree as nested tuples, with what can't be compared with `ast` made alike.

    Headers are compared by where they start. Text between the fields of an f-string is joined, as in `ast`, and its
    places are left out: before Python 3.12 all parts had the place of the whole. `field_spans` false leaves out every
    place inside f-strings.
    """
    if isinstance(node, tree.FString):
        parts: list[Any] = []
        for part in node.parts:
            if isinstance(part, tree.FStringText):
                if parts and isinstance(parts[-1], str):
                    parts[-1] += part.value
                elif part.value:
                    parts.append(part.value)
            else:
                value = comparable(part.value, field_spans=field_spans)
                parts.append((value if field_spans else _without_spans(value), part.conversion, part.spec))
        return ("FString", tuple(parts), place(node.span))
    if isinstance(node, tuple):
        return tuple(comparable(item, field_spans=field_spans) for item in node)
    if isinstance(node, Span):
        return place(node)
    if not hasattr(node, "__match_args__"):
        return node
    if isinstance(node, tree.WithItem):  # its parentheses, if it has any, are not in `ast`
        return ("WithItem", comparable(node.value), comparable(node.target))
    header = isinstance(
        node, tree.If | tree.For | tree.While | tree.With | tree.Try | tree.ExceptHandler | tree.Match | tree.Function
    )
    names = [name for name in node.__match_args__ if not (header and name == "span")]
    values = [comparable(getattr(node, name), field_spans=field_spans) for name in names]
    if header:
        values.append(("from", node.span.line, node.span.column))
    return (type(node).__name__, *values)


def place(span: Span) -> tuple[str, int, int, int, int]:
    return ("at", span.line, span.column, span.end_line, span.end_column)


def _without_spans(value: Any) -> Any:
    if isinstance(value, tuple):
        return None if value[:1] == ("at",) else tuple(_without_spans(item) for item in value)
    return value
