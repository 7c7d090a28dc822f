"""What is wrong with a module before any probe is compiled. Codes E07xx."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class BadDeclaration(Diagnostic):
    code: ClassVar = "E0701"
    title: ClassVar = "{message}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    A map, struct, variable or decorator is declared wrongly.

        events = RingBuf[Event](size=1000)      # wrong: not a power of two
        events = RingBuf[Event](size=4096)      # right
    """

    message: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class ModuleRaised(Diagnostic):
    code: ClassVar = "E0702"
    title: ClassVar = "{kind}: {message}"
    notes: ClassVar = ("Python raised this when it ran the module, before any probe was compiled",)
    explanation: ClassVar = """
    The module that holds the probes is ordinary Python, and running it failed.
    """

    kind: str
    message: str


@final
@dataclass(frozen=True, slots=True)
class NothingToCompile(Diagnostic):
    code: ClassVar = "E0703"
    title: ClassVar = "there is no probe here"
    help: ClassVar = 'decorate a function: @tracepoint("raw_syscalls:sys_enter")'
    explanation: ClassVar = """
    A module becomes a BPF object by the functions in it that are decorated with a hook.
    """


@final
@dataclass(frozen=True, slots=True)
class UnknownImport(Diagnostic):
    code: ClassVar = "E0704"
    title: ClassVar = "pyebpf has no `{name}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The name that is imported doesn't exist in pyebpf.

        from pyebpf import tracepont        # wrong
        from pyebpf import tracepoint       # right
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class DuplicateProbe(Diagnostic):
    code: ClassVar = "E0705"
    title: ClassVar = "two probes are called `{name}`"
    notes: ClassVar = ("programs of an object are told apart by name",)
    explanation: ClassVar = """
    Each probe in a module needs a name of its own; the second definition would replace the first.
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class NameTooLong(Diagnostic):
    code: ClassVar = "E0706"
    title: ClassVar = "name `{name}` is longer than {limit} bytes"
    explanation: ClassVar = """
    Names in an object are limited. The kernel itself keeps the first 15 bytes of a map's or program's name.
    """

    name: str
    limit: int
