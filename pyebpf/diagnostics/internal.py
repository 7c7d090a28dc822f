"""Faults of pyebpf that nobody foresaw, said as such, with the user's line that was being compiled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

from pyebpf.diagnostics.base import Error, InternalError
from pyebpf.source import Span

_EXPECTED: Final = (Error, OSError, MemoryError, Warning)
"""What stages tell with: mistakes, files, and warnings where Python's filters make errors of them."""
_OURS: Final = ("pyebpf.syntax.", "pyebpf.ir.", "pyebpf.irbuild.")
"""Where the classes are of what has spans."""
_HERE: Final = Path(__file__).parents[1]


@contextmanager
def own_faults() -> Iterator[None]:
    """Around code that runs nothing of the user's: whatever else it raises becomes an InternalError."""
    try:
        yield
    except _EXPECTED:
        raise
    except Exception as error:
        raise InternalError(_told(error)) from error


def _told(error: Exception) -> str:
    what = type(error).__name__ + (f": {error}" if str(error) else "")
    where, span = "", None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_HERE):
            where = f" in {path.relative_to(_HERE.parent)}:{trace.tb_lineno}"
            span = next((found for value in frame.f_locals.values() if (found := _span(value))), span)
        trace = trace.tb_next
    line = f", at {span.source.path}:{span.line}" if span is not None else ""
    return what + where + line


def _span(value: object) -> Span | None:
    if isinstance(value, Span):
        return value
    ours = type(value).__module__.startswith(_OURS)  # nobody else is asked for attributes
    span = getattr(value, "span", None) if ours else None
    return span if isinstance(span, Span) else None
