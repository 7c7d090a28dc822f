"""Traffic control: packets of an interface, as they come into the network stack and as they leave it."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.hooks.kinds import Action, AttachKind, ContextKind, Hook
from pyebpf.kernel.programs import AttachType, ProgramType


class TcAction(Action):
    """`TC_ACT_*` in include/uapi/linux/pkt_cls.h. What programs attached by a link (6.6) answer are those of `enum
    tcx_action_base` besides: UNSPEC, OK, SHOT, REDIRECT; any other is UNSPEC there, for which the next program is
    asked."""

    UNSPEC = -1
    OK = 0
    RECLASSIFY = 1
    SHOT = 2
    PIPE = 3
    STOLEN = 4
    QUEUED = 5
    REPEAT = 6
    REDIRECT = 7
    TRAP = 8


def _tc(direction: str, attach_type: AttachType) -> Hook:
    return Hook(
        name=f"tc.{direction}",
        section=f"tc/{direction}",
        program_type=ProgramType.SCHED_CLS,
        attach_type=attach_type,
        context=ContextKind.TC_PACKET,
        parameter="packet",
        returns=TcAction,
        result=(-1, 8),
        default=TcAction.UNSPEC.value,  # as if the program weren't there: others are asked, then the packet goes on
        attach=AttachKind.TC,
        takes="",
        where="interface",
        since=(4, 5),  # the qdisc clsact; links are 6.6
        capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
        test_run=True,
    )


TC_INGRESS: Final = _tc("ingress", AttachType.TCX_INGRESS)
TC_EGRESS: Final = _tc("egress", AttachType.TCX_EGRESS)
