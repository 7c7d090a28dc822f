"""Packets for the ported programs, made from their parts with nothing but struct."""

from __future__ import annotations

import ipaddress
import struct

OURS, THEIRS = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def ethernet(payload: bytes, proto: int = 0x0800, source: bytes = THEIRS, dest: bytes = OURS) -> bytes:
    """A frame."""
    return dest + source + struct.pack(">H", proto) + payload


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ipv4(payload: bytes, proto: int, source: str = "10.0.0.2", dest: str = "10.0.0.1", options: bytes = b"") -> bytes:
    """An IPv4 packet with a right checksum."""
    words = 5 + len(options) // 4
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(dest).packed
    head = struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(payload), 7, 0, 64, proto, 0) + addresses + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ipv6(payload: bytes, following: int, source: str = "fd00::2", dest: str = "fd00::1") -> bytes:
    """An IPv6 packet."""
    addresses = ipaddress.ip_address(source).packed + ipaddress.ip_address(dest).packed
    return struct.pack(">IHBB", 6 << 28, len(payload), following, 64) + addresses + payload


def udp(payload: bytes, source: int = 4000, dest: int = 53) -> bytes:
    """A UDP datagram without checksum."""
    return struct.pack(">HHHH", source, dest, 8 + len(payload), 0) + payload


FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(
    payload: bytes = b"", source: int = 4000, dest: int = 80, flags: int = SYN, options: bytes = b"", seq: int = 1
) -> bytes:
    """A TCP segment without checksum. `options` are padded to whole words."""
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4
    return struct.pack(">HHIIBBHHH", source, dest, seq, 0, words << 4, flags, 1024, 0, 0) + options + payload


def icmp(type: int, code: int, payload: bytes) -> bytes:
    """An ICMP message with a right checksum."""
    head = struct.pack(">BBHHH", type, code, 0, 9, 1)
    return head[:2] + struct.pack(">H", checksum(head + payload)) + head[4:] + payload
