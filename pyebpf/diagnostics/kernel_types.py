"""The kernel's own structs, enums and arrays, as probes use them. Codes E063x."""

from __future__ import annotations

from typing import ClassVar, final

from pyebpf.diagnostics.base import Diagnostic
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class NamelessKept(Diagnostic):
    code: ClassVar = "E0630"
    title: ClassVar = "`{struct}` is a struct without a name, which only a whole chain can go through"
    notes: ClassVar = ("its members are found on other kernels by way of the named struct that it is a part of",)
    help: ClassVar = "write the chain from there to the member, with constant indexes, wherever it is needed"
    explanation: ClassVar = """
    Members are looked up by name on the kernel that a program is loaded on. A struct or union that has no name of its
    own is found through the one around it:

        inside = sk.__sk_common.skc_v6_daddr.in6_u
        first = inside.u6_addr32[0]                                       # wrong
        first = sk.__sk_common.skc_v6_daddr.in6_u.u6_addr32[0]            # right
    """

    struct: str


@final
@dataclass(frozen=True, slots=True)
class NoLength(Diagnostic):
    code: ClassVar = "E0631"
    title: ClassVar = "the kernel's types don't say how long `{array}` is"
    notes: ClassVar = (
        "an array at the end of a struct, or behind a pointer, has as many elements as there is memory for",
    )
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Elements of such an array are read by an index that isn't negative. How many there are says another member:

        for level in range(min(cgroup.level + 1, 16)):
            ancestor = cgroup.ancestors[level]
    """

    array: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class ArrayAsValue(Diagnostic):
    code: ClassVar = "E0632"
    title: ClassVar = "`{array}` is an array in kernel memory, which can't be {use}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    The numbers of an array in kernel memory can be copied to an array of the same numbers, at most as many:

        event.address = sk.__sk_common.skc_v6_daddr.in6_u.u6_addr8      # to u8[16], or an IPv6Address
        mask: u64[4] = task.cpus_mask.bits
        first = task.cpus_mask.bits[0]
    """

    array: str
    use: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class UnknownKernelType(Diagnostic):
    code: ClassVar = "E0633"
    title: ClassVar = "the kernel that is compiled for has no `{name}`"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    Structs and unions are named as in C, `"struct sock"` or `"union sigval"`, and looked up in the kernel's BTF.
    Where one is on some kernels only, ask before: `if kernel.has_type("struct bpf_arena"):`.
    """

    name: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class UnknownEnumerator(Diagnostic):
    code: ClassVar = "E0634"
    title: ClassVar = "the kernel that is compiled for has no enumerator `{name}`{where}"
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    `kernel.enum("TCP_ESTABLISHED")` is the number that an enumerator has on the kernel that the program is loaded on.
    Where several enums have one of that name, say which: `kernel.enum("BPF_MAP_TYPE_HASH", "bpf_map_type")`.
    """

    name: str
    where: str
    hint: str


@final
@dataclass(frozen=True, slots=True)
class KernelQuestion(Diagnostic):
    code: ClassVar = "E0635"
    title: ClassVar = "`{function}` takes {takes}, not {given}"
    help: ClassVar = "{example}"
    explanation: ClassVar = """
    What is asked about the kernel is fixed when the probe is compiled, and answered when it is loaded:

        hasattr(task, "__state")            cast(sk, "struct tcp_sock")
        sizeof("struct task_struct")        container_of(entry, "struct task_struct", "tasks")
        kernel.has_type("struct bpf_arena") kernel.enum("TCP_ESTABLISHED")
    """

    function: str
    takes: str
    given: str
    example: str


@final
@dataclass(frozen=True, slots=True)
class LoadNeedsGpl(Diagnostic):
    code: ClassVar = "E0637"
    title: ClassVar = "what is in the kernel's structs is for programs under the GPL, and this module says `{license}`"
    help: ClassVar = '__license__ = "GPL"'
    explanation: ClassVar = """
    The kernel lets only programs whose licence is compatible with the GPL read its own structs. A module without
    `__license__` is compiled as `GPL`.
    """

    license: str


@final
@dataclass(frozen=True, slots=True)
class AbsentType(Diagnostic):
    code: ClassVar = "E0636"
    title: ClassVar = "what `{name}` of struct {struct} is, only another kernel's types say"
    notes: ClassVar = ("the kernel that is compiled for doesn't have this member, so its type must be declared",)
    help: ClassVar = "{hint}"
    explanation: ClassVar = """
    A member that the kernel at hand doesn't have can be read where a `hasattr` has made sure that this kernel doesn't
    come there, into a variable of a declared type:

        if hasattr(task, "__state"):
            state = i64(task.__state)
        else:
            old: i64 = task.state           # before 5.14
            state = old
    """

    name: str
    struct: str
    hint: str
