"""Packet headers: layouts and lengths, by the kernel's field names without prefixes such as `h_`.

Bit fields: `Field.type` is the unit that is loaded at `Field.offset`, as a number in host order (big-endian units are
swapped first); the field is its `bits` bits from `bit_offset` up, counted from the least significant bit. So
the same row is right on machines of either byte order.

Sources: RFC 791 (IPv4), 8200 (IPv6), 9293 (TCP), 768 (UDP), 792 and 4443 (ICMP), 826 (ARP), IEEE 802.1Q; names
from include/uapi/linux/{if_ether,if_arp,ip,ipv6,tcp,udp,icmp,icmpv6}.h.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.layout import BE16, BE32, IPV4, IPV6, MAC, U8, Field, Struct, struct_of
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class Header:
    """A header. Its real length is that of `struct`, or what a field of it says: field times unit."""

    struct: Struct
    """The fixed part; where the length varies, also the least length that is valid."""
    length_field: str | None = None
    length_unit: int = 1
    """Bytes per 1 in `length_field`."""

    @property
    def name(self) -> str:
        return self.struct.name

    @property
    def minimum(self) -> int:
        """The shortest valid length in bytes."""
        return self.struct.size


ETHERNET: Final = Header(struct_of("Ethernet", (("dest", MAC), ("source", MAC), ("proto", BE16))))

VLAN: Final = Header(
    Struct(
        "Vlan",
        (
            Field("tci", BE16, 0),
            Field("vid", BE16, 0, 12, 0),
            Field("dei", BE16, 0, 1, 12),
            Field("pcp", BE16, 0, 3, 13),
            Field("proto", BE16, 2),
        ),
        size=4,
        align=2,
    )
)
"""What stands behind the tag's own ethertype: the tag, its parts, and the ethertype of what follows."""

IPV4_HEADER: Final = Header(
    Struct(
        "IPv4",
        (
            Field("version", U8, 0, 4, 4),
            Field("ihl", U8, 0, 4, 0),
            Field("tos", U8, 1),
            Field("tot_len", BE16, 2),
            Field("id", BE16, 4),
            Field("frag_off", BE16, 6),
            Field("ttl", U8, 8),
            Field("protocol", U8, 9),
            Field("check", BE16, 10),
            Field("saddr", IPV4, 12),
            Field("daddr", IPV4, 16),
        ),
        size=20,
        align=4,
    ),
    length_field="ihl",
    length_unit=4,
)

IPV6_HEADER: Final = Header(
    Struct(
        "IPv6",
        (
            Field("version", U8, 0, 4, 4),
            Field("priority", U8, 0, 4, 0),  # the kernel's name for the upper half of the traffic class
            Field("traffic_class", BE16, 0, 8, 4),
            Field("flow_label", BE32, 0, 20, 0),
            Field("payload_len", BE16, 4),
            Field("nexthdr", U8, 6),
            Field("hop_limit", U8, 7),
            Field("saddr", IPV6, 8),
            Field("daddr", IPV6, 24),
        ),
        size=40,
        align=4,
    )
)
"""The fixed header; extension headers are headers of their own."""

TCP: Final = Header(
    Struct(
        "Tcp",
        (
            Field("source", BE16, 0),
            Field("dest", BE16, 2),
            Field("seq", BE32, 4),
            Field("ack_seq", BE32, 8),
            Field("doff", U8, 12, 4, 4),
            Field("flags", U8, 13),
            Field("fin", U8, 13, 1, 0),
            Field("syn", U8, 13, 1, 1),
            Field("rst", U8, 13, 1, 2),
            Field("psh", U8, 13, 1, 3),
            Field("ack", U8, 13, 1, 4),
            Field("urg", U8, 13, 1, 5),
            Field("ece", U8, 13, 1, 6),
            Field("cwr", U8, 13, 1, 7),
            Field("window", BE16, 14),
            Field("check", BE16, 16),
            Field("urg_ptr", BE16, 18),
        ),
        size=20,
        align=4,
    ),
    length_field="doff",
    length_unit=4,
)

UDP: Final = Header(struct_of("Udp", (("source", BE16), ("dest", BE16), ("len", BE16), ("check", BE16))))

ICMP: Final = Header(
    Struct(
        "Icmp",
        (
            Field("type", U8, 0),
            Field("code", U8, 1),
            Field("checksum", BE16, 2),
            # The second word depends on the type: echo, redirect, fragmentation needed.
            Field("gateway", IPV4, 4),
            Field("id", BE16, 4),
            Field("sequence", BE16, 6),
            Field("mtu", BE16, 6),
        ),
        size=8,
        align=4,
    )
)

ICMP6: Final = Header(
    Struct(
        "Icmp6",
        (
            Field("type", U8, 0),
            Field("code", U8, 1),
            Field("cksum", BE16, 2),
            Field("mtu", BE32, 4),  # packet too big
            Field("identifier", BE16, 4),  # echo
            Field("sequence", BE16, 6),
        ),
        size=8,
        align=4,
    )
)

ARP: Final = Header(
    Struct(
        "Arp",
        (
            Field("hrd", BE16, 0),
            Field("pro", BE16, 2),
            Field("hln", U8, 4),
            Field("pln", U8, 5),
            Field("op", BE16, 6),
            Field("sha", MAC, 8),
            Field("sip", IPV4, 14),
            Field("tha", MAC, 18),
            Field("tip", IPV4, 24),
        ),
        size=28,
        align=2,
    )
)
"""ARP for IPv4 over Ethernet (`hrd` 1, `pro` ETH_P_IP). Its IPv4 addresses are aligned to 2 only."""

HEADERS: Final = (ETHERNET, VLAN, IPV4_HEADER, IPV6_HEADER, TCP, UDP, ICMP, ICMP6, ARP)


def header_by_name(name: str) -> Header | None:
    """The header that probes call `name` (`Ethernet`), or None."""
    return next((header for header in HEADERS if header.name == name), None)
