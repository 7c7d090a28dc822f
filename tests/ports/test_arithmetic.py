"""Ports that compute: each against the same in plain Python."""

from __future__ import annotations

import base64
import itertools
import math
import random
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from packets import ethernet, ipv4, udp

from pyebpf import XDP

pytestmark = pytest.mark.kernel


def test_crc32(port: Callable[..., Any]) -> None:
    program = port("crc32")
    for packet in (bytes(14), bytes(range(100)), random.Random(1).randbytes(128), random.Random(2).randbytes(400)):
        program.run(packet)
        assert program["crc"] == zlib.crc32(packet[:128])


def test_sorting(port: Callable[..., Any]) -> None:
    program = port("sorting")
    chance = random.Random(3)
    for _ in range(10):
        numbers = [chance.choice((0, 1, chance.getrandbits(32), 2**32 - 1)) for _ in range(12)]
        program["data"][0] = {"v": numbers}
        program.run(bytes(14))
        ordered = sorted(numbers)
        assert list(program["data"][0].v) == ordered
        assert program["median"] == ordered[6]
        assert program["squares"] == sum(n * n for n in ordered[7:]) % 2**64
    assert program.faults() == {}


def test_sieve(port: Callable[..., Any]) -> None:
    program = port("sieve")
    program.run(bytes(14))
    assert program["primes"] == sum(all(n % d for d in range(2, n)) for n in range(2, 200)) == 46


def test_matrix(port: Callable[..., Any]) -> None:
    program = port("matrix")
    prime = 1_000_000_007
    chance = random.Random(4)
    a, b = ([chance.randrange(prime) for _ in range(16)] for _ in range(2))
    program["operands"][0], program["operands"][1] = {"v": a}, {"v": b}
    program.run(bytes(14))
    product = [sum(a[i * 4 + k] * b[k * 4 + j] for k in range(4)) % prime for i in range(4) for j in range(4)]
    assert list(program["operands"][2].v) == product
    x, y = 0, 1
    for _ in range(90):
        x, y = y, x + y
    assert program["fibonacci"] == x % prime


def test_token_bucket(port: Callable[..., Any]) -> None:
    program = port("token_bucket", rate=1, burst=3)
    frame = ethernet(ipv4(udp(b""), 17))
    assert [program.run(frame) for _ in range(5)] == [XDP.PASS] * 3 + [XDP.DROP] * 2
    assert program.run(ethernet(ipv4(udp(b""), 17, source="10.0.0.9"))) == XDP.PASS
    bucket = program["buckets"]["10.0.0.2"]
    earlier = bucket._replace(filled=bucket.filled - 2_500_000_000)
    program["buckets"]["10.0.0.2"] = earlier
    assert [program.run(frame) for _ in range(4)] == [XDP.PASS] * 2 + [XDP.DROP] * 2


def siphash(key: bytes, data: bytes) -> int:
    """SipHash-2-4, as its paper has it."""
    mask = 2**64 - 1
    k0, k1 = (int.from_bytes(key[i : i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def left(x: int, n: int) -> int:
        return (x << n | x >> (64 - n)) & mask

    def mix() -> None:
        v[0] = (v[0] + v[1]) & mask
        v[1] = left(v[1], 13) ^ v[0]
        v[0] = left(v[0], 32)
        v[2] = (v[2] + v[3]) & mask
        v[3] = left(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & mask
        v[3] = left(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & mask
        v[1] = left(v[1], 17) ^ v[2]
        v[2] = left(v[2], 32)

    tail = data[len(data) // 8 * 8 :]
    words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data) // 8 * 8, 8)]
    words.append(int.from_bytes(tail, "little") | (len(data) & 0xFF) << 56)
    for word in words:
        v[3] ^= word
        mix()
        mix()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        mix()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def test_siphash(port: Callable[..., Any]) -> None:
    assert siphash(bytes(range(16)), bytes(range(15))) == 0xA129CA6149BE45E5, "the example of the paper"
    program = port("siphash")
    for packet in (bytes(range(32)), random.Random(5).randbytes(64)):
        program.run(packet)
        assert program["digest"] == siphash(bytes(range(16)), packet[:32])


def test_bitmap_allocator(port: Callable[..., Any]) -> None:
    program = port("bitmap_allocator")
    take = bytes(14)
    given = []
    for _ in range(256):
        assert program.run(take) == XDP.PASS
        given.append(program["number"])
    assert given == list(range(256))
    assert program.run(take) == XDP.DROP
    for number in (255, 64, 3):
        assert program.run(bytes([1, number]) + bytes(12)) == XDP.PASS
    again = []
    for _ in range(3):
        program.run(take)
        again.append(program["number"])
    assert again == [3, 64, 255]
    assert program.run(take) == XDP.DROP


def test_base64(port: Callable[..., Any]) -> None:
    program = port("base64")
    for packet in (bytes(range(24)), bytes([255] * 24), random.Random(6).randbytes(24)):
        program.run(packet)
        assert bytes(program["encoded"][0].letters) == base64.b64encode(packet)


def test_utf8(port: Callable[..., Any]) -> None:
    program = port("utf8")
    chance = random.Random(7)
    texts = ["", "plain", "naïve", "日本語", "🐝 bee", "\U0010ffff\uffff\u07ff\x7f"]
    payloads = [text.encode() for text in texts] + [chance.randbytes(6) for _ in range(200)]
    payloads += [b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xe2\x28\xa1", b"\x80", b"\xff"]
    for payload in payloads:
        try:
            expected = len(payload.decode())
        except UnicodeDecodeError:
            assert program.run(bytes(14) + payload) == XDP.DROP, payload
        else:
            assert program.run(bytes(14) + payload) == XDP.PASS, payload
            assert program["characters"] == expected


def test_moving_average(port: Callable[..., Any]) -> None:
    program = port("ewma")
    average = deviation = 0
    chance = random.Random(8)
    for number in range(50):
        size = chance.choice((14, 60, 64, 300, 1500))
        program.run(bytes(size))
        if number == 0:
            average, deviation = size * 8, size * 2
        else:
            error = size - (average >> 3)
            average += error
            deviation += abs(error) - (deviation >> 2)
        assert (program["average"], program["deviation"]) == (average, deviation)


def test_random_numbers(port: Callable[..., Any]) -> None:
    program = port("random_numbers")
    x, register, mask = 88172645463325252, 0xACE1, 2**64 - 1
    for _ in range(20):
        program.run(bytes(14))
        x ^= x << 13 & mask
        x ^= x >> 7
        x ^= x << 17 & mask
        ones = 0
        for _ in range(64):
            low = register & 1
            register = register >> 1 ^ 0xB400 * low
            ones += low
        assert (program["state"], program["register"], program["ones"]) == (x, register, ones)


def test_run_lengths(port: Callable[..., Any]) -> None:
    program = port("run_lengths")
    chance = random.Random(9)
    payloads = [b"", b"a", b"aaab", bytes(128), bytes(range(31)), bytes(range(33)), b"ab" * 60]
    payloads += [b"".join(bytes([chance.randrange(4)]) * chance.randrange(1, 20) for _ in range(8)) for _ in range(20)]
    for payload in payloads:
        runs = [(len(list(group)), byte) for byte, group in itertools.groupby(payload[:128])]
        packet = bytes(14) + payload
        if len(runs) > 32:
            assert program.run(packet) == XDP.DROP
            continue
        assert program.run(packet) == XDP.PASS
        found = program["packed"][0]
        assert bytes(found.data[: found.length]) == bytes(number for run in runs for number in run)


def test_json_depth(port: Callable[..., Any]) -> None:
    program = port("json_depth")
    texts = ["{}", '{"a": [1, {"b": "}]\\""}], "c": "\\\\"}', "[" * 16 + "]" * 16, '["é", [[]]]', "12"]
    for text in texts:
        depth = 0
        deepest = 0
        for letter in re.sub(r'"(?:\\.|[^"\\])*"', "", text):
            depth += (letter in "[{") - (letter in "]}")
            deepest = max(deepest, depth)
        assert program.run(bytes(14) + text.encode()) == XDP.PASS, text
        assert program["deepest"] == deepest
        assert program["strings"] == len(re.findall(r'"(?:\\.|[^"\\])*"', text))
    for wrong in ("[}", "[", "]", '{"a', "[" * 17 + "]" * 17, '{"a": [}]'):
        assert program.run(bytes(14) + wrong.encode()) == XDP.DROP, wrong


def test_square_roots(port: Callable[..., Any]) -> None:
    program = port("square_roots")
    chance = random.Random(10)
    numbers = [(0, 0, 0), (1, 1, 1), (2**32 - 1, 2**32 - 2, 65521), (144, 89, 2), (3**20 % 2**32, 3**15, 65535)]
    numbers += [(chance.getrandbits(32), chance.getrandbits(32), chance.getrandbits(16)) for _ in range(50)]
    for a, b, c in numbers:
        program.run(struct.pack("<IIH", a, b, c) + bytes(4))
        assert program["root"] == math.isqrt(a)
        assert program["divisor"] == math.gcd(a, b)
        assert bool(program["prime"]) == (c > 1 and all(c % d for d in range(2, math.isqrt(c) + 1))), c
