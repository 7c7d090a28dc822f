"""What Python has and the language hasn't: a row for each construct, with the reason and the cure."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Final

from pyebpf.capture import Captured
from pyebpf.diagnostics.base import CompileError, Diagnostic
from pyebpf.diagnostics.syntax import InvalidSyntax, TooDeep, Unsupported
from pyebpf.source import Span

NO_OBJECTS: Final = "programs in the kernel can't make objects at run time"
NO_FUNCTIONS: Final = "every function of a program is known when it is loaded"
NO_WAITING: Final = "a program in the kernel runs to its end without waiting"
ONLY_REDUCED: Final = "only sum, any, all, min and max take one, for they keep nothing of it"
NOT_YET: Final = "it is not supported yet"

ROWS: Final[dict[str, tuple[str, str, str]]] = {
    "AsyncFunctionDef": ("`async def`", NO_WAITING, "write `def`"),
    "ClassDef": ("a class inside a function", NO_OBJECTS, "write the @struct at module level"),
    "AsyncFor": ("`async for`", NO_WAITING, "for i in range(4):"),
    "AsyncWith": ("`async with`", NO_WAITING, "with events.reserve() as event:"),
    "MatchMapping": ("a mapping pattern", NO_OBJECTS, "match the entry itself: match counts.get(key):"),
    "MatchStar": (
        "`*` in a pattern",
        "how many items there are is known when the probe is compiled",
        "case (first, _, _):",
    ),
    "TryStar": ("`except*`", NO_OBJECTS, "test first: if key in counts:"),
    "Import": ("`import` inside a function", "names are resolved when the probe is compiled", "import at module level"),
    "ImportFrom": (
        "`import` inside a function",
        "names are resolved when the probe is compiled",
        "import at module level",
    ),
    "Global": (
        "`global`",
        "module-level values are constants when the probe is compiled",
        "total = Global[u64](0), then total.value += 1",
    ),
    "TypeAlias": ("`type`", "types are declared outside of probes", "declare it at module level"),
    "Lambda": ("`lambda`", NO_FUNCTIONS, "write a @function at module level"),
    "Dict": ("a dict", NO_OBJECTS, "use a map: Hash[u32, u64](max_entries=1024)"),
    "Set": ("a set", NO_OBJECTS, "use a tuple, or a map: Hash[u32, u8](max_entries=1024)"),
    "List": ("a list", NO_OBJECTS, "use an array: values = u32[4]()"),
    "ListComp": ("a list comprehension", NO_OBJECTS, "write a for loop"),
    "SetComp": ("a set comprehension", NO_OBJECTS, "write a for loop"),
    "DictComp": ("a dict comprehension", NO_OBJECTS, "write a for loop"),
    "Await": ("`await`", NO_WAITING, "drop it"),
    "Yield": ("`yield`", NO_WAITING, "send an event: with events.reserve() as event:"),
    "YieldFrom": ("`yield from`", NO_WAITING, "send events: with events.reserve() as event:"),
    "Starred": ("`*`", "the number of values is fixed when the probe is compiled", "write the values one by one"),
    "TemplateStr": ("a template string", NO_OBJECTS, 'print(f"…")'),
}
"""Node classes of `ast` outside the language: what it is, why, and what to write instead."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LANGUAGE: Final = _words(
    "Module FunctionDef Nonlocal arguments arg Return Raise Try ExceptHandler Delete Assign AugAssign AnnAssign "
    "For While If With withitem Match match_case MatchValue MatchSingleton MatchSequence MatchClass MatchAs MatchOr "
    "GeneratorExp comprehension "
    "Assert Expr Pass Break Continue BoolOp And Or NamedExpr BinOp UnaryOp IfExp Compare Call keyword "
    "FormattedValue JoinedStr Constant Attribute Subscript Name Slice Tuple Load Store Del Add Sub Mult "
    "MatMult Div Mod Pow LShift RShift BitOr BitXor BitAnd FloorDiv Invert Not UAdd USub Eq NotEq Lt LtE "
    "Gt GtE Is IsNot In NotIn"
)
"""Node classes that the language has."""

INSIDE: Final = _words("alias TypeVar ParamSpec TypeVarTuple Interpolation")
"""Node classes that only occur inside one of ROWS, or of what is reported with the function's header."""

NEVER: Final = _words(
    "AST mod stmt expr expr_context boolop operator unaryop cmpop excepthandler pattern type_ignore "
    "type_param slice Interactive Expression FunctionType TypeIgnore Num Str Bytes NameConstant Ellipsis "
    "Index ExtSlice Suite AugLoad AugStore Param NodeVisitor NodeTransformer"
)
"""Abstract, deprecated or top-level classes, which no function's tree contains."""

CONSTANTS: Final[dict[type, tuple[str, str, str]]] = {
    float: ("a float", "the kernel has no floating point", "use an integer in a smaller unit: 1500 ms for 1.5 s"),
    complex: ("a complex number", "the kernel has no floating point", "use integers"),
    bytes: ("a bytes literal", "text in a probe is str", "write it without the b"),
    type(...): ("`...`", "it has no meaning in a probe", "pass"),
}


def diagnose(captured: Captured, known: tuple[Diagnostic, ...] = ()) -> None:
    """Raise CompileError with every construct outside the language, and with what is `known` to be wrong.

    Returns if Python and the language agree on the text.
    """
    try:
        outer, shift = _python(captured)
        found = [_unsupported(captured, node, row, shift) for node, row in _walk(outer, outer)]
    except RecursionError:
        raise CompileError(known or (too_deep(captured),)) from None
    if found:
        found += [diagnostic for diagnostic in known if diagnostic not in found]
        raise CompileError(tuple(sorted(found, key=lambda each: (each.span.line, each.span.column))))


def diagnose_fields(captured: Captured) -> None:
    """Raise CompileError for f-strings whose fields only Python's own tokenizer can tell apart."""
    outer, shift = _python(captured)
    found = [_unsupported(captured, node, row, shift) for node, row in _nested_quotes(outer)]
    if found:
        raise CompileError(tuple(found))


def _python(captured: Captured) -> tuple[ast.stmt, int]:
    """The function as Python reads it, and what to add to its line numbers. Raises CompileError if Python can't."""
    indented = captured.text[:1] in " \t"
    lead = "if True:\n" if indented else ""
    shift = captured.line - 1 - (1 if indented else 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first = ast.parse(lead + captured.text).body[0]
    except SyntaxError as error:
        raise CompileError((_invalid(captured, error, shift),)) from None
    except (RecursionError, MemoryError, ValueError):
        raise CompileError((too_deep(captured),)) from None
    return first.body[0] if isinstance(first, ast.If) and indented else first, shift


def too_deep(captured: Captured) -> Diagnostic:
    """The function nests deeper than can be followed."""
    line = captured.line
    return TooDeep(Span(captured.source, line, 0, line, len(captured.source.line(line))))


def _walk(node: ast.AST, outer: ast.AST) -> Iterator[tuple[ast.AST, tuple[str, str, str]]]:
    """Nodes outside the language, outermost only: what is inside goes with them."""
    row = ROWS.get(type(node).__name__)
    if isinstance(node, ast.Constant):
        row = CONSTANTS.get(type(node.value))
    if row is not None:
        yield node, row
        return
    if isinstance(node, ast.arguments):
        yield from _parameters(node)
    if isinstance(node, ast.keyword) and node.arg is None:
        yield node.value, ("`**`", ROWS["Starred"][1], "name the arguments one by one")
        return
    if isinstance(node, ast.FunctionDef) and node is not outer and node.decorator_list:
        yield node.decorator_list[0], ("a decorator inside a function", NO_OBJECTS, f"def {node.name}(…) is enough")
        return
    if isinstance(node, ast.FunctionDef) and getattr(node, "type_params", None):
        yield node.type_params[0], ("a type parameter", "@function helpers are generic as they are", "leave it out")  # type: ignore[attr-defined]
    for name, value in ast.iter_fields(node):
        if name in ("decorator_list", "type_params", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child, outer)


def _parameters(node: ast.arguments) -> Iterator[tuple[ast.AST, tuple[str, str, str]]]:
    if node.vararg:
        yield node.vararg, ("a `*` parameter", ROWS["Starred"][1], "name the parameters one by one")
    if node.kwarg:
        yield node.kwarg, ("a `**` parameter", ROWS["Starred"][1], "name the parameters one by one")


def _nested_quotes(outer: ast.AST) -> Iterator[tuple[ast.AST, tuple[str, str, str]]]:
    """f-strings with their own quotes inside a field, which Python reads since 3.12."""
    for node in ast.walk(outer):
        if isinstance(node, ast.JoinedStr):
            inner = [part for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            nested = any(isinstance(part, ast.FormattedValue) and part.format_spec for part in node.values)
            if len(inner) > sum(isinstance(part, ast.Constant) for part in node.values) or nested:
                yield (
                    node,
                    (
                        "an f-string with text or formats inside its fields",
                        NOT_YET,
                        "compute the field outside of the f-string",
                    ),
                )


def _unsupported(captured: Captured, node: ast.AST, row: tuple[str, str, str], shift: int) -> Diagnostic:
    line, end_line = node.lineno + shift, (node.end_lineno or node.lineno) + shift  # type: ignore[attr-defined]
    start = _characters(captured, line, node.col_offset)  # type: ignore[attr-defined]
    end = _characters(captured, end_line, node.end_col_offset or 0)  # type: ignore[attr-defined]
    if isinstance(node, ast.stmt) and end_line > line:  # a compound statement: its first line says enough
        end_line, end = line, len(captured.source.line(line).split("#")[0].rstrip())
    return Unsupported(Span(captured.source, line, start, end_line, end), *row)


def _characters(captured: Captured, line: int, offset: int) -> int:
    """`ast` counts columns in UTF-8 bytes, spans in characters."""
    return len(captured.source.line(line).encode()[:offset].decode("utf-8", "replace"))


def _invalid(captured: Captured, error: SyntaxError, shift: int) -> Diagnostic:
    line = (error.lineno or 1) + shift
    column = max((error.offset or 1) - 1, 0)
    text = captured.source.line(line)
    end = max((error.end_offset or 0) - 1, column + 1) if error.end_lineno == error.lineno else len(text)
    return InvalidSyntax(Span(captured.source, line, min(column, len(text)), line, max(end, column + 1)), error.msg)
