"""The syntax tree: one frozen class per construct of the language, each with its span.

Made by `parse`, read by `irbuild`. It mirrors the source and knows nothing of
types, names or the kernel.
"""

from __future__ import annotations

from typing import Literal, TypeAlias, final

from pyebpf.records import dataclass
from pyebpf.source import Span

UnaryOperator = Literal["-", "+", "~", "not"]
BinaryOperator = Literal["+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^"]
BoolOperator = Literal["and", "or"]
CompareOperator = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not"]


@final
@dataclass(frozen=True, slots=True)
class IntLiteral:
    value: int
    span: Span


@final
@dataclass(frozen=True, slots=True)
class BoolLiteral:
    value: bool
    span: Span


@final
@dataclass(frozen=True, slots=True)
class NoneLiteral:
    span: Span


@final
@dataclass(frozen=True, slots=True)
class StringLiteral:
    """Adjacent literals are joined, escapes resolved."""

    value: str
    span: Span


@final
@dataclass(frozen=True, slots=True)
class FStringText:
    """Literal text of an f-string, `{{` and escapes resolved."""

    value: str
    span: Span


@final
@dataclass(frozen=True, slots=True)
class FStringField:
    """`{value!conversion:spec}`; with `{value=}` the text before it is an FStringText of its own."""

    value: Expression
    conversion: str
    """`r`, `s`, `a`, or nothing."""
    spec: str
    """Plain text; nested fields are not part of the language."""
    span: Span


@final
@dataclass(frozen=True, slots=True)
class FString:
    parts: tuple[FStringText | FStringField, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Name:
    id: str
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Attribute:
    value: Expression
    name: str
    name_span: Span
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Slice:
    start: Expression | None
    stop: Expression | None
    step: Expression | None
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Subscript:
    value: Expression
    index: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Keyword:
    name: str
    value: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Call:
    function: Expression
    arguments: tuple[Expression, ...]
    keywords: tuple[Keyword, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Unary:
    operator: UnaryOperator
    operand: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Binary:
    operator: BinaryOperator
    left: Expression
    right: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class BoolOp:
    """`a and b and c`: two or more values with one operator."""

    operator: BoolOperator
    values: tuple[Expression, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Compare:
    """`a < b <= c`: `rest` holds each operator with what stands right of it."""

    first: Expression
    rest: tuple[tuple[CompareOperator, Expression], ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class IfExp:
    """`body if test else orelse`."""

    test: Expression
    body: Expression
    orelse: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Walrus:
    """`(target := value)`."""

    target: Name
    value: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Tuple:
    items: tuple[Expression, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Comprehension:
    """`for target in iterable if condition`: one loop of a generator expression."""

    target: Expression
    iterable: Expression
    conditions: tuple[Expression, ...]


@final
@dataclass(frozen=True, slots=True)
class Generator:
    """`element for … in …`, with the parentheses around it."""

    element: Expression
    clauses: tuple[Comprehension, ...]
    span: Span


Expression: TypeAlias = (
    IntLiteral
    | BoolLiteral
    | NoneLiteral
    | StringLiteral
    | FString
    | Name
    | Attribute
    | Subscript
    | Slice
    | Call
    | Unary
    | Binary
    | BoolOp
    | Compare
    | IfExp
    | Walrus
    | Tuple
    | Generator
)


@final
@dataclass(frozen=True, slots=True)
class ValuePattern:
    """A number, text, or a name with dots: what `==` compares with."""

    value: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class SingletonPattern:
    """`None`, `True` or `False`, which are compared by identity."""

    value: bool | None
    span: Span


@final
@dataclass(frozen=True, slots=True)
class AsPattern:
    """`pattern as name`. Without a pattern a name alone, and without a name as well, `_`."""

    pattern: Pattern | None
    name: str | None
    span: Span


@final
@dataclass(frozen=True, slots=True)
class OrPattern:
    patterns: tuple[Pattern, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class SequencePattern:
    patterns: tuple[Pattern, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class KeywordPattern:
    name: str
    pattern: Pattern


@final
@dataclass(frozen=True, slots=True)
class ClassPattern:
    """`Point(x=1, y=y)`."""

    cls: Expression
    positional: tuple[Pattern, ...]
    keywords: tuple[KeywordPattern, ...]
    span: Span


Pattern: TypeAlias = ValuePattern | SingletonPattern | AsPattern | OrPattern | SequencePattern | ClassPattern


@final
@dataclass(frozen=True, slots=True)
class ExpressionStatement:
    value: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Assign:
    """`a = b = value`: the targets from left to right."""

    targets: tuple[Expression, ...]
    value: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class AnnAssign:
    """`target: annotation = value`, or without a value."""

    target: Expression
    annotation: Expression
    value: Expression | None
    span: Span


@final
@dataclass(frozen=True, slots=True)
class AugAssign:
    target: Expression
    operator: BinaryOperator
    value: Expression
    span: Span


@final
@dataclass(frozen=True, slots=True)
class If:
    """`elif` is an If alone in `orelse`. `span` covers the header line only (from `if` to the colon)."""

    test: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class For:
    """`span` covers the header only."""

    target: Expression
    iterable: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class While:
    """`span` covers the header only."""

    test: Expression
    body: tuple[Statement, ...]
    orelse: tuple[Statement, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Break:
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Continue:
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Return:
    value: Expression | None
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Pass:
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Assert:
    test: Expression
    message: Expression | None
    span: Span


@final
@dataclass(frozen=True, slots=True)
class WithItem:
    value: Expression
    target: Expression | None
    span: Span


@final
@dataclass(frozen=True, slots=True)
class With:
    """`span` covers the header only."""

    items: tuple[WithItem, ...]
    body: tuple[Statement, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class ExceptHandler:
    """`except type as name:`; a bare `except:` has neither. `span` covers the header only."""

    type: Expression | None
    name: str | None
    body: tuple[Statement, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Try:
    """`span` covers the word `try:`."""

    body: tuple[Statement, ...]
    handlers: tuple[ExceptHandler, ...]
    orelse: tuple[Statement, ...]
    finalbody: tuple[Statement, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class MatchCase:
    """`case pattern if guard:`"""

    pattern: Pattern
    guard: Expression | None
    body: tuple[Statement, ...]


@final
@dataclass(frozen=True, slots=True)
class Match:
    """`span` covers the header only."""

    subject: Expression
    cases: tuple[MatchCase, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Raise:
    """`raise exception from cause`; alone, it raises again what an `except` has caught."""

    exception: Expression | None
    cause: Expression | None
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Delete:
    targets: tuple[Expression, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Nonlocal:
    """`nonlocal a, b`: assignments to these names are to those of the function around."""

    names: tuple[str, ...]
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    annotation: Expression | None
    default: Expression | None
    by: Literal["either", "position", "name"]
    """How its argument may be given."""
    span: Span


@final
@dataclass(frozen=True, slots=True)
class Function:
    """One decorated function, whose decorators are not here: Python has run them already. Or one inside of it."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: Expression | None
    docstring: str
    """First docstring, or ""; it is not part of `body`."""
    body: tuple[Statement, ...]
    span: Span
    """The `def` line up to the colon."""
    name_span: Span


Statement: TypeAlias = (
    ExpressionStatement
    | Assign
    | AnnAssign
    | AugAssign
    | If
    | For
    | While
    | Break
    | Continue
    | Return
    | Pass
    | Assert
    | With
    | Try
    | Match
    | Raise
    | Delete
    | Nonlocal
    | Function
)
