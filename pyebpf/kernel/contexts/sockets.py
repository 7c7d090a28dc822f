"""Contexts of programs that decide about a socket: `struct bpf_sock_addr`, `bpf_sock`, `bpf_sock_ops`, `bpf_sk_lookup`,
`sk_msg_md`, `sk_reuseport_md`.

Sources: include/uapi/linux/bpf.h for offsets; `sock_addr_is_valid_access` and its like in net/core/filter.c for who may
read and write what.
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.contexts.fields import ContextField, ContextStruct, SocketField, half
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.layout import BE16, BE32, I32, IPV4, IPV6, U32, U64, Array

_A: Final = AttachType
_P: Final = ProgramType
_INET4: Final = (
    *(_A.CGROUP_INET4_BIND, _A.CGROUP_INET4_CONNECT, _A.CGROUP_UDP4_SENDMSG, _A.CGROUP_UDP4_RECVMSG),
    *(_A.CGROUP_INET4_GETPEERNAME, _A.CGROUP_INET4_GETSOCKNAME),
)
_INET6: Final = (
    *(_A.CGROUP_INET6_BIND, _A.CGROUP_INET6_CONNECT, _A.CGROUP_UDP6_SENDMSG, _A.CGROUP_UDP6_RECVMSG),
    *(_A.CGROUP_INET6_GETPEERNAME, _A.CGROUP_INET6_GETSOCKNAME),
)
_INET: Final = (*_INET4, *_INET6)

SOCK_ADDR: Final = ContextStruct(
    "bpf_sock_addr",
    (_P.CGROUP_SOCK_ADDR,),
    72,
    (
        ContextField("user_family", 0, U32),
        ContextField("user_ip4", 4, IPV4, _INET4, _INET4),
        ContextField("user_ip6", 8, IPV6, _INET6, _INET6),
        half("user_port", 24, _INET, _INET),
        ContextField("family", 28, U32),
        ContextField("type", 32, U32),
        ContextField("protocol", 36, U32),
        ContextField("msg_src_ip4", 40, IPV4, (_A.CGROUP_UDP4_SENDMSG,), (_A.CGROUP_UDP4_SENDMSG,)),
        ContextField("msg_src_ip6", 44, IPV6, (_A.CGROUP_UDP6_SENDMSG,), (_A.CGROUP_UDP6_SENDMSG,)),
    ),
    socket=SocketField(64, may_be_null=False),
)
_OWN: Final = (_A.CGROUP_INET_SOCK_CREATE, _A.CGROUP_INET_SOCK_RELEASE)
_BOUND4: Final = (_A.CGROUP_INET4_POST_BIND,)
_BOUND6: Final = (_A.CGROUP_INET6_POST_BIND,)

SOCK: Final = ContextStruct(
    "bpf_sock",
    (_P.CGROUP_SOCK,),
    80,
    (
        ContextField("bound_dev_if", 0, U32, _OWN, _OWN),
        ContextField("family", 4, U32),
        ContextField("type", 8, U32),
        ContextField("protocol", 12, U32),
        ContextField("mark", 16, U32, _OWN, _OWN),
        ContextField("priority", 20, U32, _OWN, _OWN),
        ContextField("src_ip4", 24, IPV4, _BOUND4),
        ContextField("src_ip6", 28, IPV6, _BOUND6),
        ContextField("src_port", 44, U32, (*_BOUND4, *_BOUND6)),
        ContextField("dst_port", 48, BE16),
        ContextField("dst_ip4", 52, IPV4),
        ContextField("dst_ip6", 56, IPV6),
        ContextField("state", 72, U32),
        ContextField("rx_queue_mapping", 76, I32),
    ),
)
_COUNTS: Final = (
    *("snd_cwnd", "srtt_us", "bpf_sock_ops_cb_flags", "state", "rtt_min", "snd_ssthresh", "rcv_nxt", "snd_nxt"),
    *("snd_una", "mss_cache", "ecn_flags", "rate_delivered", "rate_interval_us", "packets_out", "retrans_out"),
    *("total_retrans", "segs_in", "data_segs_in", "segs_out", "data_segs_out", "lost_out", "sacked_out"),
)
"""Of a TCP socket, four bytes each, from byte 76 on."""

SOCK_OPS: Final = ContextStruct(
    "bpf_sock_ops",
    (_P.SOCK_OPS,),
    224,
    (
        ContextField("op", 0, U32),
        ContextField("reply", 4, U32, writes=None),
        ContextField("args", 4, Array(U32, 4)),
        ContextField("family", 20, U32),
        ContextField("remote_ip4", 24, IPV4),
        ContextField("local_ip4", 28, IPV4),
        ContextField("remote_ip6", 32, IPV6),
        ContextField("local_ip6", 48, IPV6),
        ContextField("remote_port", 64, BE32),
        ContextField("local_port", 68, U32),
        ContextField("is_fullsock", 72, U32),
        *(ContextField(name, 76 + 4 * number, U32) for number, name in enumerate(_COUNTS)),
        ContextField("sk_txhash", 164, U32, writes=None),
        ContextField("bytes_received", 168, U64),
        ContextField("bytes_acked", 176, U64),
        ContextField("skb_len", 208, U32),
        ContextField("skb_tcp_flags", 212, U32),
        ContextField("skb_hwtstamp", 216, U64, since=(6, 2)),
    ),
    socket=SocketField(184, may_be_null=True),
)
SK_LOOKUP: Final = ContextStruct(
    "bpf_sk_lookup",
    (_P.SK_LOOKUP,),
    72,
    (
        ContextField("family", 8, U32),
        ContextField("protocol", 12, U32),
        ContextField("remote_ip4", 16, IPV4),
        ContextField("remote_ip6", 20, IPV6),
        ContextField("remote_port", 36, BE16),
        ContextField("local_ip4", 40, IPV4),
        ContextField("local_ip6", 44, IPV6),
        ContextField("local_port", 60, U32),
        ContextField("ingress_ifindex", 64, U32, since=(5, 17)),
    ),
    socket=SocketField(0, may_be_null=True),
)
SK_MSG: Final = ContextStruct(
    "sk_msg_md",
    (_P.SK_MSG,),
    80,
    (
        ContextField("family", 16, U32),
        ContextField("remote_ip4", 20, IPV4),
        ContextField("local_ip4", 24, IPV4),
        ContextField("remote_ip6", 28, IPV6),
        ContextField("local_ip6", 44, IPV6),
        ContextField("remote_port", 60, BE32),
        ContextField("local_port", 64, U32),
        ContextField("size", 68, U32),
    ),
    socket=SocketField(72, may_be_null=False),
)
SK_REUSEPORT: Final = ContextStruct(
    "sk_reuseport_md",
    (_P.SK_REUSEPORT,),
    56,
    (
        ContextField("len", 16, U32),
        half("eth_protocol", 20),
        ContextField("ip_protocol", 24, U32),
        ContextField("bind_inany", 28, U32),
        ContextField("hash", 32, U32),
    ),
)
