"""Structs, unions, bit fields, arrays and slices. Codes E0435 to E0449."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class SliceLength(Diagnostic):
    code: ClassVar = "E0435"
    title: ClassVar = "the length of this slice is not constant"
    notes: ClassVar = ("a slice is an array of its own, and the length of an array is part of its type",)
    help: ClassVar = "fix the length, as in {example}, or loop over the elements"
    explanation: ClassVar = """
    A slice has constant bounds, or starts anywhere and has a constant length.

        first = values[:n]          # wrong, unless n is a constant
        first = values[:4]          # right
        some = values[i:i + 4]      # right, where i surely is small enough
    """

    example: str


@final
@dataclass(frozen=True, slots=True)
class EmptySlice(Diagnostic):
    code: ClassVar = "E0436"
    title: ClassVar = "`{slice}` has no elements"
    notes: ClassVar = ("an array has at least one element",)
    explanation: ClassVar = """
    Bounds of a slice that lie outside the array are cut off, as in Python; what remains of this one is empty.

        values: u32[4] has elements 0 to 3, so values[4:8] is empty
    """

    slice: str


@final
@dataclass(frozen=True, slots=True)
class ArrayValues(Diagnostic):
    code: ClassVar = "E0437"
    title: ClassVar = "`{type}` takes {length} values, or none; not {found}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    An array has as many elements as its type says. Without values it is zero.

        pair = u32[2](1, 2)
        zeros = u32[2]()
    """

    type: str
    length: int
    found: str
    hint: str = ""


@final
@dataclass(frozen=True, slots=True)
class UnionFields(Diagnostic):
    code: ClassVar = "E0438"
    title: ClassVar = "union {union} takes one field at a time"
    label: ClassVar = "the same bytes as `{first}`"
    notes: ClassVar = ("the fields of a union lie in the same bytes, so the second value would replace the first",)
    help: ClassVar = "give one of them: {union}({first}=…)"
    explanation: ClassVar = """
    A union holds one of its fields at a time; reading another gives the same bytes as that one's type.

        value = Value(number=1, parts=pair)     # wrong
        value = Value(number=1)                 # right
    """

    union: str
    first: str
    second: str


@final
@dataclass(frozen=True, slots=True)
class BadConstant(Diagnostic):
    code: ClassVar = "E0439"
    title: ClassVar = "`{name}` is no {type} as the kernel has it"
    notes: ClassVar = ("{problem}",)
    explanation: ClassVar = """
    An instance of a struct that the module makes is a constant for its probes, so what is in it must fit its fields.

        DEFAULT = Flow(port=-1)     # wrong, if port is u32
    """

    name: str
    type: str
    problem: str
