"""Syntax: what Python can't read, and what is Python but not part of the language. Codes E01xx."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class InvalidSyntax(Diagnostic):
    code: ClassVar = "E0101"
    title: ClassVar = "{message}"
    notes: ClassVar = ("this is not valid Python",)
    explanation: ClassVar = """
    Python itself can't read the text.

        if pid() == 1       # wrong: the colon is missing
        if pid() == 1:      # right
    """

    message: str


@final
@dataclass(frozen=True, slots=True)
class Unsupported(Diagnostic):
    code: ClassVar = "E0102"
    title: ClassVar = "{construct} is not part of the language"
    notes: ClassVar = ("{why}",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    Probes are written in a part of Python: what the kernel's verifier can follow. They have integers, text, structs,
    arrays and maps; `if`, `for … in range(…)`, `while` with a provable bound; functions decorated with `@function`.
    They have no objects made at run time: no lists, dicts, closures, generators or exceptions of their own.

        counts = [0, 0, 0]                      # wrong
        counts = Array[u64](max_entries=3)      # right, at module level
    """

    construct: str
    why: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class NoSource(Diagnostic):
    code: ClassVar = "E0103"
    title: ClassVar = "the source of `{name}` can't be found"
    notes: ClassVar = ("`{path}` is no file, and no notebook or prompt that keeps what was typed",)
    help: ClassVar = "put the probe into a file, or use a notebook, IPython, or Python 3.13's prompt"
    explanation: ClassVar = """
    pyebpf compiles a function from its source text. Functions made by `exec` of a string, or typed at the prompt of
    Python before 3.13, have none.
    """

    name: str
    path: str


@final
@dataclass(frozen=True, slots=True)
class StaleSource(Diagnostic):
    code: ClassVar = "E0104"
    title: ClassVar = "`{name}` is not where it was: the file has changed since it was imported"
    help: ClassVar = "run the program again"
    explanation: ClassVar = """
    The function was defined from an older version of its file than the one that is there now.
    """

    name: str
    path: str


@final
@dataclass(frozen=True, slots=True)
class TooDeep(Diagnostic):
    code: ClassVar = "E0105"
    title: ClassVar = "this is nested too deeply"
    help: ClassVar = "give parts of it names of their own"
    explanation: ClassVar = """
    Expressions and blocks may stand inside each other a hundred deep; each `elif` counts as one, and so does each
    operator of a long sum.
    """


@final
@dataclass(frozen=True, slots=True)
class LambdaProbe(Diagnostic):
    code: ClassVar = "E0106"
    title: ClassVar = "a lambda can't be a probe"
    help: ClassVar = "write a function: def probe(ctx):"
    explanation: ClassVar = """
    Probes and @function helpers are functions written with `def`, so that they have a name and lines of their own.
    """
