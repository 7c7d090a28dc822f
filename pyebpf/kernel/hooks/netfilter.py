"""netfilter: packets at five places on their way through the kernel, where nftables has its rules, too."""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.btf_types import Kind
from pyebpf.kernel.hooks.kinds import Action, AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.programs import AttachType, ProgramType


class NfAction(Action):
    """What `include/uapi/linux/netfilter.h` has and programs may answer."""

    DROP = 0
    ACCEPT = 1


FAMILIES: Final = {"ipv4": 2, "ipv6": 10}
"""NFPROTO_*."""
PLACES: Final = {"pre_routing": 0, "local_in": 1, "forward": 2, "local_out": 3, "post_routing": 4}
"""NF_INET_*."""
LEAST: Final = -(2**31) + 1
MOST: Final = 2**31 - 2
"""Of priorities; the first and the last one are kept for others."""
NETFILTER: Final = Hook(
    name="netfilter",
    section="netfilter",
    program_type=ProgramType.NETFILTER,
    attach_type=AttachType.NETFILTER,
    context=ContextKind.ARGUMENTS,
    parameter="skb, state",
    returns=NfAction,
    result=(0, 1),
    default=NfAction.ACCEPT.value,
    attach=AttachKind.NETFILTER,
    takes="",
    where="family:place:priority",
    since=(6, 4),
    capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
    test_run=False,
    target=Target("context", "bpf_nf_ctx", Kind.STRUCT),  # of which both members are trusted pointers
    arguments=True,
)
