"""Warnings: what is legal and suspect. Codes W01xx. They never stop a compilation."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass
from pyebpf.source import Span


@final
@dataclass(frozen=True, slots=True)
class UnusedVariable(Diagnostic):
    code: ClassVar = "W0101"
    title: ClassVar = "`{name}` is assigned but never used"
    help: ClassVar = "leave it out, or call it `_{name}` to say that it is meant"
    explanation: ClassVar = """
    The variable gets a value that nothing reads: something was forgotten, or the name is misspelt elsewhere.

        total = counts.get(pid(), 0)    # suspect, if total is never read
        counts[pid()] = 1

    Names that begin with an underscore are never reported. A comment on the line, `# pyebpf: ignore[W0101]`, silences
    one place; it works for every warning.
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class UnusedResult(Diagnostic):
    code: ClassVar = "W0102"
    title: ClassVar = "the result of `{what}` is thrown away"
    notes: ClassVar = ("it does nothing besides giving a result",)
    explanation: ClassVar = """
    The call has no effect but its result, which nothing takes.

        min(size, 64)           # suspect
        size = min(size, 64)    # right
    """

    what: str


@final
@dataclass(frozen=True, slots=True)
class Unreachable(Diagnostic):
    code: ClassVar = "W0103"
    title: ClassVar = "this is never reached"
    explanation: ClassVar = """
    The statement stands behind one that always leaves: a `return`, `break`, `continue` or `raise`.

        return XDP.PASS
        drops.value += 1        # suspect: it never runs
    """

    before: Span
    word: str

    @property
    def related(self) -> tuple[tuple[Span, str], ...]:
        return ((self.before, f"`{self.word}` leaves here"),)


@final
@dataclass(frozen=True, slots=True)
class AlwaysSame(Diagnostic):
    code: ClassVar = "W0104"
    title: ClassVar = "`{condition}` is always {truth}"
    notes: ClassVar = ("this follows from the types and from what was tested before",)
    explanation: ClassVar = """
    Whatever the program meets, the condition has the same result, so one of its branches never runs.

        if packet.load(0, u8) > 255:    # suspect: u8 holds 0 to 255
            return XDP.DROP
    """

    condition: str
    truth: str


@final
@dataclass(frozen=True, slots=True)
class HiddenFunction(Diagnostic):
    code: ClassVar = "W0105"
    title: ClassVar = "the variable `{name}` hides Python's `{name}`"
    help: ClassVar = "{name}_ = …"
    explanation: ClassVar = """
    In this function the name means the variable, so the function of Python that has the same name can't be called.

        max = limits[0]         # suspect
        largest = limits[0]     # right
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class UnusedMap(Diagnostic):
    code: ClassVar = "W0106"
    title: ClassVar = "no probe uses `{name}`"
    notes: ClassVar = ("a map that no probe uses is not part of the object, and can't be read when it is loaded",)
    explanation: ClassVar = """
    The map is declared, but none of the module's probes reads or writes it. A map that probes only write is fine: it
    is read from Python.

        starts = Hash[u32, u64](max_entries=1_024)      # suspect, if no probe says `starts`
    """

    name: str
