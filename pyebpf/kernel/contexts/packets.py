"""Contexts of programs on packets: `struct xdp_md` and `struct __sk_buff`.

Sources: include/uapi/linux/bpf.h for offsets; the `*_is_valid_access` functions in net/core/filter.c for who may read
and write what. Where a packet starts and ends is not among the fields: `kernel.packets` has it.
"""

from __future__ import annotations

from typing import Final

from pyebpf.kernel.contexts.fields import ContextField, ContextStruct, SocketField, half
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.layout import BE32, IPV4, IPV6, U8, U32, U64, Array

_P: Final = ProgramType
_TC: Final = (_P.SCHED_CLS, _P.SCHED_ACT)
_LWT: Final = (_P.LWT_IN, _P.LWT_OUT, _P.LWT_XMIT, _P.LWT_SEG6LOCAL)
_SOCKETS: Final = (_P.CGROUP_SKB, _P.SK_SKB)
"""Programs that are about a socket, whose addresses the context has."""
_ALL: Final = (*_TC, *_LWT, *_SOCKETS, _P.SOCKET_FILTER)
_MARK: Final = (*_TC, *_LWT, _P.CGROUP_SKB)
_TSTAMP: Final = (*_TC, _P.CGROUP_SKB)

XDP_MD: Final = ContextStruct(
    "xdp_md",
    (_P.XDP,),
    24,
    (
        ContextField("ingress_ifindex", 12, U32),
        ContextField("rx_queue_index", 16, U32),
        ContextField("egress_ifindex", 20, U32, (AttachType.XDP_DEVMAP,)),
    ),
)
SK_BUFF: Final = ContextStruct(
    "__sk_buff",
    (*_ALL,),
    192,
    (
        ContextField("len", 0, U32, _ALL),
        ContextField("pkt_type", 4, U32, _ALL),
        ContextField("mark", 8, U32, (*_MARK, _P.SOCKET_FILTER), _MARK),
        ContextField("queue_mapping", 12, U32, _ALL, _TC),
        half("protocol", 16, _ALL),
        ContextField("vlan_present", 20, U32, _ALL),
        ContextField("vlan_tci", 24, U32, _ALL),
        half("vlan_proto", 28, _ALL),
        ContextField("priority", 32, U32, _ALL, (*_MARK, _P.SK_SKB)),
        ContextField("ingress_ifindex", 36, U32, _ALL),
        ContextField("ifindex", 40, U32, _ALL),
        ContextField("tc_index", 44, U32, _ALL, (*_TC, _P.SK_SKB)),
        ContextField("cb", 48, Array(U32, 5), _ALL, (*_MARK, _P.SOCKET_FILTER)),
        ContextField("hash", 68, U32, _ALL),
        ContextField("tc_classid", 72, U32, _TC, _TC),
        ContextField("napi_id", 84, U32, _ALL),
        ContextField("family", 88, U32, _SOCKETS),
        ContextField("remote_ip4", 92, IPV4, _SOCKETS),
        ContextField("local_ip4", 96, IPV4, _SOCKETS),
        ContextField("remote_ip6", 100, IPV6, _SOCKETS),
        ContextField("local_ip6", 116, IPV6, _SOCKETS),
        ContextField("remote_port", 132, BE32, _SOCKETS),
        ContextField("local_port", 136, U32, _SOCKETS),
        ContextField("tstamp", 152, U64, _TSTAMP, _TSTAMP),
        ContextField("wire_len", 160, U32, _TC),
        ContextField("gso_segs", 164, U32, _ALL),
        ContextField("gso_size", 176, U32, _ALL),
        ContextField("tstamp_type", 180, U8, _TC, since=(5, 18)),
        ContextField("hwtstamp", 184, U64, _TSTAMP, since=(5, 16)),
    ),
    by_program=True,
    socket=SocketField(168, may_be_null=True, ask=True),
)
