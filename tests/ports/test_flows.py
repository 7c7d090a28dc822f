"""Ports that keep state between packets: connections, flows, rates, filters."""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from packets import ACK, FIN, RST, SYN, ethernet, ipv4, tcp, udp

from pyebpf import XDP

pytestmark = pytest.mark.kernel
INSIDE, OUTSIDE = "10.0.0.2", "198.51.100.7"


def out(flags: int, port: int = 4000) -> bytes:
    return ethernet(ipv4(tcp(b"", port, 443, flags), 6, INSIDE, OUTSIDE))


def back(flags: int, port: int = 4000) -> bytes:
    return ethernet(ipv4(tcp(b"", 443, port, flags), 6, OUTSIDE, INSIDE))


def test_stateful_firewall(port: Callable[..., Any]) -> None:
    program = port("stateful_firewall")
    steps = [
        (back(SYN), XDP.DROP), (back(ACK), XDP.DROP), (out(ACK), XDP.DROP), (out(SYN | ACK), XDP.DROP),
        (out(SYN), XDP.PASS), (back(ACK), XDP.DROP), (back(SYN | ACK), XDP.PASS), (out(ACK), XDP.PASS),
        (back(ACK), XDP.PASS), (back(ACK, port=4001), XDP.DROP), (out(FIN | ACK), XDP.PASS),
        (back(ACK), XDP.PASS), (back(FIN | ACK), XDP.PASS), (back(ACK), XDP.DROP),
        (out(SYN, port=5000), XDP.PASS), (back(RST, port=5000), XDP.PASS), (back(RST, port=5000), XDP.DROP),
    ]  # fmt: skip
    assert [program.run(frame) for frame, _ in steps] == [action for _, action in steps]
    assert len(program["connections"]) == 0
    assert program.faults() == {}


def test_syn_flood(port: Callable[..., Any]) -> None:
    program = port("syn_flood", most=3)
    frames = [ethernet(ipv4(tcp(b"", 1000 + n, 80, SYN), 6, f"203.0.113.{n}", INSIDE)) for n in range(5)]
    actions = [program.run(frame) for frame in frames]
    assert actions in ([XDP.PASS] * 3 + [XDP.DROP] * 2, [XDP.PASS] * 5), "all pass only where a window ended between"
    assert program.run(ethernet(ipv4(tcp(b"", 1, 80, ACK), 6, "203.0.113.9", INSIDE))) == XDP.PASS
    assert program.run(ethernet(ipv4(tcp(b"", 1, 80, SYN), 6, "203.0.114.9", INSIDE))) == XDP.PASS
    (count, other) = sorted(value.syns for values in program["counts"].values() for value in values if value.syns)[-2:]
    assert (count, other) == (1, 5)


def test_flow_records(port: Callable[..., Any]) -> None:
    program = port("flow_records")
    for frame in (out(SYN), back(SYN | ACK), out(ACK), out(ACK), back(ACK), out(FIN | ACK), out(SYN, 6000)):
        assert program.run(frame) == XDP.PASS
    (event,) = program["finished"].poll(0)
    assert (str(event.key.source), event.key.source_port, event.key.dest_port) == (INSIDE, 4000, 443)
    assert (event.record.packets, event.record.bytes, event.record.flags) == (4, 160, SYN | ACK | FIN)
    assert event.record.first < event.record.last
    left = {(str(key.source), key.source_port): value.packets for key, value in program["flows"].items()}
    assert left == {(OUTSIDE, 443): 2, (INSIDE, 6000): 1}


def test_bloom_by_hand(port: Callable[..., Any]) -> None:
    program = port("bloom_by_hand")

    def hashed(x: int, seed: int) -> int:
        x ^= seed
        x = (x ^ x >> 16) * 0x7FEB352D % 2**32
        x = (x ^ x >> 15) * 0x846CA68B % 2**32
        return x ^ x >> 16

    bits: set[int] = set()
    new = 0
    for number in range(200):
        address = 0x0A000000 + number * 7 % 151
        wanted = {hashed(address, seed) % 4096 for seed in (0x9E37, 0x79B9, 0x7F4A, 0x7C15)}
        new += not wanted <= bits
        bits |= wanted
        source = ".".join(str(byte) for byte in address.to_bytes(4, "big"))
        program.run(ethernet(ipv4(udp(b""), 17, source=source)))
    assert (program["new"], program["set_bits"]) == (new, len(bits))
    words = list(program["filter"])
    assert {i * 64 + bit for i, word in enumerate(words) for bit in range(64) if word >> bit & 1} == bits


def test_vxlan(port: Callable[..., Any]) -> None:
    program = port("vxlan")
    expected: Counter[tuple[int, str]] = Counter()
    for network, dest in ((7, "172.16.0.1"), (7, "172.16.0.2"), (0xABCDEF, "172.16.0.1"), (7, "172.16.0.1")):
        inner = ethernet(ipv4(udp(b"x"), 17, dest=dest))
        tunnel = struct.pack(">BBHI", 8, 0, 0, network << 8) + inner
        assert program.run(ethernet(ipv4(udp(tunnel, 50000, 4789), 17))) == XDP.PASS
        expected[network, dest] += 1
    found = {(key.network, str(key.dest)): count for key, count in program["inner"].items()}
    assert found == dict(expected)
    bad = struct.pack(">BBHI", 0, 0, 0, 7 << 8) + bytes(40)
    assert program.run(ethernet(ipv4(udp(bad, 50000, 4789), 17))) == XDP.DROP


def client_hello(name: bytes, before: list[bytes]) -> bytes:
    names = struct.pack(">HBH", len(name) + 3, 0, len(name)) + name
    extensions = b"".join(before) + struct.pack(">HH", 0, len(names)) + names
    body = b"\x03\x03" + bytes(32) + b"\x20" + bytes(32) + struct.pack(">H", 4) + bytes(4) + b"\x01\x00"
    body += struct.pack(">H", len(extensions)) + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return struct.pack(">BHH", 22, 0x0301, len(handshake)) + handshake


def test_tls_server_name(port: Callable[..., Any]) -> None:
    program = port("tls_server_name")
    grease = [
        struct.pack(">HH", 0x1A1A, 0),
        struct.pack(">HH", 43, 5) + bytes(5),
        struct.pack(">HH", 51, 300) + bytes(300),
    ]
    asked = [(b"example.org", []), (b"a.very-long.name.of-a.server.example.com", grease), (b"example.org", grease[:1])]
    for name, before in asked:
        assert program.run(ethernet(ipv4(tcp(client_hello(name, before), flags=ACK), 6))) == XDP.PASS
    found = {bytes(key.letters).rstrip(b"\0"): count for key, count in program["names"].items()}
    assert found == dict(Counter(name for name, _ in asked))
    without = client_hello(b"", grease * 9)
    assert program.run(ethernet(ipv4(tcp(without, flags=ACK), 6))) == XDP.PASS
    assert program.run(ethernet(ipv4(tcp(client_hello(b"x.org", [])[:60], flags=ACK), 6))) == XDP.PASS
    assert program.faults() == {"PacketTooShort": 1}


@pytest.mark.parametrize("port", ["kernel"], indirect=True)  # which is attached
def test_dns_sampler(port: Callable[..., Any]) -> None:
    """On a Unix socket, whose datagrams here are whole frames."""
    program = port("dns_sampler")
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        other.setblocking(False)
        program.session.attach("sample", other)

        def kept(frame: bytes) -> bool:
            try:
                one.send(frame)
                return other.recv(2000) == frame
            except (BlockingIOError, PermissionError):
                return False

        def answer(flags: int) -> bytes:
            return ethernet(ipv4(udp(struct.pack(">HH", 1, flags) + bytes(8), 53, 4000), 17))

        assert [kept(answer(0x8183)) for _ in range(9)] == [True, False, False, False] * 2 + [True]
        assert not any(kept(answer(flags)) for flags in (0x8180, 0x0103))
        assert not kept(ethernet(ipv4(udp(bytes(12), 4000, 53), 17)))
    assert program["answers"] == 9
