"""The source of a decorated function: its text, and where it stands in its file."""

from __future__ import annotations

import inspect
import linecache
import re
from tokenize import TokenError
from types import FunctionType
from typing import final

from pyebpf.diagnostics.base import CompileError
from pyebpf.records import dataclass
from pyebpf.source import Source, Span


@final
@dataclass(frozen=True, slots=True)
class Captured:
    """A function's own lines, from `def` on, as they stand in the file from line `line`."""

    source: Source
    line: int
    text: str
    name: str


def capture(function: FunctionType) -> Captured:
    """Find the source of `function`. Raises CompileError when there is none, or when it changed since.

    Works for files, for notebook cells and for interactive prompts that keep their input in `linecache` (IPython; Python
    itself since 3.13).
    """
    from pyebpf.diagnostics.syntax import LambdaProbe, NoSource, StaleSource

    code = function.__code__
    path, first = code.co_filename, code.co_firstlineno
    lines = linecache.getlines(path, function.__globals__)
    if not lines or first > len(lines):
        nowhere = Source(path, "")
        raise CompileError((NoSource(Span(nowhere, max(first, 1), 0, max(first, 1), 0), function.__name__, path),))
    source = Source(path, "".join(lines))
    span = Span(source, first, 0, first, len(source.line(first)))
    if function.__name__ == "<lambda>":
        raise CompileError((LambdaProbe(span),))
    try:
        block = inspect.getblock(lines[first - 1 :])
    except (TokenError, SyntaxError, IndentationError):
        block = lines[first - 1 :]
    text = "".join(block)
    definition = re.search(rf"^[ \t]*(async\s+)?def\s+{re.escape(function.__name__)}\b", text, re.MULTILINE)
    if definition is None:
        raise CompileError((StaleSource(span, function.__name__, path),))
    return Captured(
        source, first + text.count("\n", 0, definition.start()), text[definition.start() :], function.__name__
    )
