"""Functions of programs and shared libraries, by uprobes; and the places that their authors have marked (USDT).

A uprobe is a breakpoint in a file's pages: every process that runs the file comes to it, those that begin later too.
Nobody knows the functions' arguments but who wrote them, so that the probe's annotations say what they are.

Sources: kernel/trace/trace_uprobe.c; bpf_uprobe_multi_link_attach in kernel/trace/bpf_trace.c; libbpf's section names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.programs import AttachType, ProgramType

PLACE: Final = "PATH:SYMBOL"
USDT_PLACE: Final = "PATH:PROVIDER:NAME"

UPROBE: Final = Hook(
    name="uprobe",
    section="uprobe/{place}",
    program_type=ProgramType.KPROBE,
    attach_type=None,
    context=ContextKind.USER_REGISTERS,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.UPROBE,
    takes="libc:malloc",
    where="",
    since=(4, 17),  # the perf PMU "uprobe"; uprobes themselves are 3.5, programs on them 4.1
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("function"),
    arguments=True,
    place=PLACE,
    sleeps=(6, 0),
)
URETPROBE: Final = replace(UPROBE, name="uretprobe", section="uretprobe/{place}", arguments=False, gives=True)
UPROBE_MULTI: Final = replace(
    UPROBE,
    name="uprobe.multi",
    section="uprobe.multi/{place}",
    attach_type=AttachType.TRACE_UPROBE_MULTI,  # 6.6; older kernels have one event for each function
    takes="libc:pthread_*",
)
URETPROBE_MULTI: Final = replace(
    UPROBE_MULTI, name="uretprobe.multi", section="uretprobe.multi/{place}", arguments=False, gives=True
)
UPROBE_SESSION: Final = replace(
    UPROBE_MULTI,
    name="uprobe.session",
    section="uprobe.session/{place}",
    attach_type=AttachType.TRACE_UPROBE_SESSION,
    result=(0, 1),  # 1 at the beginning: not once more where the function returns
    since=(6, 13),
    gives=True,
)
USDT: Final = replace(
    UPROBE,
    name="usdt",
    section="usdt/{place}",
    attach_type=AttachType.TRACE_UPROBE_MULTI,
    context=ContextKind.USDT,
    attach=AttachKind.USDT,
    takes="python3:python:function__entry",
    since=(5, 2),  # frozen maps; semaphores, which some need, are 4.20
    target=Target("marker"),
    place=USDT_PLACE,
)
