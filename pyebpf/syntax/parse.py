"""Source text → syntax tree, by the grammar. What Python has and the language hasn't gets its own diagnostic."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pyebpf.capture import Captured
from pyebpf.diagnostics.base import CompileError, InternalError
from pyebpf.syntax import tree
from pyebpf.syntax.build import Builder, Origin

if TYPE_CHECKING:
    from lark import Lark


@cache
def _parser() -> Lark:
    from pyebpf.syntax.tables import parser

    return parser()


def parse(captured: Captured) -> tree.Function:
    """The syntax tree of a captured function. Raises CompileError with every construct outside the language."""
    from lark.exceptions import LarkError

    from pyebpf.syntax.unsupported import diagnose, diagnose_fields, too_deep

    # The line break in front lets the first line's indentation count as such. Of those behind, a backslash at the end
    # of the file takes one.
    origin = Origin(captured.source, captured.line - 1, 0)
    text = "\n" + captured.text.rstrip() + "\n\n"
    try:
        parsed = _parser().parse(text, start="start")
        return Builder(origin, _field).function(parsed.children[0])  # type: ignore[arg-type]
    except LarkError as error:
        diagnose(captured)
        diagnose_fields(captured)
        _diagnose_letter(error, text, origin)
        raise InternalError(f"{captured.source.path}:{captured.line}: this can't be parsed: {error}") from error
    except RecursionError:
        raise CompileError((too_deep(captured),)) from None
    except CompileError as error:
        diagnose(captured, error.diagnostics)  # it may find more, and says all together
        raise
    except ValueError as error:  # an integer of too many digits, an f-string whose braces don't close
        diagnose(captured)
        diagnose_fields(captured)
        raise InternalError(f"{captured.source.path}:{captured.line}: {error}") from error


def _diagnose_letter(error: Exception, text: str, origin: Origin) -> None:
    """Raise CompileError where Python takes a character for a part of a name that the grammar doesn't: an accent."""
    from lark.exceptions import UnexpectedCharacters

    from pyebpf.diagnostics.syntax import Unsupported

    letter = text[error.pos_in_stream or 0] if isinstance(error, UnexpectedCharacters) else " "
    if isinstance(error, UnexpectedCharacters) and f"a{letter}".isidentifier():
        span = origin.span((error.line, error.column), (error.line, error.column + 1))
        what = f"the character U+{ord(letter):04X} in a name"
        why = "it changes the letter before it, so that names would look alike and not be the same"
        raise CompileError((Unsupported(span, what, why, "use letters, digits and underscores"),))


def _field(text: str, origin: Origin) -> tree.Expression:
    """An expression inside an f-string; in parentheses it may go over several lines."""
    parsed = _parser().parse(f"({text})", start="named")
    shifted = Origin(origin.source, origin.line, origin.column - 1)
    return Builder(shifted, _field).expression(parsed)
