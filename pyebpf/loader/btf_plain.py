"""The object's BTF for kernels that don't know all of its kinds: those are written as older ones, in the same places,
so that every number stays what it is and maps and programs keep their types and lines.

    kind of the object     since   becomes
    FLOAT                  5.13    a struct of the same size without members
    DECL_TAG               5.16    an integer of a byte, which nothing is of
    TYPE_TAG               5.17    const
    ENUM64                 6.0     a union of its enumerators' names, of the same size
    ENUM with signs        6.0     ENUM without
    tags of attributes     6.14    tags

What libbpf does about each, see its documentation of kernel features; the first kernels are from the kernel's history.
Which kinds a kernel knows is asked of the kernel, by a piece of BTF with that kind alone.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, final

from pyebpf.kernel.btf_types import Kind
from pyebpf.object.btf_raw import RawBtf, Record
from pyebpf.records import dataclass

_FLAG: Final = 1 << 31
_STRINGS: Final = b"\0a\0"
_INT: Final = struct.pack("=4I", 1, Kind.INT << 24, 4, 32)


@final
@dataclass(frozen=True, slots=True)
class _Row:
    """A kind that some kernels lack: `probe` is the smallest BTF with it, behind an int."""

    kind: Kind
    flagged: bool
    """Whether it is only about types with `kind_flag`."""
    probe: bytes


_ROWS: Final = (
    _Row(Kind.FLOAT, False, struct.pack("=3I", 1, Kind.FLOAT << 24, 4)),
    _Row(Kind.DECL_TAG, False, struct.pack("=6Ii", 1, Kind.STRUCT << 24, 0, 1, Kind.DECL_TAG << 24, 2, -1)),
    _Row(Kind.TYPE_TAG, False, struct.pack("=6I", 1, Kind.TYPE_TAG << 24, 1, 0, Kind.PTR << 24, 2)),
    _Row(Kind.ENUM64, False, struct.pack("=6I", 1, Kind.ENUM64 << 24 | 1, 8, 1, 1, 0)),
    _Row(Kind.ENUM, True, struct.pack("=5I", 1, _FLAG | Kind.ENUM << 24 | 1, 4, 1, 1)),
    _Row(Kind.TYPE_TAG, True, struct.pack("=6I", 1, _FLAG | Kind.TYPE_TAG << 24, 1, 0, Kind.PTR << 24, 2)),
    _Row(Kind.DECL_TAG, True, struct.pack("=6Ii", 1, Kind.STRUCT << 24, 0, 1, _FLAG | Kind.DECL_TAG << 24, 2, -1)),
)


def plain(data: bytes, known: Callable[[bytes], bool]) -> bytes:
    """`data`, of this machine's byte order, with what `known` (whether the kernel takes this BTF) doesn't know written
    in other words; the same bytes if it knows all of it."""
    btf = RawBtf(data, "=")
    missing: dict[tuple[Kind, bool], bool] = {}

    def lacks(kind: Kind, flagged: bool) -> bool:
        if (kind, flagged) not in missing:
            row = next((row for row in _ROWS if row.kind is kind and row.flagged == flagged), None)
            missing[kind, flagged] = row is not None and not known(_alone(row.probe))
        return missing[kind, flagged]

    wide = []
    for record in btf.records:
        flagged = bool(btf.word(record.at + 4) & _FLAG)
        if lacks(record.kind, False):
            _rewrite(btf, record)
            if record.kind is Kind.ENUM64:
                wide.append(record)
        elif flagged and lacks(record.kind, True):
            btf.set_word(record.at + 4, btf.word(record.at + 4) & ~_FLAG)
    return _with_byte(btf, wide) if wide else bytes(btf.data)


def _alone(types: bytes) -> bytes:
    types = _INT + types
    return struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(_STRINGS)) + types + _STRINGS


def _rewrite(btf: RawBtf, record: Record) -> None:
    at = record.at
    match record.kind:
        case Kind.FLOAT:
            btf.set_word(at, 0)
            btf.set_word(at + 4, Kind.STRUCT << 24)
        case Kind.DECL_TAG:
            btf.set_word(at + 4, Kind.INT << 24)
            btf.set_word(at + 8, 1)
            btf.set_word(at + 12, 8)
        case Kind.TYPE_TAG:
            btf.set_word(at, 0)
            btf.set_word(at + 4, Kind.CONST << 24)
        case Kind.ENUM64:
            btf.set_word(at + 4, Kind.UNION << 24 | record.count)


def _with_byte(btf: RawBtf, unions: list[Record]) -> bytes:
    """Members have to be of something: of an integer of a byte, which is put behind all other types."""
    number = len(btf.records) + 1
    for record in unions:
        for index in range(record.count):
            btf.set_word(record.at + 12 + 12 * index + 4, number)
            btf.set_word(record.at + 12 + 12 * index + 8, 0)
    return btf.with_types(struct.pack("=4I", 0, Kind.INT << 24, 1, 8))
