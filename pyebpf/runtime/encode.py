"""Python → memory: keys and values of maps, variables."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from sys import byteorder
from typing import Any, Literal

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.runtime.decode import bits_unit, number_format


def encode(type: layout.Type, value: object, what: str = "value") -> bytes:
    """`value` as bytes of `type`. Raises TypeError, OverflowError or ValueError that name `what`."""
    match type:
        case layout.Integer():
            return _integer(type, value, what)
        case layout.Enumeration():
            return _integer(type.base, _member(type, value, what), what)
        case layout.Boolean():
            if not isinstance(value, bool) and value not in (0, 1):
                raise TypeError(f"{what} is a bool, not {value!r}")
            return bytes([bool(value)])
        case layout.Text():
            return _text(type, value, what)
        case layout.Array():
            return _array(type, value, what)
        case layout.Address():
            return _address(type, value, what)
        case layout.Struct():
            return _struct(type, value, what)


def _member(type: layout.Enumeration, value: object, what: str) -> object:
    if isinstance(value, str):
        for name, number in type.members:
            if name == value:
                return number
        raise ValueError(f"{what}: {type.name} has no member {value!r}")
    return value


def _integer(type: layout.Integer, value: object, what: str) -> bytes:
    if type.view == "ipv4" and isinstance(value, str | IPv4Address):
        try:
            value = int(IPv4Address(value))
        except ValueError as error:
            raise ValueError(f"{what}: {error}") from None
    if isinstance(value, float | str | bytes) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} is {type}, not {value!r}")
    number = int(value.__index__())
    if not type.minimum <= number <= type.maximum:
        raise OverflowError(f"{what} is {type}, which holds {type.minimum} to {type.maximum}, not {number}")
    return struct.pack(number_format(type), number)


def _text(type: layout.Text, value: object, what: str) -> bytes:
    if isinstance(value, str):
        try:
            value = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise ValueError(f"{what}: {error}") from None
    if not isinstance(value, bytes | bytearray):
        raise TypeError(f"{what} is text, not {value!r}")
    if len(value) > type.length:
        raise OverflowError(f"{what} is {type}, which is shorter than {len(value)} bytes")
    return bytes(value).ljust(type.length, b"\0")


def _array(type: layout.Array, value: object, what: str) -> bytes:
    items = list(value) if hasattr(value, "__iter__") else None
    if items is None or len(items) != type.length:
        raise TypeError(f"{what} is {type}: {type.length} values, not {value!r}")
    return b"".join(encode(type.element, item, f"{what}[{index}]") for index, item in enumerate(items))


def _address(type: layout.Address, value: object, what: str) -> bytes:
    if isinstance(value, bytes) and len(value) == type.size:
        return value
    try:
        if type.view == "ipv6" and isinstance(value, str | int | IPv6Address):
            return IPv6Address(value).packed
        if type.view == "mac" and isinstance(value, str | MacAddress):
            return (value if isinstance(value, MacAddress) else MacAddress(value)).packed
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    raise TypeError(f"{what} is {type}, not {value!r}")


def _struct(type: layout.Struct, value: object, what: str) -> bytes:
    """From an instance of the struct, a mapping, or a tuple in the fields' order; missing fields of mappings are
    zero."""
    data = bytearray(type.size)
    for field, item in _items(type, value, what):
        place = f"{what}.{field.name}"
        if field.bits:
            _bits(data, field, item, place)
        else:
            data[field.offset : field.offset + field.type.size] = encode(field.type, item, place)
    return bytes(data)


def _items(type: layout.Struct, value: Any, what: str) -> list[tuple[layout.Field, object]]:
    if isinstance(value, Mapping):
        unknown = [name for name in value if type.field(str(name)) is None]
        if unknown:
            raise TypeError(f"{what}: {type} has no field {unknown[0]!r}")
        return [(field, value[field.name]) for field in type.fields if field.name in value]
    if isinstance(value, tuple):
        if len(value) != len(type.fields):
            raise TypeError(f"{what} is {type} with {len(type.fields)} fields, not {value!r}")
        return list(zip(type.fields, value, strict=True))
    if all(hasattr(value, field.name) for field in type.fields):
        return [(field, getattr(value, field.name)) for field in type.fields]
    raise TypeError(f"{what} is {type}, not {value!r}")


def _bits(data: bytearray, field: layout.Field, value: Any, what: str) -> None:
    unit = bits_unit(field.type)
    if unit is None:
        raise TypeError(f"{what} is {field.type}, which has no bit fields")
    value = _member(field.type, value, what) if isinstance(field.type, layout.Enumeration) else value
    if isinstance(value, float | str | bytes) or not hasattr(value, "__index__"):
        raise TypeError(f"{what} is {field.type}, not {value!r}")
    number, mask = int(value.__index__()), (1 << field.bits) - 1
    least = -(1 << field.bits - 1) if unit.signed else 0
    if not least <= number <= least + mask:
        raise OverflowError(f"{what} has {field.bits} bits, which hold {least} to {least + mask}, not {number}")
    place = slice(field.offset, field.offset + unit.size)
    order: Literal["big", "little"] = "big" if unit.big_endian or byteorder == "big" else "little"
    old = int.from_bytes(data[place], order)
    new = old & ~(mask << field.bit_offset) | (number & mask) << field.bit_offset
    data[place] = new.to_bytes(unit.size, order)
