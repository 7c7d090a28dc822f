"""Many keys and values one after the other, as the kernel gives them, and as Python objects without a call for each."""

from __future__ import annotations

import gc
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from ipaddress import IPv4Address
from itertools import repeat
from sys import byteorder
from typing import Any, TypeAlias, final

from pyebpf import layout
from pyebpf.decode import decoder, enum_members
from pyebpf.encode import number_format, record_class
from pyebpf.records import dataclass

Buffer: TypeAlias = bytes | bytearray | memoryview
Reader: TypeAlias = Callable[[Buffer], list[Any]]
"""Makes Python objects of what lies in memory."""
MANY = 10_000
"""Values for which it is worth to stop the collector."""


@final
@dataclass(frozen=True, slots=True)
class Columns:
    """Entries: `count` keys one after the other, and as many values."""

    keys: Buffer
    values: Buffer
    count: int


def joined(entries: Iterable[tuple[bytes, bytes]]) -> Columns:
    """Entries as columns."""
    parts = list(entries)
    return Columns(b"".join(key for key, _ in parts), b"".join(value for _, value in parts), len(parts))


def split(columns: Columns, key_size: int, value_size: int) -> list[tuple[bytes, bytes]]:
    """Entries as pairs."""
    return list(zip(pieces(columns.keys, key_size), pieces(columns.values, value_size), strict=True))


def pieces(data: Buffer, size: int) -> list[bytes]:
    """`data` in pieces of `size` bytes."""
    whole = bytes(data)
    return [whole[at : at + size] for at in range(0, len(whole), size)] if size else []


def reader(type: layout.Type | None, size: int, stride: int = 0) -> Reader:
    """How to read values that lie in memory one after the other, each of `size` bytes, `stride` bytes (`size` if 0)
    from one to the next. To be kept: finding it takes longer than reading some."""
    stride = stride or size
    if type is None:
        return lambda data: [each[:size] for each in pieces(data, stride)]
    if stride == size and isinstance(type, layout.Integer):
        if type.view == "ipv4":
            return lambda data: [IPv4Address(number) for number in _numbers(type, data)]
        return lambda data: _numbers(type, data)
    if stride == size and isinstance(type, layout.Struct) and (rows := _rows(type)) is not None:
        return rows
    read = decoder(type)

    def each(data: Buffer) -> list[Any]:
        whole = bytes(data)
        return [read(whole, at) for at in range(0, len(whole), stride)]

    return each


def _numbers(type: layout.Integer, data: Buffer) -> list[int]:
    code = number_format(type)[-1]
    if _is_swapped(type):
        swapped = array(code, bytes(data))
        swapped.byteswap()
        return swapped.tolist()
    return memoryview(data).cast("B").cast(code).tolist()  # type: ignore[no-any-return,call-overload]


def _is_swapped(type: layout.Integer) -> bool:
    """Whether its bytes are in the order that isn't this machine's."""
    return type.size > 1 and type.big_endian and byteorder == "little"


@cache
def _rows(type: layout.Struct) -> Reader | None:
    """How to read many structs of numbers, text and addresses, field by field; None if it has anything else."""
    if type.is_union or not type.fields or type in (layout.IPV4_NETWORK, layout.IPV6_NETWORK):
        return None
    codes, columns, at = ["="], [], 0
    for field in type.fields:
        known = _column(field.type) if not field.bits and field.offset >= at else None
        if known is None:
            return None
        codes.append(f"{field.offset - at}x{known[0]}")
        columns.append(known[1])
        at = field.offset + field.type.size
    codes.append(f"{type.size - at}x")
    unpack, cls, build = struct.Struct("".join(codes)).iter_unpack, record_class(type), _builder(tuple(columns))

    def rows(data: Buffer) -> list[Any]:
        known = [None if read is None else _Known(read) for read in columns]
        with _uncollected(len(data) // type.size):
            found: list[Any] = build(unpack(data), cls, tuple.__new__, *known)
            return found

    return rows


@final
class _Known(dict[Any, Any]):
    """Values that were made before: of text and addresses many are the same."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self.make = make

    def __missing__(self, raw: Any) -> Any:
        made = self[raw] = self.make(raw)
        return made


def _builder(columns: tuple[Callable[[Any], Any] | None, ...]) -> Any:
    """A function that makes named tuples of rows. Written out for its number of fields, as namedtuple does it, and
    called by `map` alone, it takes a third of the time of loops over rows and fields."""
    names = [f"f{index}" for index in range(len(columns))]
    calls = [f"r{index}[f{index}]" for index in range(len(columns))]
    known = ", ".join(f"r{index}" for index in range(len(columns)))
    made = [name if read is None else call for name, call, read in zip(names, calls, columns, strict=True)]
    fields = f"(({', '.join(made)},) for {', '.join(names)}, in rows)" if any(columns) else "rows"
    text = f"lambda rows, cls, new, {known}: list(map(new, repeat(cls), {fields}))"
    return eval(text, {"__builtins__": {}, "list": list, "map": map, "repeat": repeat})


@contextmanager
def _uncollected(count: int) -> Iterator[None]:
    """While many objects are made that all stay, looking for garbage among them would double the time."""
    pause = count > MANY and gc.isenabled()
    if pause:
        gc.disable()
    try:
        yield
    finally:
        if pause:
            gc.enable()


def _column(type: layout.Type) -> tuple[str, Callable[[Any], Any] | None] | None:
    """How `struct` unpacks a field, and what makes the value of that; None where it can't."""
    match type:
        case layout.Integer() if not _is_swapped(type):
            return number_format(type)[-1], IPv4Address if type.view == "ipv4" else None
        case layout.Boolean():
            return "B", bool
        case layout.Enumeration() if not _is_swapped(type.base):
            members = enum_members(type)
            return number_format(type.base)[-1], lambda number: members.get(number, number)
        case layout.Text() | layout.Address():
            read = decoder(type)
            return f"{type.size}s", lambda piece: read(piece, 0)
        case _:
            return None


def encoded(type: layout.Type | None, values: list[Any], one: Callable[[object], bytes]) -> bytes:
    """Values of one type one after the other. `one` encodes one of them, and says what is wrong with it."""
    if isinstance(type, layout.Integer) and type.view == "int" and not _is_swapped(type):
        try:
            return array(number_format(type)[-1], values).tobytes()
        except (TypeError, OverflowError):
            pass  # one of them is wrong
    return b"".join(map(one, values))


def grouped(values: list[Any], size: int) -> Iterable[tuple[Any, ...]]:
    """`values` in groups of `size`."""
    return zip(*[iter(values)] * size, strict=True)


def differences(now: dict[Any, Any], before: dict[Any, Any]) -> dict[Any, Any]:
    """What the numbers of `now` have grown by since `before`, where they have. An entry that has shrunk was made anew
    meanwhile: it counts as it is."""
    found = {}
    for key, value in now.items():
        grown = _less(value, before[key]) if key in before else value
        numbers = list(_numbers_in(grown))
        if any(numbers):
            found[key] = value if min(numbers) < 0 else grown
    return found


def _less(value: Any, before: Any) -> Any:
    if isinstance(value, tuple):
        parts = [_less(one, other) for one, other in zip(value, before, strict=True)]
        make: Any = getattr(type(value), "_make", tuple)
        return make(parts)
    return value - before if isinstance(value, int) else value


def _numbers_in(value: Any) -> Iterator[int]:
    if isinstance(value, tuple):
        for part in value:
            yield from _numbers_in(part)
    elif isinstance(value, int):
        yield value
    else:
        raise TypeError(f"{value!r} is no number: only numbers grow")
