"""Flow dissectors: programs that tell the kernel where a packet's headers are, in the place of its own code."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.hooks.kinds import Action, AttachKind, ContextKind, Hook
from pyebpf.kernel.programs import AttachType, ProgramType


class FlowAction(Action):
    """`enum bpf_ret_code`, as far as flow dissectors know it; no packet is lost by any of them."""

    OK = 0
    DROP = 2
    """The packet's flow can't be told."""
    CONTINUE = 129
    """The kernel's own code shall do it (BPF_FLOW_DISSECTOR_CONTINUE, 6.1; before, as DROP)."""


FLOW_DISSECTOR: Final = Hook(
    name="flow_dissector",
    section="flow_dissector",
    program_type=ProgramType.FLOW_DISSECTOR,
    attach_type=AttachType.FLOW_DISSECTOR,
    context=ContextKind.FLOW_PACKET,
    parameter="packet",
    returns=FlowAction,
    result=(0, FlowAction.CONTINUE.value),
    only=(FlowAction.OK.value, FlowAction.DROP.value, FlowAction.CONTINUE.value),
    default=FlowAction.CONTINUE.value,  # as if the program weren't there
    attach=AttachKind.NETNS,
    takes="",
    where="network namespace",
    since=(5, 8),  # links of network namespaces; the program type is 4.20
    capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
    test_run=True,
)
