"""What a flow dissector finds out about a packet: `struct bpf_flow_keys`.

Source: include/uapi/linux/bpf.h; `flow_dissector_is_valid_access` in net/core/filter.c for where the context has it.
"""

from __future__ import annotations

from typing import Final

from pyebpf.layout import BE16, BE32, IPV4, IPV6, U8, U16, U32, Field, Struct

FLOW_KEYS: Final = Struct(
    "bpf_flow_keys",
    (
        Field("nhoff", U16, 0),
        Field("thoff", U16, 2),
        Field("addr_proto", U16, 4),
        Field("is_frag", U8, 6),
        Field("is_first_frag", U8, 7),
        Field("is_encap", U8, 8),
        Field("ip_proto", U8, 9),
        Field("n_proto", BE16, 10),
        Field("sport", BE16, 12),
        Field("dport", BE16, 14),
        Field("ipv4_src", IPV4, 16),
        Field("ipv4_dst", IPV4, 20),
        Field("ipv6_src", IPV6, 16),
        Field("ipv6_dst", IPV6, 32),
        Field("flags", U32, 48),
        Field("flow_label", BE32, 52),
    ),
    56,
    4,
)
"""Offsets of the network and the transport header from the packet's start; which addresses are there (ETH_P_*), of
which those of IPv4 and of IPv6 lie in the same place; `flags` (BPF_FLOW_DISSECTOR_F_*) ask for something."""
KEYS: Final = 144
"""Where in `struct __sk_buff` the pointer to it is."""
FLOW_FLAGS: Final = {
    "BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG": 1,
    "BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL": 2,
    "BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP": 4,
}
"""Bits of `flags` (5.3)."""
