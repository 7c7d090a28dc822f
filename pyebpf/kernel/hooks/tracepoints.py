"""Tracepoints: places that the kernel's authors have made for tracing."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.programs import AttachType, ProgramType

TRACEPOINT: Final = Hook(
    name="tracepoint",
    section="tracepoint/{argument}",
    program_type=ProgramType.TRACEPOINT,
    attach_type=None,
    context=ContextKind.TRACEPOINT,
    parameter="ctx",
    returns=None,
    result=(0, 2**31 - 1),
    default=0,
    attach=AttachKind.TRACEPOINT,
    takes="category:name",
    where="",
    since=(4, 7),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    alone=(4, 7),  # trace_call_bpf runs one program at a time on a CPU, by bpf_prog_active
)
RAW_TRACEPOINT: Final = Hook(
    name="raw_tracepoint",
    section="raw_tracepoint/{argument}",
    program_type=ProgramType.RAW_TRACEPOINT,
    attach_type=None,
    context=ContextKind.RAW_ARGS,
    parameter="ctx",
    returns=None,
    result=(0, 2**31 - 1),
    default=0,
    attach=AttachKind.RAW_TRACEPOINT,
    takes="name",
    where="",
    since=(4, 17),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=True,  # 5.10
    alone=(6, 1),  # __bpf_trace_run counts in prog->active
)
TP_BTF: Final = Hook(
    name="tp_btf",
    section="tp_btf/{argument}",
    program_type=ProgramType.TRACING,
    attach_type=AttachType.TRACE_RAW_TP,
    context=ContextKind.ARGUMENTS,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.TRAMPOLINE,
    takes="name",
    where="",
    since=(5, 5),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("tracepoint", "btf_trace_", Kind.TYPEDEF, 1, "__traceiter_"),  # 5.10; the first is tracing's own
    arguments=True,
    alone=(6, 1),  # as raw tracepoints
)
