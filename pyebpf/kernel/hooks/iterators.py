"""Iterators: programs that user space runs by reading, once for each thing of a kind that the kernel has."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.programs import AttachType, ProgramType

ITERATOR: Final = Hook(
    name="iterator",
    section="iter/{argument}",
    program_type=ProgramType.TRACING,
    attach_type=AttachType.TRACE_ITER,
    context=ContextKind.ARGUMENTS,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.ITERATOR,
    takes="task",
    where="",
    since=(5, 8),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("iterator", "bpf_iter_"),
    arguments=True,
    ends=True,
    sleeps=(5, 18),
)
