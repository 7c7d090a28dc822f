"""Places where programs can't be, or can't do what others may. Codes E0650 to E0653, W0151."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class HookDisabled(Diagnostic):
    code: ClassVar = "E0650"
    title: ClassVar = "BPF programs can't be on the security hook `{name}`"
    notes: ClassVar = ("its result isn't a yes or no that a program could give, so the kernel takes none (6.12)",)
    explanation: ClassVar = """
    Some security hooks give something back by their result, or by what their arguments point to: how long a text is,
    whose number something has. The kernel disables those for programs.
    """

    name: str


@final
@dataclass(frozen=True, slots=True)
class NotModifiable(Diagnostic):
    code: ClassVar = "E0651"
    title: ClassVar = "fmod_ret can't be on `{name}`"
    notes: ClassVar = (
        "the kernel lets programs change the results of functions that errors may be injected into, and of security_…",
    )
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Most functions of the kernel are called by code that relies on what they do, and not only on what they answer. So
    `fmod_ret` is for functions named `security_…`, and, on kernels that are built with
    CONFIG_FUNCTION_ERROR_INJECTION, for those in /sys/kernel/debug/error_injection/list: all system calls
    (`__x64_sys_openat`), and a few more.

        @fmod_ret("vfs_read")                       # wrong
        @fmod_ret("security_file_permission")       # right
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class HelperNotOnTarget(Diagnostic):
    code: ClassVar = "E0652"
    title: ClassVar = "`{helper}` can't be called by {hook} programs on `{name}`"
    notes: ClassVar = ("{where}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Building a path takes locks, which may be held already where a program runs. So the kernel allows `d_path` where it
    is known to be safe: in iterators, at the security hooks where programs may sleep (whether or not the program asks
    to), and on a few functions.

        @fentry("vfs_read")                         # wrong
        @lsm("file_open")                           # right
        @fentry("security_file_permission")         # right
    """

    helper: str
    hook: str
    name: str
    where: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class ArgumentStruct(Diagnostic):
    code: ClassVar = "E0653"
    title: ClassVar = "a syscall function takes one struct of at most 1,024 bytes, or nothing"
    notes: ClassVar = ("user space gives it when it runs the program, and has it back as the program leaves it",)
    help: ClassVar = "def {name}({parameter}: Arguments):"
    explanation: ClassVar = """
    A program of `@syscall` is run by `session.programs["name"].test_run(ctx=Arguments(…))`. Its parameter says by its
    annotation which struct that is: of at most 1,024 bytes.

        @syscall
        def count(first, second):           # wrong

        @syscall
        def count(args: Arguments):         # right
    """

    name: str
    parameter: str


@final
@dataclass(frozen=True, slots=True)
class HookDisabledLater(Diagnostic):
    code: ClassVar = "W0151"
    title: ClassVar = "from Linux {since} on no program can be on the security hook `{name}`"
    notes: ClassVar = ("the kernel found that what programs may do there isn't safe",)
    explanation: ClassVar = """
    A few security hooks took programs once and don't any more: their arguments aren't ready when the hook is called.
    """

    name: str
    since: str
