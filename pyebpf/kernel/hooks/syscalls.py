"""Programs that user space runs, as it makes a system call: whatever the kernel's helpers can do, without an event."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook
from pyebpf.kernel.programs import ProgramType

SYSCALL: Final = Hook(
    name="syscall",
    section="syscall",
    program_type=ProgramType.SYSCALL,
    attach_type=None,
    context=ContextKind.STRUCT,
    parameter="args",
    returns=None,
    result=(-(2**31), 2**31 - 1),
    default=0,
    attach=AttachKind.RUN,
    takes="",
    where="",
    since=(5, 14),
    capabilities=("CAP_BPF",),
    test_run=True,
    sleepable=True,  # it is loaded with BPF_F_SLEEPABLE, or not at all
)
