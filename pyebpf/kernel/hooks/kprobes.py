"""The kernel's own functions by kprobes: at the beginning of nearly any function, and where it returns.

Slower than trampolines, and without the kernel's types: what pointers lead to is read as memory. They need
CONFIG_KPROBE_EVENTS, and no more than that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.programs import AttachType, ProgramType

KPROBE: Final = Hook(
    name="kprobe",
    section="kprobe/{argument}",
    program_type=ProgramType.KPROBE,
    attach_type=None,
    context=ContextKind.REGISTERS,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.KPROBE,
    takes="function",
    where="",
    since=(4, 17),  # the perf PMU "kprobe"; the program type is 4.1
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("function"),
    arguments=True,
    alone=(4, 1),  # trace_call_bpf runs one program at a time on a CPU, by bpf_prog_active
)
KRETPROBE: Final = Hook(
    name="kretprobe",
    section="kretprobe/{argument}",
    program_type=ProgramType.KPROBE,
    attach_type=None,
    context=ContextKind.REGISTERS,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.KPROBE,
    takes="function",
    where="",
    since=(4, 17),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("function"),
    gives=True,
    alone=(4, 1),
)
KPROBE_MULTI: Final = replace(
    KPROBE,
    name="kprobe.multi",
    section="kprobe.multi/{argument}",
    attach_type=AttachType.TRACE_KPROBE_MULTI,  # 5.18; older kernels have one event for each function
    attach=AttachKind.KPROBE_MULTI,
    takes="tcp_*",
)
KRETPROBE_MULTI: Final = replace(
    KPROBE_MULTI, name="kretprobe.multi", section="kretprobe.multi/{argument}", arguments=False, gives=True
)
KPROBE_SESSION: Final = replace(
    KPROBE_MULTI,
    name="kprobe.session",
    section="kprobe.session/{argument}",
    attach_type=AttachType.TRACE_KPROBE_SESSION,
    result=(0, 1),  # 1 at the beginning: not once more where the function returns
    since=(6, 10),
    gives=True,
)
KSYSCALL: Final = Hook(
    name="ksyscall",
    section="ksyscall/{argument}",
    program_type=ProgramType.KPROBE,
    attach_type=None,
    context=ContextKind.SYSCALL,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.KPROBE,
    takes="openat",
    where="",
    since=(4, 17),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("system call"),
    arguments=True,
    alone=(4, 1),
)
KRETSYSCALL: Final = Hook(
    name="kretsyscall",
    section="kretsyscall/{argument}",
    program_type=ProgramType.KPROBE,
    attach_type=None,
    context=ContextKind.SYSCALL,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.KPROBE,
    takes="openat",
    where="",
    since=(4, 17),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("system call"),
    gives=True,
    alone=(4, 1),
)
