"""Rings whose records have any length: what a probe puts in comes out, in the simulator as in the kernel."""

from __future__ import annotations

from typing import Any

import both_ways
import pytest

from pyebpf.testing import Simulator

PACKET = bytes(range(64))
HEAD = """
from pyebpf import *

@struct
class Head:
    number: u32
    flag: u8

n, data = Global[u64](5), Global[u8[64]]()
words = Global[u32[4]]()
"""


simulate, load = both_ways.simulate, both_ways.load


def test_bytes(load: Any, simulate: Simulator) -> None:
    """A slice ends where its array does, as in Python; of wider elements it has so many."""
    probes = load("""
blobs = RingBuf[bytes](size=4096)

@xdp
def probe(packet):
    blobs.output(data.value[:n.value])
    blobs.output(words.value[:n.value])
    blobs.output(data.value[2:6])
    blobs.output(Head(number=1, flag=2))
    return XDP.DROP
""")
    probes.data.value, probes.words.value = tuple(range(64)), (1, 2, 3, 4)
    words = b"".join(number.to_bytes(4, "little") for number in (1, 2, 3, 4))
    for count in (0, 1, 4, 5, 63, 64, 65, 1 << 40):
        probes.n.value = count
        assert simulate(probes.probe, packet=PACKET).events == [
            *(bytes(range(64))[:count], words[: 4 * count], bytes(range(2, 6)), b"\1\0\0\0\2\0\0\0"),
        ]
        probes.blobs.poll()


def test_text(load: Any, simulate: Simulator) -> None:
    probes = load("""
lines = RingBuf[str](size=4096)
names = Hash[u32, char[16]](max_entries=4)

@xdp
def probe(packet):
    lines.output("")
    lines.output("häuser")
    lines.output(f"{n.value} bytes")
    name: char[64] = f"{n.value:>20}"
    lines.output(name)
    lines.output(names[1])
    lines.output(name[15:])
    return XDP.DROP
""")
    for name in ("", "größe", "sixteen letters!"):
        probes.names[1] = name
        assert simulate(probes.probe, packet=PACKET).events == [
            *("", "häuser", "5 bytes", f"{5:>20}", name, "    5"),
        ]


def test_a_struct_and_what_follows_it(load: Any, simulate: Simulator) -> None:
    """One record of both, from any place: a loop that the kernel runs, a function that is called, a `try`."""
    probes = load("""
pairs = RingBuf[Head, bytes](size=65536)
notes = RingBuf[Head, str](size=4096)
rounds = Global[u64](3)

@function
def send(number, count):
    head = Head(number=number)
    if count > 2:
        pairs.output(head, data.value[:n.value])
    else:
        head.flag = 1
        pairs.output(head, data.value[:count])

@xdp
def probe(packet):
    for i in range(min(rounds.value, 100_000)):
        send(u32(i), i)
    send(77, 3)
    try:
        if n.value == 64:
            raise ValueError("too many")
        pairs.output(Head(number=9), words.value)
    except ValueError:
        notes.output(Head(number=7), f"{n.value} are too many")
    return XDP.DROP
""")
    probes.data.value, probes.words.value = tuple(range(64)), (1, 2, 3, 4)
    probes.rounds.value = 4
    result = simulate(probes.probe, packet=PACKET)
    assert result.fault is None
    assert [((head.number, head.flag), rest) for head, rest in result.events] == [
        *(((0, 1), b""), ((1, 1), b"\0"), ((2, 1), b"\0\1"), ((3, 0), bytes(range(5))), ((77, 0), bytes(range(5)))),
        ((9, 0), b"\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0"),
    ]
    probes.n.value, probes.rounds.value = 64, 0
    assert simulate(probes.probe, packet=PACKET).events == [
        ((77, 0), bytes(range(64))),
        ((7, 0), "64 are too many"),
    ]


def test_a_full_ring_is_counted(load: Any, simulate: Simulator) -> None:
    """What finds no room is dropped, whole; the ring goes on when it has been read."""
    probes = load("""
blobs = RingBuf[bytes](size=4096)
pairs = RingBuf[Head, bytes](size=4096)

@xdp
def probe(packet):
    for _ in range(70):
        blobs.output(data.value)
    for _ in range(70):
        pairs.output(Head(), data.value[:n.value])
    return XDP.DROP
""")
    for turn in (1, 2):
        probes.n.value = 64
        events = simulate(probes.probe, packet=PACKET).events
        assert len(events) == (4096 - 1) // 72 + (4096 - 1) // 80
        assert (probes.blobs.dropped, probes.pairs.dropped) == (14 * turn, 19 * turn)
        probes.blobs.poll(), probes.pairs.poll()
    with pytest.raises(TypeError, match="no certain length"):
        probes.blobs.read_numpy()
    assert "of bytes" in repr(probes.blobs.view) and "of Head, bytes" in repr(probes.pairs.view)
