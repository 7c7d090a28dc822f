"""Symbols of the kernel by name. Codes E0640 to E0642."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class NeedsCpu(Diagnostic):
    code: ClassVar = "E0640"
    title: ClassVar = "each CPU has a `{name}` of its own: this doesn't say which one is meant"
    help: ClassVar = "this_cpu_ptr({name}), or per_cpu_ptr({name}, cpu)"
    explanation: ClassVar = """
    Per-CPU variables of the kernel are reached by two helpers, for the CPU that runs the probe or for any:

        from pyebpf.helpers import per_cpu_ptr, this_cpu_ptr
        from pyebpf.ksyms import runqueues

        here = this_cpu_ptr(runqueues).nr_running
        if (queue := per_cpu_ptr(runqueues, 3)) is not None:
            there = queue.nr_running
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class NotPerCpu(Diagnostic):
    code: ClassVar = "E0641"
    title: ClassVar = "the kernel's types have no per-CPU variable `{name}`"
    notes: ClassVar = ("the kernel finds such variables by its BTF, since 5.11",)
    help: ClassVar = "if it isn't per-CPU, {name} is its address: kernel_read({name}, u64)"
    explanation: ClassVar = """
    Of the kernel's variables its BTF describes those that each CPU has one of. All others are known by their addresses
    alone, which are numbers: `kernel_read(jiffies, u64)`, `cast(init_task, "struct task_struct").comm`.
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class KsymType(Diagnostic):
    code: ClassVar = "E0642"
    title: ClassVar = "`{name}` of the kernel is {what}"
    notes: ClassVar = ("the language has no type for it",)
    explanation: ClassVar = """
    Per-CPU variables are structs that have a name, numbers, pointers to structs and numbers, and arrays of those.
    """

    name: str
    what: str
