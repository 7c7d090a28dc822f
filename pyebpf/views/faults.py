"""Faults: what went wrong in programs, counted by line."""

from __future__ import annotations

from typing import final

from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class FaultCount:
    """How often a check at one place failed. `line` and `column` count from 1 and 0."""

    kind: str
    """The Python exception that it stands for: `IndexError`."""
    program: str
    file: str
    line: int
    column: int
    count: int

    def __str__(self) -> str:
        return f"{self.kind} {self.file}:{self.line} ×{self.count}"
