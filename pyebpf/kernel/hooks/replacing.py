"""Functions of other programs, which a program takes the place of (freplace): BPF_PROG_TYPE_EXT, Linux 5.6.

Such a program is what the program is whose function it replaces: it has the same context and helpers, and answers the
same. Global functions can be replaced, and whole programs, where the kernel translates programs (JIT).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook
from pyebpf.kernel.programs import ProgramType

SINCE: Final = (5, 10)
"""Links on another program than the one that was named when it was loaded."""
FREPLACE: Final = Hook(
    name="freplace",
    section="freplace/{argument}",
    program_type=ProgramType.EXT,
    attach_type=None,
    context=ContextKind.NOTHING,
    parameter="packet",
    returns=None,
    result=(-(2**31), 2**31 - 1),
    default=0,
    attach=AttachKind.REPLACEMENT,
    takes="function",
    where="program",
    since=SINCE,
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
)


WITH_CONTEXT: Final = (
    *(ContextKind.XDP_PACKET, ContextKind.XDP_PIECES, ContextKind.TC_PACKET, ContextKind.SKB_PACKET),
    *(ContextKind.SKB_COPY, ContextKind.FIELDS, ContextKind.ROUTED_PACKET, ContextKind.SENT_PACKET),
)
"""Contexts that functions are given as they are."""


def has_context(owner: Hook) -> bool:
    """Whether functions of its programs can be replaced."""
    return owner.context in WITH_CONTEXT


def replacing(owner: Hook) -> Hook:
    """`owner` for programs that replace a function of one of its programs."""
    return replace(
        owner,
        name=FREPLACE.name,
        section=FREPLACE.section,
        attach=FREPLACE.attach,
        takes=FREPLACE.takes,
        where=FREPLACE.where,
        since=max(owner.since, SINCE),
        capabilities=tuple(dict.fromkeys((*owner.capabilities, *FREPLACE.capabilities))),
        test_run=False,
        alone=None,
        flags=0,
    )
