"""The kernel's own functions: before and after they run, by way of trampolines.

A trampoline (arch/x86/net/bpf_jit_comp.c, arch/arm64/net/bpf_jit_comp.c) is code that ftrace puts at the beginning of a
function; it lays out the arguments for the programs, and calls them. On arm64 since 6.4 (6.0 makes trampolines, and
ftrace has no direct calls to them yet), on s390x since 6.3, where programs are translated (BPF_JIT).
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.programs import AttachType, ProgramType

FENTRY: Final = Hook(
    name="fentry",
    section="fentry/{argument}",
    program_type=ProgramType.TRACING,
    attach_type=AttachType.TRACE_FENTRY,
    context=ContextKind.ARGUMENTS,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.TRAMPOLINE,
    takes="function",
    where="",
    since=(5, 5),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("function"),
    arguments=True,
    alone=(5, 12),  # __bpf_prog_enter counts in prog->active
    sleeps=(5, 10),  # on functions that errors may be injected into
)
FEXIT: Final = Hook(
    name="fexit",
    section="fexit/{argument}",
    program_type=ProgramType.TRACING,
    attach_type=AttachType.TRACE_FEXIT,
    context=ContextKind.ARGUMENTS,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.TRAMPOLINE,
    takes="function",
    where="",
    since=(5, 5),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("function"),
    arguments=True,
    gives=True,
    alone=(5, 12),
    sleeps=(5, 10),
)
FMOD_RET: Final = Hook(
    name="fmod_ret",
    section="fmod_ret/{argument}",
    program_type=ProgramType.TRACING,
    attach_type=AttachType.MODIFY_RETURN,
    context=ContextKind.ARGUMENTS,
    parameter="ctx",
    returns=None,
    result=(-4095, 0),  # what isn't 0 is the function's result, and the function doesn't run
    default=0,
    attach=AttachKind.TRAMPOLINE,
    takes="function",
    where="",
    since=(5, 7),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("function"),
    arguments=True,
    gives=True,
    answers=True,
    alone=(5, 12),
    sleeps=(5, 10),
)
