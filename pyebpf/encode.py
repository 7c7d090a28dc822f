"""Python → memory: keys and values of maps, variables and their first values, settings."""

from __future__ import annotations

import struct
from collections import namedtuple
from collections.abc import Mapping
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from keyword import iskeyword
from sys import byteorder
from typing import Any, Final, Literal, TypeAlias

from pyebpf import layout
from pyebpf.addresses import MacAddress

CODES = {(1, False): "B", (1, True): "b", (2, False): "H", (2, True): "h", (4, False): "I", (4, True): "i"} | {
    (8, False): "Q",
    (8, True): "q",
}
_NO_ORDER = (set, frozenset, Mapping)
"""Iterables whose items are in no order that an array could have."""


class RawText(str):
    """Text that isn't UTF-8: it shows what can't be decoded as escapes, and keeps its bytes, so that it still is the
    key that it was read as."""

    raw: bytes

    def __new__(cls, raw: bytes) -> RawText:
        text = super().__new__(cls, raw.decode("utf-8", "backslashreplace"))
        text.raw = raw
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RawText) and self.raw == other.raw

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.raw)

    def __getnewargs__(self) -> tuple[bytes]:  # type: ignore[override]
        return (self.raw,)


@cache
def record_class(type: layout.Struct) -> Any:
    """The named tuple that a struct decodes to."""
    name = type.name if type.name.isidentifier() and not iskeyword(type.name) else "Record"  # C has a `struct class`
    return namedtuple(name, [field.name for field in type.fields], rename=True)


Order: TypeAlias = Literal["=", "<", ">"]
"""Of the bytes in numbers, as `struct` has it: this machine's, little-endian, big-endian."""
NAMES: Final[dict[str, Literal["little", "big"]]] = {"<": "little", ">": "big"}


def number_format(type: layout.Integer, order: Order = "=") -> str:
    """The `struct` format of an integer."""
    return (">" if type.big_endian else order) + CODES[type.size, type.signed]


def bits_unit(type: layout.Type) -> layout.Integer | None:
    """The integer that bit fields of `type` are cut from; None where there are no such bit fields."""
    match type:
        case layout.Integer():
            return type
        case layout.Boolean():
            return layout.U8
        case layout.Enumeration():
            return type.base
        case _:
            return None


def encode(type: layout.Type, value: object, what: str = "value", order: Order = "=") -> bytes:
    """`value` as bytes of `type`. Raises TypeError, OverflowError or ValueError that name `what`."""
    match type:
        case layout.Integer():
            return _integer(type, value, what, order)
        case layout.Enumeration():
            return _integer(type.base, _member(type, value, what), what, order)
        case layout.Boolean():
            return bytes([_boolean(value, what)])
        case layout.Text():
            return _text(type, value, what)
        case layout.Array():
            return _array(type, value, what, order)
        case layout.Address():
            return _address(type, value, what)
        case layout.IPV4_NETWORK | layout.IPV6_NETWORK:
            return _network(type, value, what, order)
        case layout.Struct():
            return _struct(type, value, what, order)


def _boolean(value: object, what: str) -> bool:
    if hasattr(value, "__index__") and value in (0, 1):
        return bool(value)
    raise TypeError(f"{what} is a bool, not {value!r}")


def _member(type: layout.Enumeration, value: object, what: str) -> object:
    if isinstance(value, str):
        for name, number in type.members:
            if name == value:
                return number
        raise ValueError(f"{what}: {type} has no member {value!r}; there are {', '.join(dict(type.members))}")
    return value


def _integer(type: layout.Integer, value: object, what: str, order: Order) -> bytes:
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
    return struct.pack(number_format(type, order), number)


def _text(type: layout.Text, value: object, what: str) -> bytes:
    """From str, which may hold no NUL: what is behind it would be lost. Bytes are taken as they are."""
    if isinstance(value, RawText):
        data = value.raw
    elif isinstance(value, str):
        if "\0" in value.rstrip("\0"):
            raise ValueError(f"{what} is text, which ends at the first NUL: {value!r}")
        try:
            data = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise ValueError(f"{what}: {error}") from None
    elif isinstance(value, bytes | bytearray):
        data = bytes(value)
    else:
        raise TypeError(f"{what} is text, not {value!r}")
    if len(data) > type.length:
        raise OverflowError(f"{what} is {type}, which is shorter than {len(data)} bytes")
    return data.ljust(type.length, b"\0")


def _array(type: layout.Array, value: Any, what: str, order: Order) -> bytes:
    if not hasattr(value, "__iter__") or isinstance(value, _NO_ORDER):
        raise TypeError(f"{what} is {type}, not {value!r}")
    items = list(value)
    if len(items) != type.length:
        raise ValueError(f"{what} is {type}: {type.length} values, not {value!r}")
    return b"".join(encode(type.element, item, f"{what}[{index}]", order) for index, item in enumerate(items))


def _address(type: layout.Address, value: object, what: str) -> bytes:
    if isinstance(value, bytes) and len(value) == type.size:
        return value
    try:
        if type.view == "mac" and isinstance(value, str | MacAddress):
            return (value if isinstance(value, MacAddress) else MacAddress(value)).packed
        if type.view == "ipv6" and isinstance(value, str | int | IPv6Address) and not isinstance(value, bool):
            address = IPv6Address(value)
            if address.scope_id is None:
                return address.packed
            raise ValueError(f"{value} has a scope, for which there is no place")
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    raise TypeError(f"{what} is {type}, not {value!r}")


def _network(type: layout.Struct, value: object, what: str, order: Order) -> bytes:
    """A network, its text, or an address, which is a network of itself alone."""
    family = IPv4Network if type == layout.IPV4_NETWORK else IPv6Network
    address = IPv4Address if type == layout.IPV4_NETWORK else IPv6Address
    if not isinstance(value, str | family | address):
        raise TypeError(f"{what} is {type}, not {value!r}")
    try:
        network = family(str(value))
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    return struct.pack(order + "I", network.prefixlen) + network.network_address.packed


def _struct(type: layout.Struct, value: object, what: str, order: Order) -> bytes:
    """From an instance of the struct, a mapping, or a tuple in the fields' order; missing fields of mappings are
    zero."""
    if type.is_union:
        return _union(type, value, what, order)
    data = bytearray(type.size)
    for field, item in _items(type, value, what):
        place = f"{what}.{field.name}"
        if field.bits:
            _bits(data, field, item, place, order)
        else:
            data[field.offset : field.offset + field.type.size] = encode(field.type, item, place, order)
    return bytes(data)


def _union(type: layout.Struct, value: Any, what: str, order: Order) -> bytes:
    """From an instance of the union, or a mapping with one field at most."""
    if getattr(value, "__layout__", None) == type and hasattr(value, "__bytes__"):
        if NAMES.get(order, byteorder) != byteorder:
            raise ValueError(
                f"{what} is a union, whose bytes are in this machine's order: give one field of it, by its name"
            )
        return bytes(value)
    if not isinstance(value, Mapping) or len(value) > 1:
        raise TypeError(f"{what} is union {type}: an instance of it, or one field of it, not {value!r}")
    fields = layout.Struct(type.name, type.fields, type.size, type.align)
    return _struct(fields, value, what, order)


def _items(type: layout.Struct, value: Any, what: str) -> list[tuple[layout.Field, object]]:
    if isinstance(value, Mapping):
        unknown = [name for name in value if type.field(str(name)) is None]
        if unknown:
            raise TypeError(f"{what}: {type} has no field {unknown[0]!r}")
        return [(field, value[field.name]) for field in type.fields if field.name in value]
    if isinstance(value, tuple):
        if getattr(value, "_fields", record_class(type)._fields) != record_class(type)._fields:
            raise TypeError(f"{what} is {type}, not {value!r}")  # a struct with other fields, or in another order
        if len(value) != len(type.fields):
            raise TypeError(f"{what} is {type} with {len(type.fields)} fields, not {value!r}")
        return list(zip(type.fields, value, strict=True))
    if all(hasattr(value, field.name) for field in type.fields):
        return [(field, getattr(value, field.name)) for field in type.fields]
    raise TypeError(f"{what} is {type}, not {value!r}")


def _bits(data: bytearray, field: layout.Field, value: Any, what: str, given: Order) -> None:
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
    order: Literal["big", "little"] = "big" if unit.big_endian else NAMES.get(given, byteorder)
    old = int.from_bytes(data[place], order)
    new = old & ~(mask << field.bit_offset) | (number & mask) << field.bit_offset
    data[place] = new.to_bytes(unit.size, order)
