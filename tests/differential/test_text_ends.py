"""What lies behind a text's NUL never counts, and never goes into a key or a value."""

from __future__ import annotations

import ctypes
import struct
from pathlib import Path

import pytest

import pyebpf

pytestmark = pytest.mark.kernel

DROP = 1


def test_text_of_a_packet_as_key(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
texts = Hash[char[12], u64](max_entries=8)
out = Global[u64](0)

@xdp
def probe(packet):
    text = packet.load(3, char[12])
    texts[text] += 1
    out.value = texts["caf\u00e9"] if text == "caf\u00e9" else texts[packet.load(3, char[12])] * 100
    return XDP.DROP
""")
    for rest, count in ((b"\0\0\0", 1), (b"\0x\0", 2), (b"\0abcdefg", 3)):
        assert probe.run((b"abccaf\xc3\xa9" + rest).ljust(64, b"z")) == DROP
        assert probe.out() == count
    assert probe.run(b"abc0123456789abcdefg".ljust(64, b"z")) == DROP
    assert probe.out() == 100


def test_text_of_a_union_as_key(load) -> None:  # type: ignore[no-untyped-def]
    probe = load("""
from pyebpf import union

@struct
class Named:
    text: char[8]
    id: u32

@union
class Word:
    number: u64
    text: char[8]
    named: Named

texts = Hash[char[8], u64](max_entries=8)
out = Global[u64](0)

@xdp
def probe(packet):
    word = Word(number=packet.load(0, u64))
    texts[word.text] = 1
    texts[word.named.text] += 2
    out.value = texts["ab"]
    return XDP.DROP
""")
    for rest in (b"\0\0\0\0\0\0", b"\0zzzzz", b"\0\0abcd"):
        assert probe.run(b"ab" + rest + bytes(56)) == DROP
        assert probe.out() == 3


def test_text_that_an_event_had_before(tmp_path: Path) -> None:
    """The ring is in use for the second time: earlier records lie where the event is."""
    path = tmp_path / "tails.py"
    path.write_text("""
from pyebpf import Hash, RingBuf, char, raw_tracepoint, struct, u32, u64, user_str

@struct
class Event:
    id: u32
    text: char[64]
    other: char[16]

ring = RingBuf[Event](size=4096)
texts = Hash[char[64], u64](max_entries=8)
events = Hash[Event, u64](max_entries=8)

@raw_tracepoint("sys_enter")
def probe(ctx):
    with ring.reserve() as event:
        event.id = 1
        event.text = user_str(ctx.args[0])
        texts[event.text] += 1
        events[event] += 1
""")
    long, short = ctypes.create_string_buffer(b"x" * 63), ctypes.create_string_buffer(b"hello")
    with pyebpf.load(path, attach=False) as session:
        for number in range(100):
            for text in (long, short):
                session.programs["probe"].test_run(ctx=struct.pack("<2Q", ctypes.addressof(text), 0))
            assert [event.text for event in session.maps["ring"].poll(0)] == ["x" * 63, "hello"], number
        assert session.maps["texts"].to_dict() == {"x" * 63: 100, "hello": 100}
        assert sorted(session.maps["events"].to_dict().values()) == [100, 100]
