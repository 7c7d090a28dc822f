"""Patterns of `match`. Codes E023x, among those of control flow."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class NeverMatches(Diagnostic):
    code: ClassVar = "E0232"
    title: ClassVar = "this pattern never matches {what}"
    notes: ClassVar = ("what is matched has one type, which is known when the probe is compiled",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    Text never equals a number, a tuple of two items no pattern of three, and `case True` doesn't match the integer 1,
    for it asks whether the two are the same. In a @function, which takes arguments of any type, such a case is left
    out instead.

        match packet.load(0, u8):
            case "1":       # wrong
                ...
            case 1:         # right
                ...
    """

    what: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class NotAStruct(Diagnostic):
    code: ClassVar = "E0233"
    title: ClassVar = "a pattern with parentheses is for structs, not for `{name}`"
    notes: ClassVar = ("types of other values are known when the probe is compiled",)
    explanation: ClassVar = """
    `case Point(x=1)` matches a struct by its fields. There are no objects of other classes in a probe.

        match point:
            case Point(x=0, y=y):
                ...
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class PositionalPattern(Diagnostic):
    code: ClassVar = "E0234"
    title: ClassVar = "patterns of the fields of {struct} need the fields' names"
    notes: ClassVar = ("in Python, too, a struct's fields have names and no order",)
    help: ClassVar = "case {struct}({field}={pattern}):"
    explanation: ClassVar = """
    The patterns in `case Point(…)` are given by the names of the fields.

        case Point(1, y):           # wrong
        case Point(x=1, y=y):       # right
    """

    struct: str
    field: str

    @property
    def pattern(self) -> str:
        """The pattern."""
        return self.span.text
