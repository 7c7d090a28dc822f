"""Ports that compute: each against the same in plain Python."""

from __future__ import annotations

import random
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
