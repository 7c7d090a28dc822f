"""BTF types as memory types, for objects that carry no metadata of ours."""

from __future__ import annotations

from typing import TypeAlias, final

from pyebpf import layout
from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError

_LARGEST = 1 << 20
_DEEPEST = 32
_MOST = 1 << 16
"""Types in one. Structs of no size could have any number of them, by a few types in each other."""


def layout_of(btf: Btf, type_id: int) -> layout.Type | None:
    """The memory type of BTF type `type_id`; None where memory types can't say it (void, floats).

    Arrays of `char` are Text; pointers are u64. Raises BtfError on malformed BTF.
    """
    return _Layouts(btf).of(type_id, 0)[0]


_Found: TypeAlias = "tuple[layout.Type | None, int]"
"""A memory type, and how many types it is made of, each counted wherever it is."""


@final
class _Layouts:
    """Each type is gone into once, however many ways lead to it."""

    def __init__(self, btf: Btf) -> None:
        self._btf = btf
        self._known: dict[int, _Found] = {}

    def of(self, type_id: int, depth: int) -> _Found:
        if not type_id or depth > _DEEPEST:
            return None, 1
        type_id = self._btf.resolve(type_id)
        if type_id not in self._known:
            self._known[type_id] = self._make(type_id, depth)
        return self._known[type_id]

    def _make(self, type_id: int, depth: int) -> _Found:
        found = self._btf.type(type_id)
        match found:
            case types.Array():
                return self._array(found, depth)
            case types.Struct():
                return self._struct(found, depth)
            case _:
                return _simple(found), 1

    def _array(self, found: types.Array, depth: int) -> _Found:
        element = self._btf.type(self._btf.resolve(found.type_id))
        if isinstance(element, types.Int) and element.size == 1 and _is_char(element):
            return (layout.Text(found.length) if found.length <= _LARGEST else None), 1
        inner, parts = self.of(found.type_id, depth + 1)
        if inner is None or max(inner.size, 1) * found.length > _LARGEST:
            return None, 1
        return layout.Array(inner, found.length), parts + 1

    def _struct(self, found: types.Struct, depth: int) -> _Found:
        if found.size > _LARGEST or len(found.members) > 1024:
            return None, 1
        fields = []
        align = total = 1
        for number, member in enumerate(found.members):
            inner, parts = self.of(member.type_id, depth + 1)
            total += parts
            if inner is None or total > _MOST:
                return None, 1
            unit = inner.size * 8
            offset = member.bit_offset // unit * inner.size if member.bit_size and unit else member.bit_offset // 8
            if offset + inner.size > found.size:
                return None, 1
            bit = member.bit_offset - offset * 8 if member.bit_size else 0
            fields.append(layout.Field(member.name or f"_{number}", inner, offset, member.bit_size, bit))
            align = max(align, inner.align)
        kind = "union" if found.is_union else "struct"
        return layout.Struct(found.name or kind, tuple(fields), found.size, align, found.is_union), total


def _simple(found: types.BtfType) -> layout.Type | None:
    match found:
        case types.Int():
            if found.boolean and found.size == 1:
                return layout.BOOL
            return _integer(found.size, found.signed)
        case types.Pointer():
            return layout.U64
        case types.Enum():
            base = _integer(found.size, found.signed)
            if isinstance(base, layout.Integer):
                return layout.Enumeration(found.name or "enum", base, found.values)
            return base
        case _:
            return None


def _is_char(element: types.Int) -> bool:
    return element.character or element.name == "char"


def _integer(size: int, signed: bool) -> layout.Type | None:
    if size in (1, 2, 4, 8):
        return layout.Integer(f"{'i' if signed else 'u'}{size * 8}", size, signed)
    return layout.Array(layout.U64, 2) if size == 16 else None


__all__ = ["BtfError", "layout_of"]
