"""Copies where Python shares. Codes E046x."""

from __future__ import annotations

import re
from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass
from pyebpf.source import Span


@final
@dataclass(frozen=True, slots=True)
class CopyChanged(Diagnostic):
    code: ClassVar = "E0461"
    title: ClassVar = "in Python this would change {what} in both places, for it is one object"
    label: ClassVar = "this changes one of them"
    notes: ClassVar = ("the kernel has no references between structs in memory: assigning one copies it",)
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    In Python an assignment gives an object another name, or another place where it is found. In the kernel a struct
    or array lies in one place, and assigning it to a field, an element, or an entry of a map copies its bytes. Where
    nobody can tell, that is the same. It is a mistake to change one side and then look at the other; maps, Globals and
    events are looked at after the program. With `.copy()` Python has two objects as well.

        outer.inner = point
        point.x = 5                     # wrong: outer.inner.x is looked at below
        return outer.inner.x

        outer.inner = point.copy()
        point.x = 5                     # right
        return outer.inner.x
    """

    copied: Span
    read: Span | None
    items: bool
    """Whether it is a list whose items Python shares."""

    @property
    def copied_text(self) -> str:
        """The right side of the assignment, or nothing if that isn't one thing with a name."""
        text = self.copied.text.rpartition("= ")[2].strip()
        pushed = re.fullmatch(r"[\w.]+\.push\((.*)\)", text)
        text = pushed[1] if pushed is not None else text
        return text if re.fullmatch(r"[\w.]+(\[[^\]]*\][\w.]*)*", text) else ""

    @property
    def what(self) -> str:
        """It, for the title."""
        items = "the items of " if self.items and self.copied_text else ""
        return f"{items}`{self.copied_text}`" if self.copied_text else "what was assigned"

    @property
    def cure(self) -> str:
        """What to write instead."""
        if self.items:
            return "copy the items one by one: … = item.copy()"
        return f"say that it is a copy: {self.copied_text or '…'}.copy()"

    @property
    def related(self) -> tuple[tuple[Span, str], ...]:
        seen = ((self.read, "looked at here"),) if self.read is not None and self.read != self.span else ()
        return ((self.copied, "copied here"), *seen)


@final
@dataclass(frozen=True, slots=True)
class Replaced(Diagnostic):
    code: ClassVar = "E0462"
    title: ClassVar = "the {type} that `{name}` refers to may have been replaced"
    label: ClassVar = "in Python this is still the old one"
    notes: ClassVar = ("a name refers to the memory of a field, an element or an entry, where there is another now",)
    help: ClassVar = "keep a copy, {name}.copy(), or look again at what is there now"
    explanation: ClassVar = """
    A name that was given a struct from a field, an array or a map refers to that memory. In Python it still has the
    old object when another is assigned to the place; in the kernel the memory has the new one then.

        inner = outer.inner
        outer.inner = Inner(x=1)
        return inner.x                  # wrong

        inner = outer.inner.copy()
        outer.inner = Inner(x=1)
        return inner.x                  # right
    """

    name: str
    type: str
    by: Span

    @property
    def related(self) -> tuple[tuple[Span, str], ...]:
        return ((self.by, "replaced or removed here"),)
