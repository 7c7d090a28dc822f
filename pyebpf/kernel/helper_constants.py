"""Numbers that helpers of packets and sockets are given, by the kernel's names.

Source: include/uapi/linux/bpf.h (`enum bpf_lwt_encap_mode`, and the flags of the helpers' own enums).
"""

from __future__ import annotations

from typing import Final

LWT_ENCAPSULATIONS: Final = {
    "BPF_LWT_ENCAP_SEG6": 0,
    "BPF_LWT_ENCAP_SEG6_INLINE": 1,
    "BPF_LWT_ENCAP_IP": 2,
}
"""What `lwt_push_encap` puts in front: a segment routing header in an outer IPv6 header, or in the packet's own; any IP
header with what follows it (5.1)."""
SOCKET_LOOKUPS: Final = {"BPF_F_CURRENT_NETNS": -1}
"""The network namespace of the packet, for helpers that look for a socket."""
