"""Structs of the kernel that entries of maps hold. Codes E0544 and E0545."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class KeptElsewhere(Diagnostic):
    code: ClassVar = "E0544"
    title: ClassVar = "only an entry of a map holds a struct {struct}"
    notes: ClassVar = ("what the probe makes is gone when it ends, and nobody would give the reference back",)
    help: ClassVar = "assign it in the map: entry = table[key], and then entry.field = …"
    explanation: ClassVar = """
    A field `task: Kernel["struct task_struct"]` keeps a task for as long as it refers to it. That is for entries of
    maps:

        slot = Slot(task=current_task())        # wrong
        slots[0].task = current_task()          # right
    """

    struct: str


@final
@dataclass(frozen=True, slots=True)
class KeptCopied(Diagnostic):
    code: ClassVar = "E0545"
    title: ClassVar = "{type} in a map can't be copied or compared: it holds a struct {struct}"
    notes: ClassVar = ("each field that refers to one has a reference of its own, which the kernel counts",)
    help: ClassVar = "use its fields, one by one"
    explanation: ClassVar = """
    A struct that holds one of the kernel's is used through its fields. Written as a whole it is a new entry, which
    holds nothing.

        slots[1] = slots[0]                     # wrong
        slots[1] = Slot(number=slots[0].number) # right
        slots[1].task = slots[0].task           # right: both hold it now
    """

    type: str
    struct: str
