"""Where functions find their arguments, by architecture: offsets in `struct pt_regs`, which programs on kprobes get.

Sources: arch/x86/include/asm/ptrace.h, arch/arm64/include/uapi/asm/ptrace.h, arch/s390/include/asm/ptrace.h for the
structs; the architectures' calling conventions; arch/*/include/asm/syscall_wrapper.h for system calls. The function of
a system call (`__x64_sys_openat`) has the address of the registers that the process made the call with as its one
argument: on x86-64 since Linux 4.17, on arm64 since 4.19, on s390x since 5.19.
"""

from __future__ import annotations

import os
from typing import Final, final

from pyebpf.kernel.btf import Btf, Kind
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class Registers:
    """An architecture."""

    machine: str
    """As `uname -m` says it."""
    arguments: tuple[int, ...]
    """Where the first arguments of a function are; the others lie on the stack."""
    result: int
    syscall: str
    """What stands before the name of a system call in that of its function."""
    syscall_arguments: tuple[int, ...]
    """Where those of a system call are, in the registers of the process."""
    instruction: int
    """The address of the instruction that the process has come to."""
    stack: int
    """The stack pointer."""
    on_stack: int
    """Where the first argument on the stack is, in bytes from the stack pointer, at the beginning of a function. Each
    takes eight bytes."""


ARCHITECTURES: Final = (
    Registers("x86_64", (112, 104, 96, 88, 72, 64), 80, "__x64_sys_", (112, 104, 96, 56, 72, 64), 128, 152, 8),
    Registers("aarch64", tuple(range(0, 64, 8)), 0, "__arm64_sys_", tuple(range(0, 48, 8)), 256, 248, 0),
    Registers("s390x", tuple(range(40, 80, 8)), 40, "__s390x_sys_", (152, *range(48, 88, 8)), 16, 144, 160),
)


def registers_of(btf: Btf | None) -> Registers | None:
    """Those of the kernel that `btf` describes, which is known by its system calls, or else of this machine; None if
    no table has them."""
    if btf is not None:
        for row in ARCHITECTURES:
            if btf.find(f"{row.syscall}getpid", Kind.FUNC) or btf.find(f"{row.syscall}read", Kind.FUNC):
                return row
    return next((row for row in ARCHITECTURES if row.machine == os.uname().machine), None)
