"""Packets: of a network interface, of the processes in a cgroup, of a socket."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pyebpf.kernel.hooks.kinds import Action, AttachKind, ContextKind, Hook
from pyebpf.kernel.programs import AttachType, ProgramType


class XdpAction(Action):
    """`enum xdp_action`."""

    ABORTED = 0
    DROP = 1
    PASS = 2
    TX = 3
    REDIRECT = 4


class CgroupAction(Action):
    """What programs on cgroups answer: whether the packet goes on, whether the process may (EPERM if not)."""

    DENY = 0
    ALLOW = 1
    DROP = 0
    PASS = 1
    ALLOW_ANY_PORT = 3
    """For binding: also to a port that needs a capability (CAP_NET_BIND_SERVICE) otherwise."""


HAS_FRAGS: Final = 1 << 5
"""BPF_F_XDP_HAS_FRAGS."""
XDP: Final = Hook(
    name="xdp",
    section="xdp",
    program_type=ProgramType.XDP,
    attach_type=AttachType.XDP,
    context=ContextKind.XDP_PACKET,
    parameter="packet",
    returns=XdpAction,
    result=(0, 4),
    default=XdpAction.PASS.value,
    attach=AttachKind.NETDEV_XDP,
    takes="",
    where="interface",
    since=(5, 9),  # BPF_LINK_CREATE on a netdev; XDP itself is 4.8
    capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
    test_run=True,
    alone=(4, 8),  # in softirqs, of which one runs at a time on a CPU, or with them disabled
)
XDP_FRAGS: Final = replace(
    XDP, name="xdp.frags", section="xdp.frags", context=ContextKind.XDP_PIECES, since=(5, 18), flags=HAS_FRAGS
)
XDP_DEVMAP: Final = replace(
    XDP,
    name="xdp.devmap",
    section="xdp/devmap",
    attach_type=AttachType.XDP_DEVMAP,
    attach=AttachKind.IN_A_MAP,
    where="",
    since=(5, 8),
    test_run=False,
)
XDP_CPUMAP: Final = replace(
    XDP_DEVMAP, name="xdp.cpumap", section="xdp/cpumap", attach_type=AttachType.XDP_CPUMAP, since=(5, 9)
)
CGROUP_SKB_INGRESS: Final = Hook(
    name="cgroup.skb.ingress",
    section="cgroup_skb/ingress",
    program_type=ProgramType.CGROUP_SKB,
    attach_type=AttachType.CGROUP_INET_INGRESS,
    context=ContextKind.SKB_PACKET,
    parameter="packet",
    returns=CgroupAction,
    result=(0, 1),
    default=CgroupAction.PASS.value,
    attach=AttachKind.CGROUP,
    takes="",
    where="cgroup directory",
    since=(5, 7),  # BPF_LINK_CREATE on a cgroup; the program type is 4.10
    capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
    test_run=True,
)
CGROUP_SKB_EGRESS: Final = Hook(
    name="cgroup.skb.egress",
    section="cgroup_skb/egress",
    program_type=ProgramType.CGROUP_SKB,
    attach_type=AttachType.CGROUP_INET_EGRESS,
    context=ContextKind.SKB_PACKET,
    parameter="packet",
    returns=CgroupAction,
    result=(0, 1),
    default=CgroupAction.PASS.value,
    attach=AttachKind.CGROUP,
    takes="",
    where="cgroup directory",
    since=(5, 7),
    capabilities=("CAP_BPF", "CAP_NET_ADMIN"),
    test_run=True,
)
SOCKET_FILTER: Final = Hook(
    name="socket_filter",
    section="socket",
    program_type=ProgramType.SOCKET_FILTER,
    attach_type=None,
    context=ContextKind.SKB_COPY,
    parameter="packet",
    returns=None,
    result=(0, 2**32 - 1),
    default=2**32 - 1,  # keep the whole packet
    attach=AttachKind.SOCKET,
    takes="",
    where="interface",
    since=(3, 19),
    capabilities=("CAP_BPF", "CAP_NET_RAW"),
    test_run=True,
)
