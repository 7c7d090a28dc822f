"""Ports that take packets apart: each against the same computed here in plain Python."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

import packets
import pytest
from packets import ethernet, icmp, ipv4, ipv6, tcp, udp

from pyebpf import XDP

pytestmark = pytest.mark.kernel


def tagged(*ids: int, payload: bytes = b"", proto: int = 0x0800) -> bytes:
    """A frame with VLAN tags, the outermost first."""
    for number in reversed(ids):
        payload = struct.pack(">HH", 0xE000 | number, proto) + payload
        proto = 0x8100
    return ethernet(payload, proto)


def test_vlan_stack(port: Callable[..., Any]) -> None:
    program = port("vlan_stack")
    expected: Counter[int] = Counter()
    for ids in ((), (5,), (5, 7), (4095, 0, 7), (1, 2, 3, 4), (1, 2, 3, 4, 5)):
        assert program.run(tagged(*ids, payload=bytes(46))) == XDP.PASS
        expected.update(ids[:4])
        assert program["inner_protocol"] == (0x8100 if len(ids) > 4 else 0x0800)
    assert {number: count for number, count in enumerate(program["by_vlan"]) if count} == dict(expected)
    assert list(program["by_depth"]) == [1, 1, 1, 1, 2]
    assert program.run(tagged(9)) == XDP.PASS
    assert program.run(ethernet(b"\x00", 0x8100)) == XDP.PASS
    assert program.faults() == {"PacketTooShort": 1}


def extension(following: int, size: int) -> bytes:
    return struct.pack(">BB", following, size // 8 - 1) + bytes(size - 2)


def test_ipv6_extensions(port: Callable[..., Any]) -> None:
    program = port("ipv6_extensions")
    plain = ethernet(ipv6(udp(b"x"), 17), 0x86DD)
    assert program.run(plain) == XDP.PASS
    assert (program["transport"], program["offset"]) == (17, 54)

    chain = extension(43, 16) + extension(44, 8) + extension(60, 8) + extension(6, 24) + tcp()
    assert program.run(ethernet(ipv6(chain, 0), 0x86DD)) == XDP.PASS
    assert (program["transport"], program["offset"]) == (6, 54 + 16 + 8 + 8 + 24)
    assert {number: count for number, count in enumerate(program["seen"]) if count} == {0: 1, 43: 1, 44: 1, 60: 1}

    endless = b"".join(extension(60, 8) for _ in range(20))
    assert program.run(ethernet(ipv6(endless, 60), 0x86DD)) == XDP.DROP
    assert program.run(ethernet(ipv6(extension(60, 2048)[:8], 60), 0x86DD)) == XDP.PASS
    assert program.faults() == {"PacketTooShort": 1}


def test_tcp_options(port: Callable[..., Any]) -> None:
    program = port("tcp_options")
    options = bytes([2, 4, 5, 0xB4, 1, 3, 3, 7, 4, 2, 8, 10]) + struct.pack(">II", 0xDEADBEEF, 0)
    assert program.run(ethernet(ipv4(tcp(options=options), 6))) == XDP.PASS
    assert program.run(ethernet(ipv4(tcp(options=options), 6, options=bytes(8)))) == XDP.PASS
    assert program.run(ethernet(ipv4(tcp(options=bytes([0, 2, 4, 9, 9, 0, 0, 0])), 6))) == XDP.PASS
    assert program.run(ethernet(ipv4(tcp(options=options, flags=packets.ACK), 6))) == XDP.PASS
    assert program.run(ethernet(ipv4(tcp(options=bytes([99, 0, 0, 0])), 6))) == XDP.DROP
    found = [(e.mss, e.window_scale, e.sack, e.timestamp) for e in program["syns"].poll(0)]
    whole = (0x5B4, 7, True, 0xDEADBEEF)
    assert found == [whole, whole, (0, 0, False, 0), (0, 0, False, 0)]


def test_load_balancer(port: Callable[..., Any]) -> None:
    program = port("load_balancer")
    program["services"][{"address": "10.0.0.100", "port": 53}] = 1
    for number in range(4):
        mac = f"02:00:00:00:01:{number:02x}"
        program["backends"][number] = {"address": f"10.1.0.{number}", "mac": mac, "packets": 0}
    for slot in range(251):
        program["slots"][slot] = slot % 4
    chosen: dict[int, set[str]] = {}
    for source in range(1024, 1224):
        frame = ethernet(ipv4(udp(b"question", source), 17, dest="10.0.0.100"))
        for _ in range(2):
            action, data = program.send(frame)
            assert action == XDP.TX
            assert packets.checksum(data[14:34]) == 0, "the header's sum is right again"
            backend = ".".join(map(str, data[30:34]))
            assert data[:6] == bytes([2, 0, 0, 0, 1, data[33]]) and data[6:12] == packets.OURS
            assert data[42:] == b"question"
            chosen.setdefault(source, set()).add(backend)
    assert all(len(backends) == 1 for backends in chosen.values()), "a flow stays where it is"
    shares = Counter(next(iter(backends)) for backends in chosen.values())
    assert len(shares) == 4 and min(shares.values()) > 25
    counted = [program["backends"][number].packets for number in range(4)]
    assert counted == [2 * shares[f"10.1.0.{number}"] for number in range(4)]
    assert program.run(ethernet(ipv4(udp(b"x"), 17, dest="10.0.0.101"))) == XDP.PASS


def test_echo(port: Callable[..., Any]) -> None:
    program = port("echo")
    for payload in (b"", b"abcdefgh", bytes(range(56)), b"\xff" * 31):
        request = ethernet(ipv4(icmp(8, 0, payload), 1))
        action, reply = program.send(request)
        assert action == XDP.TX
        assert (reply[:6], reply[6:12]) == (request[6:12], request[:6])
        assert (reply[26:30], reply[30:34]) == (request[30:34], request[26:30])
        assert reply[34] == 0 and packets.checksum(reply[34:]) == 0 and reply[42:] == payload
    assert program.run(ethernet(ipv4(icmp(0, 0, b""), 1))) == XDP.PASS
    assert program["answered"] == 4


def test_port_knocking(port: Callable[..., Any]) -> None:
    program = port("port_knocking")

    def knock(*ports: int, source: str = "10.0.0.2") -> list[int]:
        return [program.run(ethernet(ipv4(tcp(dest=number), 6, source=source))) for number in ports]

    assert knock(22) == [XDP.DROP]
    assert knock(7000, 9000, 8000, 22) == [XDP.PASS] * 3 + [XDP.DROP]
    assert knock(7000, 8000, 9000, source="10.0.0.3") == [XDP.PASS] * 3
    assert knock(22, source="10.0.0.3") == [XDP.PASS]
    assert knock(22) == [XDP.DROP]


def name_of(labels: bytes) -> bytes:
    """A domain name as DNS writes it."""
    return b"".join(bytes([len(label)]) + label for label in labels.split(b".") if label) + b"\0"


def test_dns_name(port: Callable[..., Any]) -> None:
    program = port("dns_name")
    asked = (b"example.org", b"a.very.long.chain.of.labels.net", b"x", b"", b"example.org")
    for name in asked:
        query = bytes(12) + name_of(name) + struct.pack(">HH", 28, 1)
        assert program.run(ethernet(ipv4(udp(query), 17))) == XDP.PASS
    found = {bytes(key.name).rstrip(b"\0"): count for key, count in program["queries"].items()}
    assert found == dict(Counter(asked))
    assert {key.kind for key in program["queries"]} == {28}
    too_long = bytes(12) + name_of(b".".join([b"a" * 20] * 5)) + bytes(4)
    assert program.run(ethernet(ipv4(udp(too_long), 17))) == XDP.DROP
    assert program.run(ethernet(ipv4(udp(bytes(12) + b"\x05abc"), 17))) == XDP.PASS
    assert program.faults() == {"PacketTooShort": 1}


def tcp_with_checksum(segment: bytes, source: str, dest: str) -> bytes:
    pseudo = bytes(map(int, f"{source}.{dest}".split("."))) + struct.pack(">HH", 6, len(segment))
    return segment[:16] + struct.pack(">H", packets.checksum(pseudo + segment)) + segment[18:]


def test_nat(port: Callable[..., Any]) -> None:
    program = port("nat")
    program["outward"][{"address": "10.0.0.2", "port": 4000}] = 60001
    program["inward"][60001] = {"address": "10.0.0.2", "port": 4000}

    def sums(frame: bytes) -> tuple[int, int]:
        pseudo = frame[26:34] + struct.pack(">HH", 6, len(frame) - 34)
        return packets.checksum(frame[14:34]), packets.checksum(pseudo + frame[34:])

    out = ethernet(ipv4(tcp_with_checksum(tcp(b"hello", 4000, 80), "10.0.0.2", "198.51.100.7"), 6, dest="198.51.100.7"))
    assert sums(out) == (0, 0)
    action, sent = program.send(out)
    assert action == XDP.TX
    assert sent[26:30] == bytes([192, 0, 2, 1]) and sent[34:36] == struct.pack(">H", 60001)
    assert sent[30:34] == out[30:34] and sent[36:38] == out[36:38]
    assert sums(sent) == (0, 0)

    answer = tcp_with_checksum(tcp(b"world", 80, 60001), "198.51.100.7", "192.0.2.1")
    action, back = program.send(ethernet(ipv4(answer, 6, source="198.51.100.7", dest="192.0.2.1")))
    assert action == XDP.TX
    assert back[30:34] == bytes([10, 0, 0, 2]) and back[36:38] == struct.pack(">H", 4000)
    assert sums(back) == (0, 0)
    stray = tcp_with_checksum(tcp(b"", 80, 60002), "198.51.100.7", "192.0.2.1")
    assert program.run(ethernet(ipv4(stray, 6, source="198.51.100.7", dest="192.0.2.1"))) == XDP.DROP
    assert program.run(ethernet(ipv4(tcp(b"", 4001), 6))) == XDP.PASS


def fragment(number: int, offset: int, more: bool, size: int) -> bytes:
    head = bytearray(ipv4(bytes(size), 17))
    head[4:6] = struct.pack(">H", number)
    head[6:8] = struct.pack(">H", (0x2000 if more else 0) | offset // 8)
    return ethernet(bytes(head))


def test_fragments(port: Callable[..., Any]) -> None:
    program = port("fragments")
    pieces = [
        fragment(1, 0, True, 800), fragment(2, 1600, False, 100), fragment(1, 800, True, 800),
        fragment(2, 0, True, 800), fragment(1, 1600, False, 77), fragment(3, 0, True, 8), fragment(9, 0, False, 50),
    ]  # fmt: skip
    for piece in pieces:
        assert program.run(piece) == XDP.PASS
    assert program["whole"] == 1
    left = {key.id: value for key, value in program["open_ones"].items()}
    assert {number: (value.bytes, value.length, value.count) for number, value in left.items()} == {
        2: (900, 1700, 2),
        3: (8, 0, 1),
    }
    assert program.run(fragment(2, 800, True, 800)) == XDP.PASS
    assert program["whole"] == 2


def test_http_method(port: Callable[..., Any]) -> None:
    program = port("http_method")
    lines = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /admin/users HTTP/1.1\r\n", b"GET /administrator?x=1 HTTP",
        b"DELETE /adm/thing HTTP/1.1\r\n", b"get / HTTP/1.1\r\nHost: abc\r\n", b"NOTHING-OF-THE-KIND AT ALL",
    ]  # fmt: skip
    for line in lines:
        assert program.run(ethernet(ipv4(tcp(line, flags=packets.ACK), 6))) == XDP.PASS
    assert dict(program["methods"].items()) == {"GET": 2, "POST": 1, "DELETE": 1}
    assert program["admin"] == 2
