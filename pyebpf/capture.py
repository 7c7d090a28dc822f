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

    Works for files, for notebook cells and for interactive prompts that keep their input in `linecache` (IPython;
    Python itself since 3.13).
    """
    from pyebpf.diagnostics.syntax import LambdaProbe, NoSource, StaleSource

    code = function.__code__
    path, first, name = code.co_filename, code.co_firstlineno, code.co_name
    linecache.checkcache(path)  # a reloaded module's text is the new one
    lines = linecache.getlines(path, function.__globals__)
    if not lines or first > len(lines):
        nowhere = Source(path, "")
        raise CompileError((NoSource(Span(nowhere, max(first, 1), 0, max(first, 1), 0), name, path),))
    source = Source(path, "".join(lines))
    span = Span(source, first, 0, first, len(source.line(first)))
    if name == "<lambda>":
        raise CompileError((LambdaProbe(span),))
    try:
        block = inspect.getblock(lines[first - 1 :])
    except (TokenError, SyntaxError):  # Python has read it, so it was another text then
        raise CompileError((StaleSource(span, name, path),)) from None
    text = "".join(block)
    definition = re.search(rf"^[ \t]*(async\s+)?def\s+{re.escape(name)}\b", text, re.MULTILINE)
    if definition is None:
        raise CompileError((StaleSource(span, name, path),))
    return Captured(source, first + text.count("\n", 0, definition.start()), text[definition.start() :], name)
