"""Hooks, their contexts, and the kernel's own types. Codes E06xx."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class UnknownTracepoint(Diagnostic):
    code: ClassVar = "E0601"
    title: ClassVar = "this kernel has no tracepoint `{name}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The tracepoint isn't known on the kernel that the probe is compiled for. Names are `category:name`, as in
    `/sys/kernel/tracing/events`.
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class UnknownContextField(Diagnostic):
    code: ClassVar = "E0602"
    title: ClassVar = "{hook} has no field `{name}`"
    notes: ClassVar = ("its fields are {fields}",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The context of a tracepoint has exactly the fields that the kernel records for it.
    """

    hook: str
    name: str
    fields: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class FieldReadOnly(Diagnostic):
    code: ClassVar = "E0611"
    title: ClassVar = "{hook} program can't write `{name}`"
    notes: ClassVar = ("it may write {fields}",)
    explanation: ClassVar = """
    Which fields of its context a program may write depends on what it is for, and on where it attaches.

        @tc.ingress
        def mark(packet):
            packet.ifindex = 3      # wrong: redirect(3, 0) sends it there
            packet.mark = 3         # right
    """

    name: str
    hook: str
    fields: str


@final
@dataclass(frozen=True, slots=True)
class WrongParameters(Diagnostic):
    code: ClassVar = "E0603"
    title: ClassVar = "{hook} function takes one parameter, `{parameter}`"
    help: ClassVar = "def {name}({parameter}):"
    explanation: ClassVar = """
    The kernel calls a program with one argument, its context.

        @xdp
        def firewall(packet, port):     # wrong
        def firewall(packet):           # right; settings are Configs
    """

    hook: str
    parameter: str
    name: str


@final
@dataclass(frozen=True, slots=True)
class NoKernelTypes(Diagnostic):
    code: ClassVar = "E0604"
    title: ClassVar = "kernel types are needed here, and this machine has none: {reason}"
    notes: ClassVar = (
        (
            "kernel types come from BTF: /sys/kernel/btf/vmlinux of a kernel built with CONFIG_DEBUG_INFO_BTF "
            "(5.2 and later)"
        ),
    )
    help: ClassVar = "compile for another kernel: pyebpf compile FILE --btf BTF_FILE"
    explanation: ClassVar = """
    Following a kernel pointer (`current_task().real_parent`) needs the kernel's own type information.
    """

    reason: str


@final
@dataclass(frozen=True, slots=True)
class UnknownMember(Diagnostic):
    code: ClassVar = "E0605"
    title: ClassVar = "struct {struct} has no member `{name}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The kernel that the probe is compiled for has no such member in this struct.
    """

    struct: str
    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class NotHere(Diagnostic):
    code: ClassVar = "E0606"
    title: ClassVar = "`{name}` does not work in {hook} program"
    notes: ClassVar = ("{reason}",)
    explanation: ClassVar = """
    Each kind of program may call its own set of the kernel's functions.
    """

    name: str
    hook: str
    reason: str


@final
@dataclass(frozen=True, slots=True)
class BadHookName(Diagnostic):
    code: ClassVar = "E0607"
    title: ClassVar = "`{name}` is not of the form `{form}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    A tracepoint is named by its category and its name: `syscalls:sys_enter_openat`. A kprobe is at the beginning of a
    function, or at an instruction behind that: `vfs_read+0x10`.
    """

    name: str
    form: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class ContextUse(Diagnostic):
    code: ClassVar = "E0608"
    title: ClassVar = "`{name}` can't be used as a value"
    notes: ClassVar = ("the context is read field by field",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The probe's parameter isn't a value by itself; its fields and methods are.
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class MemberType(Diagnostic):
    code: ClassVar = "E0609"
    title: ClassVar = "member `{name}` of struct {struct} is {what}, which can't be read"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Numbers of up to 8 bytes, bit fields, enums, pointers, structs in structs, arrays and text can be read from kernel
    structs. What is larger than a register, floating-point numbers, and pointers that mean something else on each
    CPU can't.
    """

    struct: str
    name: str
    what: str
    hint: str = ""


@final
@dataclass(frozen=True, slots=True)
class NoTracepoints(Diagnostic):
    code: ClassVar = "E0610"
    title: ClassVar = "the fields of `{name}` can't be known here: {reason}"
    help: ClassVar = "compile as root, or with --btf BTF_FILE of the target kernel"
    explanation: ClassVar = """
    A tracepoint's fields come from the kernel's BTF, or from tracefs, which only root may read.
    """

    name: str
    reason: str
