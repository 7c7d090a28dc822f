"""Which socket gets a packet: asked when the network namespace looks for one, and among sockets that share a port.

Sources: include/uapi/linux/bpf.h; `inet_lookup_run_sk_lookup` and `run_bpf_filter` of the kernel's sockets; the
kernel's history for versions.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pyebpf.kernel.hooks.kinds import Action, AttachKind, ContextKind, Hook
from pyebpf.kernel.programs import AttachType, ProgramType


class SkAction(Action):
    """`enum sk_action`."""

    DROP = 0
    PASS = 1


SK_LOOKUP: Final = Hook(
    name="sk_lookup",
    section="sk_lookup",
    program_type=ProgramType.SK_LOOKUP,
    attach_type=AttachType.SK_LOOKUP,
    context=ContextKind.FIELDS,
    parameter="ctx",
    returns=SkAction,
    result=(0, 1),
    default=SkAction.PASS.value,  # the kernel looks for a socket as ever
    attach=AttachKind.NETNS,
    takes="",
    where="network namespace",
    since=(5, 9),
    capabilities=("CAP_BPF",),
    test_run=False,
)


def _on_a_map(
    name: str, section: str, type: ProgramType, attach_type: AttachType, context: ContextKind, since: tuple[int, int]
) -> Hook:
    return Hook(
        name=name,
        section=section,
        program_type=type,
        attach_type=attach_type,
        context=context,
        parameter="packet",
        returns=SkAction,
        result=(0, 1),
        default=SkAction.PASS.value,
        attach=AttachKind.SOCKET_MAP,
        takes="",
        where="socket map",
        since=since,
        capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
        test_run=False,
    )


SK_MSG: Final = _on_a_map(
    "sk_msg", "sk_msg", ProgramType.SK_MSG, AttachType.SK_MSG_VERDICT, ContextKind.MESSAGE, (4, 17)
)
SK_SKB: Final = _on_a_map(
    "sk_skb",
    "sk_skb/stream_verdict",
    ProgramType.SK_SKB,
    AttachType.SK_SKB_STREAM_VERDICT,
    ContextKind.STREAM_PACKET,
    (5, 10),  # without a program that finds where messages end; 4.14 with one
)
SK_SKB_VERDICT: Final = replace(
    SK_SKB, name="sk_skb.verdict", section="sk_skb/verdict", attach_type=AttachType.SK_SKB_VERDICT, since=(5, 13)
)
"""For sockets of every kind, datagrams too."""
SK_SKB_PARSER: Final = replace(
    SK_SKB,
    name="sk_skb.parser",
    section="sk_skb/stream_parser",
    attach_type=AttachType.SK_SKB_STREAM_PARSER,
    returns=None,
    result=(0, 2**32 - 1),
    default=0,  # the message isn't whole yet: nothing is lost, and it is asked again when more has come
    since=(4, 14),
)
SK_REUSEPORT: Final = Hook(
    name="sk_reuseport",
    section="sk_reuseport",
    program_type=ProgramType.SK_REUSEPORT,
    attach_type=AttachType.SK_REUSEPORT_SELECT,
    context=ContextKind.REUSEPORT_PACKET,
    parameter="packet",
    returns=SkAction,
    result=(0, 1),
    default=SkAction.PASS.value,  # the kernel chooses one by its hash
    attach=AttachKind.REUSEPORT,
    takes="",
    where="socket",
    since=(4, 19),
    capabilities=("CAP_BPF",),
    test_run=False,
)
