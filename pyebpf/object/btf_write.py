"""Writes BTF: types of any origin, numbered anew, as bytes.

Source: the kernel's documentation, "BPF Type Format (BTF)".
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final, final

from pyebpf.diagnostics.base import unreachable
from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf_names import encode
from pyebpf.kernel.btf_sections import HEADER_SIZE, MAGIC
from pyebpf.kernel.btf_types import BtfType, Kind

_MODIFIERS: Final = {
    "const": Kind.CONST,
    "volatile": Kind.VOLATILE,
    "restrict": Kind.RESTRICT,
    "type_tag": Kind.TYPE_TAG,
}
_U32: Final = 0xFFFFFFFF


def write_btf(found: Iterable[BtfType], *, big_endian: bool = False) -> bytes:
    """BTF of these types, whose numbers count from 1 in this order; the ids in them are numbers of each other."""
    writer = _Writer(">" if big_endian else "<")
    for each in found:
        writer.add(each)
    return writer.data()


@final
class _Writer:
    def __init__(self, order: str) -> None:
        self._order = order
        self._types = bytearray()
        self._strings = bytearray(b"\0")
        self._places: dict[str, int] = {"": 0}

    def data(self) -> bytes:
        lengths = (HEADER_SIZE, 0, len(self._types), len(self._types), len(self._strings))
        return struct.pack(f"{self._order}HBBIIIII", MAGIC, 1, 0, *lengths) + self._types + self._strings

    def add(self, found: BtfType) -> None:
        match found:
            case types.Void():
                raise ValueError("void is type 0, and is in no BTF")
            case types.Int():
                encoding = found.signed | found.character << 1 | found.boolean << 2
                self._put(Kind.INT, found.name, found.size, encoding << 24 | found.bit_offset << 16 | found.bits)
            case types.Pointer():
                self._put(Kind.PTR, "", found.type_id)
            case types.Array():
                self._put(Kind.ARRAY, "", 0, found.type_id, found.index_type_id, found.length)
            case types.Struct():
                self._struct(found)
            case types.Enum():
                self._enum(found)
            case types.Forward():
                self._put(Kind.FWD, found.name, 0, flag=found.is_union)
            case types.Typedef():
                self._put(Kind.TYPEDEF, found.name, found.type_id)
            case types.Modifier():
                self._put(_MODIFIERS[found.word], found.name, found.type_id, flag=found.attribute)
            case types.Function():
                self._put(Kind.FUNC, found.name, found.type_id, count=found.linkage)
            case types.FunctionPrototype():
                parts = [word for each in found.parameters for word in (self._string(each.name), each.type_id)]
                self._put(Kind.FUNC_PROTO, "", found.return_type_id, *parts, count=len(found.parameters))
            case types.Variable():
                self._put(Kind.VAR, found.name, found.type_id, found.linkage)
            case types.DataSection():
                parts = [word for each in found.entries for word in (each.type_id, each.offset, each.size)]
                self._put(Kind.DATASEC, found.name, found.size, *parts, count=len(found.entries))
            case types.Float():
                self._put(Kind.FLOAT, found.name, found.size)
            case types.DeclarationTag():
                self._put(Kind.DECL_TAG, found.name, found.type_id, found.component & _U32, flag=found.attribute)
            case _:
                unreachable(found)

    def _struct(self, found: types.Struct) -> None:
        flag = any(member.bit_size for member in found.members)
        parts = [
            word
            for member in found.members
            for word in (self._string(member.name), member.type_id, member.bit_size << 24 | member.bit_offset)
        ]
        kind = Kind.UNION if found.is_union else Kind.STRUCT
        self._put(kind, found.name, found.size, *parts, count=len(found.members), flag=flag)

    def _enum(self, found: types.Enum) -> None:
        parts = []
        for name, value in found.values:
            parts += [self._string(name), value & _U32]
            if found.kind is Kind.ENUM64:
                parts.append(value >> 32 & _U32)
        self._put(found.kind, found.name, found.size, *parts, count=len(found.values), flag=found.signed)

    def _put(self, kind: Kind, name: str, size: int, *words: int, count: int = 0, flag: bool = False) -> None:
        """`size`, or the type that it is of."""
        info = flag << 31 | kind << 24 | count
        self._types += struct.pack(f"{self._order}{3 + len(words)}I", self._string(name), info, size, *words)

    def _string(self, text: str) -> int:
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self._strings)
            self._strings += encode(text) + b"\0"
        return place
