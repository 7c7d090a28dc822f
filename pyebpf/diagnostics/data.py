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
