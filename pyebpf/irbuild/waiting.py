"""`jumps[i]` and `times[key]`: entries that are nothing by themselves, and wait for what is done with them."""

from __future__ import annotations

from typing import Final

from pyebpf.irbuild import values
from pyebpf.irbuild.builder import Builder
from pyebpf.irbuild.operands import HistogramAt, Operand, ProgramSlot, Static
from pyebpf.lang.histograms import KeyedHistogram, KeyedLinearHistogram
from pyebpf.lang.programs import ProgArray
from pyebpf.source import Span

HOLDERS: Final = (ProgArray, KeyedHistogram, KeyedLinearHistogram)


def entry(b: Builder, base: Static, index: Operand, span: Span) -> ProgramSlot | HistogramAt:
    """A program that waits to be called, or counts that wait for a value."""
    if isinstance(base.value, ProgArray):
        return ProgramSlot(base, values.plain(b, index, span))
    return HistogramAt(base, index, span)
