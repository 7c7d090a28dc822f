"""How the bytes of packets are read and written: in place, or by which helpers.

Source: `bpf_func_proto` definitions in net/core/filter.c (Linux 6.18). The helpers reach all of a packet, also what
lies in other pages than its start: `skb_load_bytes` since 4.5, `xdp_load_bytes` since 5.18. (`bpf_dynptr_slice`, 6.4,
does the same and needs the verifier to know the length.) An XDP packet is in one piece for all programs but those that
say in their section's name, `xdp.frags`, that they take others.
"""

from __future__ import annotations

from functools import cache
from typing import Final, final

from pyebpf.kernel.hooks import HOOKS, ContextKind
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class PacketAccess:
    """What a context's programs do."""

    context: ContextKind
    ends: tuple[int, int] | None
    """Where in the context are the pointers to the start and the end of the packet's first piece, u32 each though they
    are pointers; None where programs may not follow them. `struct xdp_md` and `struct __sk_buff` in linux/bpf.h."""
    pieces: bool
    """Whether there may be more pieces than the first."""
    load: str
    """The helper that copies bytes out."""
    store: str
    """The helper that writes bytes, for those programs that may call it."""
    flags: bool
    """Whether `store` takes flags."""
    writable: bool = False
    """Whether programs may write between the pointers (`may_access_direct_pkt_data` in kernel/bpf/verifier.c)."""
    pull: str = ""
    """The helper that makes the first piece as long as it is told."""
    member: str = ""
    """Where the context isn't the packet but has it: as which member."""
    measured: bool = True
    """Whether programs can know how long the packet is."""
    width: int = 4
    """Bytes of each of the two pointers."""


ACCESS: Final = (
    PacketAccess(ContextKind.XDP_PACKET, (0, 4), False, "xdp_load_bytes", "xdp_store_bytes", False, True),
    PacketAccess(ContextKind.XDP_PIECES, (0, 4), True, "xdp_load_bytes", "xdp_store_bytes", False, True),
    PacketAccess(
        ContextKind.TC_PACKET, (76, 80), True, "skb_load_bytes", "skb_store_bytes", True, True, "skb_pull_data"
    ),
    PacketAccess(ContextKind.SKB_PACKET, (76, 80), True, "skb_load_bytes", "skb_store_bytes", True),
    PacketAccess(
        ContextKind.ROUTED_PACKET, (76, 80), True, "skb_load_bytes", "skb_store_bytes", True, False, "skb_pull_data"
    ),
    PacketAccess(
        ContextKind.SENT_PACKET, (76, 80), True, "skb_load_bytes", "skb_store_bytes", True, True, "skb_pull_data"
    ),
    PacketAccess(ContextKind.REUSEPORT_PACKET, (0, 8), True, "skb_load_bytes", "", False, width=8),
    PacketAccess(
        ContextKind.STREAM_PACKET, (76, 80), True, "skb_load_bytes", "skb_store_bytes", True, True, "skb_pull_data"
    ),
    PacketAccess(ContextKind.MESSAGE, (0, 8), False, "", "", False, True, width=8),
    PacketAccess(ContextKind.SOCKET_OPTION, (8, 16), False, "", "", False, True, member="optval", width=8),
    PacketAccess(ContextKind.FLOW_PACKET, (76, 80), True, "skb_load_bytes", "", False, measured=False),
    PacketAccess(ContextKind.SKB_COPY, None, True, "skb_load_bytes", "skb_store_bytes", True),
)


def is_packet(context: ContextKind) -> bool:
    """Whether a context is a packet."""
    row = access_or_none(context)
    return row is not None and not row.member


def access_or_none(context: ContextKind) -> PacketAccess | None:
    """The row of a context; None for those without bytes of that kind."""
    return next((row for row in ACCESS if row.context is context), None)


def access_of(context: ContextKind) -> PacketAccess:
    """The row of a hook whose context is a packet."""
    return next(row for row in ACCESS if row.context is context)


@cache
def ends_for(program_type: int) -> tuple[int, int] | None:
    """As `PacketAccess.ends`, by the type of program; None for those without packets, too."""
    contexts = {hook.context for hook in HOOKS if hook.program_type == program_type}
    return next((row.ends for row in ACCESS if row.context in contexts), None)
