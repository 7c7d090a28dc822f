"""Perf events: programs that run every so often, or every time that the kernel or the processor has counted so many
things.

Sources: kernel/events/core.c (`bpf_overflow_handler`, `perf_event_set_bpf_handler`); pe_prog_is_valid_access in
kernel/trace/bpf_trace.c. libbpf's section name has no room for the event: others are told where they attach.
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook
from pyebpf.kernel.programs import ProgramType

PERF_EVENT: Final = Hook(
    name="perf_event",
    section="perf_event",
    program_type=ProgramType.PERF_EVENT,
    attach_type=None,
    context=ContextKind.FIELDS,
    parameter="ctx",
    returns=None,
    result=(0, 2**31 - 1),  # what isn't 0 would also give a sample to whoever reads the event
    default=0,
    attach=AttachKind.PERF_EVENT,
    takes="page-faults",
    where="",
    since=(4, 9),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    place="EVENT,hz=99",
    alone=(4, 9),  # bpf_overflow_handler runs one program at a time on a CPU, by bpf_prog_active
)
