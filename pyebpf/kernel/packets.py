"""How the bytes of packets are read and written: in place, or by which helpers.

Source: `bpf_func_proto` definitions in net/core/filter.c (Linux 6.18). The helpers reach all of a packet, also what
lies in other pages than its start: `skb_load_bytes` since 4.5, `xdp_load_bytes` since 5.18. (`bpf_dynptr_slice`, 6.4,
does the same and needs the verifier to know the length.) An XDP packet that a program may see is always in one piece,
for programs that could take others say so in their section's name, `xdp.frags`.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.kernel.hooks import ContextKind
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class PacketAccess:
    """What a context's programs do."""

    context: ContextKind
    in_place: bool
    """Whether they may follow pointers into the packet's first piece."""
    pieces: bool
    """Whether there may be more pieces than the first."""
    load: str
    """The helper that copies bytes out."""
    store: str
    """The helper that writes bytes, for those programs that may call it."""
    flags: bool
    """Whether `store` takes flags."""


ACCESS: Final = (
    PacketAccess(ContextKind.XDP_PACKET, True, False, "xdp_load_bytes", "xdp_store_bytes", False),
    PacketAccess(ContextKind.SKB_PACKET, True, True, "skb_load_bytes", "skb_store_bytes", True),
    PacketAccess(ContextKind.SKB_COPY, False, True, "skb_load_bytes", "skb_store_bytes", True),
)


def access_of(context: ContextKind) -> PacketAccess:
    """The row of a hook whose context is a packet."""
    return next(row for row in ACCESS if row.context is context)
