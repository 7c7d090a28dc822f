"""Memory → Python: a decoder for each layout, made once and called for every value."""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, TypeAlias

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.encode import RawText, bits_unit, number_format, record_class

Decoder: TypeAlias = Callable[[bytes, int], Any]
"""Takes bytes and the offset in them."""


@cache
def decoder(type: layout.Type) -> Decoder:
    """The decoder of a layout. Structs become named tuples, text becomes str, addresses their own objects."""
    match type:
        case layout.Integer(view="ipv4"):
            read = _number(type)
            return lambda data, offset: IPv4Address(read(data, offset))
        case layout.Integer():
            return _number(type)
        case layout.Boolean():
            return lambda data, offset: data[offset] != 0
        case layout.Enumeration():
            return _enumeration(type)
        case layout.Text():
            return _text(type.length)
        case layout.Array():
            return _array(type)
        case layout.Address():
            return _address(type)
        case layout.IPV4_NETWORK | layout.IPV6_NETWORK:
            return _network(type)
        case layout.Struct():
            return _struct(type)


def _number(type: layout.Integer) -> Decoder:
    unpack = struct.Struct(number_format(type)).unpack_from
    return lambda data, offset: unpack(data, offset)[0]


@cache
def enum_members(type: layout.Enumeration) -> dict[int, IntEnum]:
    """The members of an IntEnum like `type`, by value. Names that Python's enums can't have are left out."""
    names: dict[str, int] = {}
    for name, value in type.members:
        if name.isidentifier() and name != "mro" and not (name[0] == "_" == name[-1]):
            names.setdefault(name, value)
    make: Callable[..., Any] = IntEnum
    return {int(member): member for member in make(type.name, list(names.items()))}


def _enumeration(type: layout.Enumeration) -> Decoder:
    read, members = _number(type.base), enum_members(type)

    def decode(data: bytes, offset: int) -> Any:
        value = read(data, offset)
        return members.get(value, value)

    return decode


def _text(length: int) -> Decoder:
    def decode(data: bytes, offset: int) -> str:
        found = bytes(data[offset : offset + length]).split(b"\0", 1)[0]
        try:
            return found.decode()
        except UnicodeDecodeError:
            return RawText(found)

    return decode


def _array(type: layout.Array) -> Decoder:
    element, size = decoder(type.element), type.element.size
    steps = range(0, type.size, size)
    return lambda data, offset: tuple(element(data, offset + step) for step in steps)


def _address(type: layout.Address) -> Decoder:
    make: Callable[[bytes], Any] = IPv6Address if type.view == "ipv6" else MacAddress
    size = type.size
    return lambda data, offset: make(bytes(data[offset : offset + size]))


def _network(type: layout.Struct) -> Decoder:
    make: Callable[[Any], Any] = IPv4Network if type == layout.IPV4_NETWORK else IPv6Network
    bits, size = _number(layout.U32), type.size - 4
    return lambda data, offset: make((bytes(data[offset + 4 : offset + 4 + size]), bits(data, offset)))


def _struct(type: layout.Struct) -> Decoder:
    make = record_class(type)._make
    parts = [(_field(field), field.offset) for field in type.fields]
    return lambda data, offset: make([read(data, offset + at) for read, at in parts])


def _field(field: layout.Field) -> Decoder:
    unit = bits_unit(field.type)
    if not field.bits or unit is None:
        return decoder(field.type)
    read, shift, mask = _number(unit), field.bit_offset, (1 << field.bits) - 1
    sign = 1 << field.bits - 1 if unit.signed else 0
    members: dict[int, Any] = {}
    match field.type:
        case layout.Boolean():
            members = {0: False, 1: True}
        case layout.Enumeration():
            members = dict(enum_members(field.type))

    def decode(data: bytes, offset: int) -> Any:
        value = ((read(data, offset) >> shift & mask) ^ sign) - sign
        return members.get(value, value)

    return decode
