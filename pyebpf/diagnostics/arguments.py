"""Hooks whose function's parameters are the arguments of what they are on. Codes E062x."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class UnknownTarget(Diagnostic):
    code: ClassVar = "E0620"
    title: ClassVar = "this kernel has no {what} `{name}` in its BTF"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    What the hook is on isn't known on the kernel that the probe is compiled for. Functions that the compiler has
    inlined everywhere, and those of modules, are not in the kernel's BTF.
    """

    what: str
    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NoSuchArgument(Diagnostic):
    code: ClassVar = "E0621"
    title: ClassVar = "{what} `{target}` has no argument `{name}`"
    notes: ClassVar = ("it is: {prototype}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The parameters of the function are arguments of what the hook is on, by their names in the kernel: any of them, in
    any order. `ret` is the result, where the hook has one.

        @fexit("vfs_read")
        def probe(count, ret):          # ssize_t vfs_read(struct file *file, char *buf, size_t count, loff_t *pos)
            print(f"{ret} of {count} bytes")
    """

    what: str
    target: str
    name: str
    prototype: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class ArgumentType(Diagnostic):
    code: ClassVar = "E0622"
    title: ClassVar = "`{declaration}` is no number and no address, so that it can't be an argument of a probe"
    explanation: ClassVar = """
    Arguments that are numbers or addresses can be read. A few functions of the kernel take whole structs.
    """

    declaration: str


@final
@dataclass(frozen=True, slots=True)
class ArgumentUntyped(Diagnostic):
    code: ClassVar = "E0627"
    title: ClassVar = "`{name}` needs a type"
    notes: ClassVar = ("{reason}, so the types that C has must be said",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The parameters of a probe in a program, or on many functions of the kernel, are the function's arguments, in its
    order, and `ret` is what it returns. Where each lies follows from the order, how it is read from its type: `int` is
    `i32`, `size_t` and pointers are `u64`, `bool` is `bool`.

        @uprobe("libc", "strncmp")
        def compared(first: u64, second: u64, size: u64):
            print(f"{user_str(first)} with {user_str(second)}")
    """

    name: str
    reason: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class TooManyArguments(Diagnostic):
    code: ClassVar = "E0628"
    title: ClassVar = "`{name}` is behind the {most} arguments that a marker may have"
    explanation: ClassVar = """
    Markers (USDT) have up to twelve arguments, which the probe's parameters are in their order.
    """

    name: str
    most: int


@final
@dataclass(frozen=True, slots=True)
class NoResult(Diagnostic):
    code: ClassVar = "E0623"
    title: ClassVar = "{what} `{target}` gives nothing, so that there is no `ret`"
    notes: ClassVar = ("it is: {prototype}",)
    explanation: ClassVar = """
    `ret` is the result of the function that the hook is on; a `void` function has none.
    """

    what: str
    target: str
    prototype: str


@final
@dataclass(frozen=True, slots=True)
class ArgumentOnStack(Diagnostic):
    code: ClassVar = "E0625"
    title: ClassVar = "`{name}` is not among the first {most} arguments, which {machine} has in registers"
    notes: ClassVar = ("it is: {prototype}",)
    help: ClassVar = "@fentry has all of them"
    explanation: ClassVar = """
    A kprobe sees the registers; further arguments lie on the stack. On x86-64 six are in registers, on arm64 eight, on
    s390x five.
    """

    name: str
    most: int
    machine: str
    prototype: str


@final
@dataclass(frozen=True, slots=True)
class UnknownSyscall(Diagnostic):
    code: ClassVar = "E0626"
    title: ClassVar = "there is no system call `{name}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    System calls have the names of their functions in the kernel, which are also those of the tracepoints
    `syscalls:sys_enter_NAME`: `newstat`, not `stat`.
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class ArgumentDefault(Diagnostic):
    code: ClassVar = "E0624"
    title: ClassVar = "a parameter of {hook} function has no default"
    help: ClassVar = "def {name}({parameters}):"
    explanation: ClassVar = """
    The kernel gives a program every argument that its hook has, so there is nothing for a default to stand for: name
    the arguments that the program wants, in any order, and leave the others out.
    """

    hook: str
    name: str
    parameters: str
