"""Many keys and values one after the other, as the kernel gives them, and as Python objects without a call for each."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address
from sys import byteorder
from typing import Any, TypeAlias, final

from pyebpf import layout
from pyebpf.decode import decoder
from pyebpf.encode import number_format, record_class
from pyebpf.records import dataclass

Buffer: TypeAlias = bytes | bytearray


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


def decoded(type: layout.Type | None, data: Buffer, size: int, stride: int = 0) -> list[Any]:
    """The values that lie in `data`, each of `size` bytes, `stride` bytes (`size` if 0) from one to the next."""
    stride = stride or size
    if type is None:
        return [each[:size] for each in pieces(data, stride)]
    if stride == size:
        match type:
            case layout.Integer():
                found = _numbers(type, data)
                return [IPv4Address(number) for number in found] if type.view == "ipv4" else found
            case layout.Struct(is_union=False) if (form := _plain(type)) is not None:
                make = record_class(type)._make
                return [make(row) for row in form.iter_unpack(data)]
    read = decoder(type)
    return [read(data, at) for at in range(0, len(data), stride)]  # type: ignore[arg-type]


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


def _plain(type: layout.Struct) -> struct.Struct | None:
    """How to unpack a struct of numbers in the machine's order; None if it has anything else."""
    codes, at = ["="], 0
    for field in type.fields:
        number = field.type
        if field.bits or not isinstance(number, layout.Integer) or number.view != "int" or field.offset < at:
            return None
        if _is_swapped(number):
            return None
        codes.append(f"{field.offset - at}x{number_format(number)[-1]}")
        at = field.offset + number.size
    codes.append(f"{type.size - at}x")
    return struct.Struct("".join(codes))


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
