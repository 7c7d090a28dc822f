"""Sockets as programs see them (`struct bpf_sock`, `bpf_tcp_sock`): their fields, and which helpers hand them out.

Sources: include/uapi/linux/bpf.h for offsets; `bpf_sock_is_valid_access`, `bpf_sock_common_is_valid_access` and
`bpf_tcp_sock_is_valid_access` in net/core/filter.c for who may read what; `is_acquire_function` and
`is_ptr_cast_function` in kernel/bpf/verifier.c. The kernel translates each access, so offsets are constants.
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.contexts.fields import ContextField
from pyebpf.kernel.contexts.sockets import SOCK
from pyebpf.layout import U32, U64

SOCKET: Final = "bpf_sock"
COMMON: Final = "bpf_sock_common"
"""What the verifier calls a sock_common: a socket that may be one of those that are half made, or wait for their end.
It has no struct of its own; its fields are those of a `bpf_sock` that all of them have."""
TCP: Final = "bpf_tcp_sock"
RELEASE: Final = "sk_release"
LOOKUPS: Final = ("sk_lookup_tcp", "sk_lookup_udp", "skc_lookup_tcp")
"""Helpers that hand out a socket which must be given back, or null."""
CASTS: Final = (
    *("tcp_sock", "skc_to_tcp_sock", "skc_to_tcp6_sock", "skc_to_tcp_timewait_sock", "skc_to_tcp_request_sock"),
    *("skc_to_udp6_sock", "skc_to_unix_sock", "skc_to_mptcp_sock"),
)
"""Helpers that give the same socket as something else, for as long as it is held."""
_NOT_COMMON: Final = ("type", "protocol", "mark", "priority")
_COUNTS: Final = (
    *("snd_cwnd", "srtt_us", "rtt_min", "snd_ssthresh", "rcv_nxt", "snd_nxt", "snd_una", "mss_cache", "ecn_flags"),
    *("rate_delivered", "rate_interval_us", "packets_out", "retrans_out", "total_retrans", "segs_in", "data_segs_in"),
    *("segs_out", "data_segs_out", "lost_out", "sacked_out"),
)
"""Four bytes each, from the first one on."""
_LATER: Final = ("dsack_dups", "delivered", "delivered_ce", "icsk_retransmits")
"""Four bytes each, from byte 96 on."""
FIELDS: Final[dict[str, tuple[ContextField, ...]]] = {
    SOCKET: SOCK.fields,
    COMMON: tuple(field for field in SOCK.fields if field.name not in _NOT_COMMON),
    TCP: (
        *(ContextField(name, 4 * number, U32) for number, name in enumerate(_COUNTS)),
        ContextField("bytes_received", 80, U64),
        ContextField("bytes_acked", 88, U64),
        *(ContextField(name, 96 + 4 * number, U32) for number, name in enumerate(_LATER)),
    ),
}
"""What can be read of each, by the kernel's names. Whether a program may read a field doesn't depend on its hook, as it
does in those whose context is a socket."""
