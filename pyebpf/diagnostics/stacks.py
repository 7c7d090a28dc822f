"""Stacks, and what is counted by them. Codes E058x."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass
from pyebpf.source import Span


@final
@dataclass(frozen=True, slots=True)
class StackElsewhere(Diagnostic):
    code: ClassVar = "E0581"
    title: ClassVar = "a stack is a part of a key of `Stacks`, or fills an array of u64"
    label: ClassVar = "{found}"
    notes: ClassVar = ("the kernel writes a stack into a map, or to memory; a program has it nowhere else",)
    help: ClassVar = "stacks[{call}] += 1"
    explanation: ClassVar = """
    `kernel_stack()` and `user_stack()` stand where the kernel can write a stack to: in the key of a `Stacks`, which
    counts by them, or on the right of an assignment to an array of u64, whose length says how many calls there are
    at most.

        stack = kernel_stack()                      # wrong
        event.stack = kernel_stack()                # right, where it is declared as stack: u64[32]
        frames: u64[32] = kernel_stack()            # right
        stacks[comm(), kernel_stack()] += 1         # right, where stacks = Stacks()
    """

    found: str
    call: str


@final
@dataclass(frozen=True, slots=True)
class PythonStackElsewhere(Diagnostic):
    code: ClassVar = "E0585"
    title: ClassVar = "Python's stack is a part of a key of `Stacks`"
    notes: ClassVar = ("its functions are told by maps that only a `Stacks` has",)
    help: ClassVar = "stacks[{call}] += 1"
    explanation: ClassVar = """
    `python_stack()` stands in the key of a `Stacks`, beside other stacks or alone: the program puts the stack, and what
    its functions are called, into maps that belong to it.

        calls: u64[32] = python_stack()             # wrong
        stacks[comm(), python_stack()] += 1         # right, where stacks = Stacks()
    """

    call: str


@final
@dataclass(frozen=True, slots=True)
class StacksKeyNeedsStack(Diagnostic):
    code: ClassVar = "E0582"
    title: ClassVar = "a key of a `Stacks` has stacks in it: {how_many}"
    help: ClassVar = "{name}[{cure}] += 1"
    explanation: ClassVar = """
    A `Stacks` counts by the kernel's stack, the process's, or both, and by anything else that stands beside them. What
    is counted without stacks belongs in a `Hash`.

        stacks[comm()] += 1                                     # wrong
        stacks[comm(), kernel_stack(), kernel_stack()] += 1     # wrong
        stacks[comm(), kernel_stack(), user_stack()] += 1       # right
    """

    name: str
    how_many: str
    cure: str


@final
@dataclass(frozen=True, slots=True)
class StacksKeyDiffers(Diagnostic):
    code: ClassVar = "E0583"
    title: ClassVar = "the keys of `{name}` are ({before}), not ({found})"
    notes: ClassVar = ("the first use of a `Stacks` in a module says what its keys are",)
    help: ClassVar = "{name}[{cure}] += 1"
    explanation: ClassVar = """
    All that a module counts in a `Stacks` has keys of one form. A number may be narrower than the first one was, and a
    text shorter.

        stacks[pid(), user_stack()] += 1            # the first: u32, and a stack
        stacks[user_stack(), pid()] += 1            # wrong: another order
        stacks[ktime_ns(), user_stack()] += 1       # wrong: a u64
        stacks[tid(), user_stack()] += 1            # right
    """

    name: str
    found: str
    before: str
    first: Span
    cure: str

    @property
    def related(self) -> tuple[tuple[Span, str], ...]:
        return ((self.first, "the first"),)


@final
@dataclass(frozen=True, slots=True)
class NoKeyPart(Diagnostic):
    code: ClassVar = "E0584"
    title: ClassVar = "{found} can't be a part of a key of `Stacks`"
    help: ClassVar = "{cure}"
    explanation: ClassVar = """
    Parts of a key are what the compiler knows the size of: numbers, enums, addresses, and texts with a length. Text
    that is read from memory takes the length of a variable; of a struct a field can stand there.

        stacks[user_str(path), user_stack()] += 1       # wrong: of what length?

        name: char[64] = user_str(path)
        stacks[name, user_stack()] += 1                 # right
    """

    found: str
    cure: str
