"""Memory → Python: a decoder for each layout, made once and called for every value."""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable, Iterator
from enum import IntEnum
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from sys import byteorder
from typing import Any, TypeAlias

from pyebpf import layout
from pyebpf.addresses import MacAddress
from pyebpf.encode import RawText, bits_unit, encode, number_format, record_class

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


@cache
def record_decoder(type: layout.Type) -> Callable[[bytes], Any]:
    """The decoder of a ring's records, whose last part may be of any length: bytes or str, or a pair of a struct and
    one of these."""
    head, tail = layout.tail_of(type)
    whole = decoder(head) if head is not None else None
    if tail is None:
        assert whole is not None
        return lambda data: whole(data, 0)
    start = head.size if head is not None else 0

    def last(data: bytes) -> bytes | str:
        rest = bytes(data[start:])
        return _decoded(rest) if isinstance(tail, layout.Text) else rest

    return last if whole is None else lambda data: (whole(data, 0), last(data))


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return RawText(data)


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
        return _decoded(found)

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
    if type.is_union:
        cls, size = overlay_class(type), type.size
        return lambda data, offset: cls._of(bytes(data[offset : offset + size]))
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


class Overlay:
    """A union in Python: its bytes, and every field as a view of them.

    Subclasses have `__layout__`. What comes out of a map or an event can't be changed, as other structs from there.
    """

    __slots__ = ("_data",)
    __layout__: layout.Struct
    __defaults__: dict[str, object] = {}
    _data: bytearray | bytes

    def __init__(self, **values: object) -> None:
        shape = type(self).__layout__
        if len(values) > 1:
            raise TypeError(f"union {shape.name} takes one field at a time: all are the same bytes")
        self._data = bytearray(shape.size)
        for name, value in (values or copy.deepcopy(type(self).__defaults__)).items():
            if shape.field(name) is None:
                raise TypeError(f"union {shape.name} has no field {name!r}")
            setattr(self, name, value)

    @classmethod
    def _of(cls, data: bytes | bytearray) -> Any:
        """The union that lies in `data`; bytes are never changed."""
        made = cls.__new__(cls)
        made._data = data
        return made

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def _asdict(self) -> dict[str, Any]:
        """Every field's view."""
        return {field.name: getattr(self, field.name) for field in type(self).__layout__.fields}

    def __iter__(self) -> Iterator[Any]:
        return iter(self._asdict().values())

    def copy(self) -> Any:
        """Another instance with the same bytes, which can be changed."""
        return type(self)._of(bytearray(self._data))

    def __deepcopy__(self, _: object) -> Any:
        return self.copy() if isinstance(self._data, bytearray) else self

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self._asdict().items())
        return f"{type(self).__layout__.name}({fields})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Overlay) or type(other).__layout__ != type(self).__layout__:
            return NotImplemented
        size = type(self).__layout__.covered
        return bytes(self._data[:size]) == bytes(other._data[:size])

    def __hash__(self) -> int:
        return hash(bytes(self._data[: type(self).__layout__.covered]))


def overlay_views(type: layout.Struct) -> dict[str, Any]:
    """What the class of a union has: a property for each field."""
    return {"__slots__": (), "__layout__": type, **{field.name: _view(type, field) for field in type.fields}}


def _view(type: layout.Struct, field: layout.Field) -> property:
    only = layout.Struct(type.name, (field,), type.size, type.align)
    mask = ((1 << field.bits) - 1 << field.bit_offset) if field.bits else (1 << field.type.size * 8) - 1
    place = slice(field.offset, field.offset + field.type.size)

    def read(self: Overlay) -> Any:
        return _field(field)(bytes(self._data), field.offset)

    def write(self: Overlay, value: object) -> None:
        if not isinstance(self._data, bytearray):
            raise AttributeError(f"union {type.name} came from the kernel: change a copy of it")
        new = int.from_bytes(encode(only, {field.name: value}, type.name)[place], byteorder)
        old = int.from_bytes(self._data[place], byteorder) & ~mask
        self._data[place] = (old | new).to_bytes(field.type.size, byteorder)

    return property(read, write)


@cache
def overlay_class(type_: layout.Struct) -> Any:
    """The class that a union decodes to."""
    return type(type_.name, (Overlay,), overlay_views(type_))
