"""Routes: what is asked of packets that go by one, as they come in, as they go out, and as they are sent.

Sources: include/uapi/linux/bpf.h and lwtunnel.h, seg6_local.h; `run_lwt_bpf` in net/core/lwt_bpf.c and
`input_action_end_bpf` in net/ipv6/seg6_local.c for what each place does with a result.
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.hooks.kinds import Action, AttachKind, ContextKind, Hook
from pyebpf.kernel.programs import ProgramType


class LwtAction(Action):
    """`enum bpf_ret_code`, as far as routes know it. Anything else drops the packet."""

    OK = 0
    DROP = 2
    REDIRECT = 7
    REROUTE = 128
    """The program has changed where the packet goes: its route is looked for again (5.1)."""


def _lwt(
    name: str,
    section: str,
    type: ProgramType,
    context: ContextKind,
    only: tuple[LwtAction, ...],
    since: tuple[int, int] = (4, 10),
    test_run: bool = True,
) -> Hook:
    return Hook(
        name=f"lwt.{name}",
        section=section,
        program_type=type,
        attach_type=None,
        context=context,
        parameter="packet",
        returns=LwtAction,
        result=(0, max(only).value),
        only=only,
        default=LwtAction.OK.value,
        attach=AttachKind.ROUTE,
        takes="",
        where="route",
        since=since,
        capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
        test_run=test_run,
    )


_READ: Final = ContextKind.ROUTED_PACKET
_A: Final = LwtAction
LWT_INPUT: Final = _lwt("input", "lwt_in", ProgramType.LWT_IN, _READ, (_A.OK, _A.DROP, _A.REROUTE))
LWT_OUTPUT: Final = _lwt("output", "lwt_out", ProgramType.LWT_OUT, _READ, (_A.OK, _A.DROP))
LWT_XMIT: Final = _lwt(
    *("xmit", "lwt_xmit", ProgramType.LWT_XMIT, ContextKind.SENT_PACKET),
    only=(_A.OK, _A.DROP, _A.REDIRECT, _A.REROUTE),
)
LWT_SEG6LOCAL: Final = _lwt(
    *("seg6local", "lwt_seg6local", ProgramType.LWT_SEG6LOCAL, _READ, (_A.OK, _A.DROP, _A.REDIRECT)),
    since=(4, 18),
    test_run=False,
)
