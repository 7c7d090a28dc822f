"""Structs of every kind, written by a program and by Python, read by the other: bit fields, unions, arrays, text, and
numbers in network order. On big-endian machines all of it lies otherwise."""

import sys
from ipaddress import IPv4Address

from surroundings import test_run

from pyebpf import XDP, Array, Global, RingBuf, be16, be32, bits, char, i16, struct, u8, u16, u32, u64, union, xdp
from pyebpf import IPv4Address as Ipv4

SINCE = (5, 9)
ATTACH = False


@struct
class Flags:
    low: u16 = bits(3)
    middle: u16 = bits(7)
    high: u16 = bits(6)


@union
class Word:
    number: u32
    bytes: u8[4]


@struct
class Record:
    flags: Flags
    start: Flags
    signed: i16
    port: be16
    word: Word
    address: Ipv4
    big: be32
    cells: u16[3]
    name: char[6]
    total: u64


given = Array[Record](max_entries=1)
told = RingBuf[Record](size=4096)
seen = Global[u64](0)
START = Flags(low=5, middle=100, high=33)


@xdp
def turn(packet):
    record = given[0]
    with told.reserve() as event:
        event.start = START
        event.flags.low = record.flags.high & 7
        event.flags.middle = (record.flags.middle + 2) & 127
        event.flags.high = 33
        event.signed = record.signed >> 1
        event.port = record.port ^ 1
        event.word.number = u32(record.word.number + 1)
        event.address = record.address
        event.big = record.big
        for i in range(3):
            event.cells[i] = record.cells[2 - i]
        event.name = record.name
        event.total = u64(record.total * 3)
    seen.value = u64(record.word.bytes[3])
    return XDP.TX if packet.load(0, u32) == 0x04030201 else XDP.DROP


def check(session):
    number = 0x01020304
    session.maps["given"][0] = {
        "flags": {"low": 1, "middle": 99, "high": 62},
        "signed": -300,
        "port": 443,
        "word": {"number": number},
        "address": "10.1.2.3",
        "big": 0x0A0B0C0D,
        "cells": [1, 0x203, 0xFFFF],
        "name": "hello",
        "total": 0x123456789AB,
    }
    result = test_run(session, "turn", bytes([1, 2, 3, 4]) * 16)
    assert result == (XDP.TX if sys.byteorder == "little" else XDP.DROP)
    assert session.variables["seen"].value == (1 if sys.byteorder == "little" else 4)
    [event] = session.maps["told"].poll()
    assert (event.flags.low, event.flags.middle, event.flags.high) == (6, 101, 33)
    assert (event.start.low, event.start.middle, event.start.high) == (5, 100, 33)
    assert (event.signed, event.port, event.word.number, event.big) == (-150, 442, number + 1, 0x0A0B0C0D)
    assert event.address == IPv4Address("10.1.2.3") and event.name == "hello"
    assert list(event.cells) == [0xFFFF, 0x203, 1] and event.total == 0x123456789AB * 3
