"""Header layouts, decoded by hand from real packets."""

from __future__ import annotations

import struct

import pytest

from pyebpf.kernel.headers import ARP, ETHERNET, HEADERS, IPV4_HEADER, IPV6_HEADER, TCP, VLAN, Header, header_by_name
from pyebpf.layout import Address, Integer

TCP_SYN = bytes.fromhex(
    "525400123502 525400aabbcc 0800"  # Ethernet
    "4600 0040 1c46 4000 40 06 b1e6 ac10000a c0a80001 01010100"  # IPv4 with options: ihl 6
    "d431 0050 1234abcd 00000000 a002 faf0 fe30 0000"  # TCP: doff 10, SYN
    "020405b4 0402080a 00000001 00000000 01030307"
)


def decode(header: Header, data: bytes, name: str) -> int | bytes:
    field = header.struct.field(name)
    assert field is not None
    if isinstance(field.type, Address):
        return data[field.offset : field.offset + field.type.size]
    assert isinstance(field.type, Integer)
    raw = data[field.offset : field.offset + field.type.size]
    value = int.from_bytes(raw, "big" if field.type.big_endian else "little")
    return value >> field.bit_offset & (1 << field.bits) - 1 if field.bits else value


def test_a_packet_is_read_right() -> None:
    assert decode(ETHERNET, TCP_SYN, "source") == bytes.fromhex("525400aabbcc")
    assert decode(ETHERNET, TCP_SYN, "proto") == 0x0800
    ip = TCP_SYN[14:]
    names = ("version", "ihl", "tot_len", "ttl", "protocol", "saddr", "frag_off")
    assert [decode(IPV4_HEADER, ip, name) for name in names] == [4, 6, 64, 64, 6, 0xAC10000A, 0x4000]
    length = decode(IPV4_HEADER, ip, IPV4_HEADER.length_field or "")
    assert isinstance(length, int)
    tcp = ip[length * IPV4_HEADER.length_unit :]
    assert [decode(TCP, tcp, name) for name in ("source", "dest", "seq", "doff")] == [54321, 80, 0x1234ABCD, 10]
    flags = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
    assert [decode(TCP, tcp, name) for name in flags] == [0, 1, 0, 0, 0, 0, 0, 0]
    assert decode(TCP, tcp, "window") == 0xFAF0


def test_vlan_and_ipv6_bits() -> None:
    tag = struct.pack(">HH", 5 << 13 | 1 << 12 | 0x123, 0x86DD)
    assert [decode(VLAN, tag, name) for name in ("pcp", "dei", "vid", "proto")] == [5, 1, 0x123, 0x86DD]
    ipv6 = struct.pack(">IHBB", 6 << 28 | 0xAB << 20 | 0x12345, 8, 58, 64) + bytes(32)
    names = ("version", "traffic_class", "flow_label", "payload_len", "nexthdr", "hop_limit")
    assert [decode(IPV6_HEADER, ipv6, name) for name in names] == [6, 0xAB, 0x12345, 8, 58, 64]


@pytest.mark.parametrize(("name", "size"), [("Ethernet", 14), ("Vlan", 4), ("IPv4", 20), ("IPv6", 40), ("Tcp", 20)])
def test_sizes(name: str, size: int) -> None:
    header = header_by_name(name)
    assert header is not None and header.struct.size == size


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.name)
def test_fields_are_inside_and_complete(header: Header) -> None:
    covered = set()
    names = [field.name for field in header.struct.fields]
    assert len(set(names)) == len(names)
    for field in header.struct.fields:
        assert field.offset + field.type.size <= header.struct.size
        assert field.bit_offset + field.bits <= field.type.size * 8
        covered |= set(range(field.offset, field.offset + field.type.size))
    assert covered == set(range(header.struct.size))


def test_arp_addresses() -> None:
    request = bytes.fromhex("0001 0800 06 04 0001 525400aabbcc 0a000001 000000000000 0a000002")
    assert [decode(ARP, request, name) for name in ("op", "sip", "tip")] == [1, 0x0A000001, 0x0A000002]
