"""Running a user's module: its mistakes become diagnostics on its own lines."""

from __future__ import annotations

import difflib
import linecache
import re
import sys
import traceback
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from pyebpf.diagnostics.base import CompileError, Diagnostic
from pyebpf.diagnostics.declarations import BadDeclaration, DuplicateProbe, ModuleRaised, UnknownImport
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.probes import Probe
from pyebpf.source import Source, Span

LONGEST_STRUCT = 400
"""Lines in which a field is looked for."""
LARGEST_FILE = 16 << 20
"""Bytes; no probe is longer."""


def read_text(path: object) -> str:
    """The text of a file, "" if it can't be read."""
    try:
        with open(str(path), "rb") as file:
            return file.read(LARGEST_FILE).decode("utf-8", "replace")
    except OSError:
        return ""


def load_module(path: Path) -> ModuleType:
    """Run the file at `path` as a module of its own and return it.

    Raises CompileError when it fails, and OSError when it can't be read. Modules beside it can be imported.
    """
    data = path.read_bytes()
    name = f"pyebpf_probe_{re.sub(r'[^0-9A-Za-z_]', '_', path.stem)}"
    module = ModuleType(name)
    module.__file__ = str(path)
    source = Source(str(path), data.decode("utf-8", "replace"))
    linecache.checkcache(str(path))
    sys.modules[name] = module
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    try:
        code = compile(data, str(path), "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except SyntaxError as error:
        raise CompileError((_syntax_error(source, error),)) from None
    except CompileError:
        raise
    except Exception as error:
        raise CompileError((_diagnose(source, error),)) from error
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
    _check_names(source, code, module)
    return module


def _check_names(source: Source, code: CodeType, module: ModuleType) -> None:
    """Of two probes with one name Python keeps the second; the first would be gone in silence."""
    lines: dict[str, int] = {}
    for inner in code.co_consts:
        if not isinstance(inner, CodeType) or not isinstance(vars(module).get(inner.co_name), Probe):
            continue
        if not source.line(inner.co_firstlineno).startswith("@"):
            continue  # inside an if, where there may be one for each case
        if inner.co_name in lines:
            span = _word(Span(source, inner.co_firstlineno, 0, inner.co_firstlineno, 1), f"def {inner.co_name}")
            name = Span(source, span.line, span.end_column - len(inner.co_name), span.line, span.end_column)
            raise CompileError((DuplicateProbe(name, inner.co_name),))
        lines[inner.co_name] = inner.co_firstlineno


def _syntax_error(source: Source, error: SyntaxError) -> Diagnostic:
    from pyebpf.diagnostics.syntax import InvalidSyntax

    if error.filename != source.path:
        source = Source(error.filename or source.path, read_text(error.filename))
    line = error.lineno or 1
    column = max((error.offset or 1) - 1, 0)
    end_line = error.end_lineno or line
    end_column = max((error.end_offset or 0) - 1, 0) if end_line == line else len(source.line(line))
    return InvalidSyntax(Span(source, line, column, line, max(end_column, column + 1)), error.msg)


def _diagnose(source: Source, error: Exception) -> Diagnostic:
    """A diagnostic at the innermost of the user's lines that were running."""
    span = _where(source, error.__traceback__)
    if isinstance(error, DeclarationError):
        span = _field(span, error.field) if error.field else span
        return BadDeclaration(span, error.message, error.help)
    if isinstance(error, ImportError) and error.name == "pyebpf":
        missing = re.search(r"cannot import name '(\w+)'", str(error))
        if missing:
            return UnknownImport(_word(span, missing[1]), missing[1], _nearest(missing[1]))
    if isinstance(error, AttributeError) and "module 'pyebpf'" in str(error):
        missing = re.search(r"no attribute '(\w+)'", str(error))
        if missing:
            return UnknownImport(_word(span, missing[1]), missing[1], _nearest(missing[1]))
    message = str(error) or "(no message)"
    return ModuleRaised(span, type(error).__name__, message.splitlines()[0])


def _field(span: Span, name: str) -> Span:
    """The line of a struct's field, in the class that is declared at `span`."""
    for line in range(span.line, span.line + LONGEST_STRUCT):
        found = re.match(rf"\s+({re.escape(name)}\s*:[^#]*?)\s*(#.*)?$", span.source.line(line))
        if found:
            return Span(span.source, line, found.start(1), line, found.end(1))
    return span


def _where(source: Source, trace: TracebackType | None) -> Span:
    """The innermost frame in the user's file, with columns where Python knows them (3.11+)."""
    found = Span(source, 1, 0, 1, len(source.line(1)))
    for frame, line in traceback.walk_tb(trace):
        if frame.f_code.co_filename != source.path:
            continue
        text = source.line(line)
        found = Span(source, line, len(text) - len(text.lstrip()), line, max(len(text.rstrip()), 1))
        found = _exact(found, source, trace, frame, line)
    return found


def _exact(whole: Span, source: Source, trace: TracebackType | None, frame: object, line: int) -> Span:
    """The instruction's own columns, when they lie on one line."""
    while trace is not None and trace.tb_frame is not frame:
        trace = trace.tb_next
    positions = getattr(getattr(trace, "tb_frame", None) and trace.tb_frame.f_code, "co_positions", None)  # type: ignore[union-attr]
    if trace is None or positions is None:
        return whole
    for index, (start, end, column, end_column) in enumerate(positions()):
        if index == trace.tb_lasti // 2 and start == end == line and column is not None and end_column is not None:
            encoded = source.line(line).encode()
            first = len(encoded[:column].decode("utf-8", "replace"))
            return Span(source, line, first, line, len(encoded[:end_column].decode("utf-8", "replace")))
    return whole


def _word(span: Span, name: str) -> Span:
    """The place of `name` in or after the span's line (imports may go over several lines)."""
    for line in range(span.line, span.line + 40):
        text = span.source.line(line)
        found = re.search(rf"\b{re.escape(name)}\b", text)
        if found:
            return Span(span.source, line, found.start(), line, found.end())
    return span


def _nearest(name: str) -> str:
    import pyebpf

    begun = [known for known in dir(pyebpf) if len(known) > 3 and name.startswith(known)]  # HashMap: Hash
    near = [max(begun, key=len)] if begun else difflib.get_close_matches(name, dir(pyebpf), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else ""
