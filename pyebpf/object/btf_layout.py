"""BTF types as memory types, for objects that carry no metadata of ours."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError

_LARGEST = 1 << 20
_DEEPEST = 32


def layout_of(btf: Btf, type_id: int) -> layout.Type | None:
    """The memory type of BTF type `type_id`; None where memory types can't say it (void, floats).

    Arrays of `char` are Text; pointers are u64. Raises BtfError on malformed BTF.
    """
    return _layout(btf, type_id, 0)


def _layout(btf: Btf, type_id: int, depth: int) -> layout.Type | None:
    if not type_id or depth > _DEEPEST:
        return None
    found = btf.type(btf.resolve(type_id))
    match found:
        case types.Int():
            if found.boolean and found.size == 1:
                return layout.BOOL
            return _integer(found.size, found.signed)
        case types.Pointer():
            return layout.U64
        case types.Enum():
            base = _integer(found.size, found.signed)
            return (
                layout.Enumeration(found.name or "enum", base, found.values)
                if isinstance(base, layout.Integer)
                else base
            )
        case types.Array():
            element = btf.type(btf.resolve(found.type_id))
            if isinstance(element, types.Int) and element.size == 1 and _is_char(element):
                return layout.Text(found.length) if found.length <= _LARGEST else None
            inner = _layout(btf, found.type_id, depth + 1)
            if inner is None or inner.size * found.length > _LARGEST:
                return None
            return layout.Array(inner, found.length)
        case types.Struct():
            return _struct(btf, found, depth)
        case _:
            return None


def _is_char(element: types.Int) -> bool:
    return element.character or element.name == "char"


def _integer(size: int, signed: bool) -> layout.Type | None:
    if size in (1, 2, 4, 8):
        return layout.Integer(f"{'i' if signed else 'u'}{size * 8}", size, signed)
    return layout.Array(layout.U64, 2) if size == 16 else None


def _struct(btf: Btf, found: types.Struct, depth: int) -> layout.Struct | None:
    if found.size > _LARGEST or len(found.members) > 1024:
        return None
    fields = []
    align = 1
    for number, member in enumerate(found.members):
        inner = _layout(btf, member.type_id, depth + 1)
        if inner is None:
            return None
        unit = inner.size * 8
        offset = member.bit_offset // unit * inner.size if member.bit_size and unit else member.bit_offset // 8
        if offset + inner.size > found.size:
            return None
        bit = member.bit_offset - offset * 8 if member.bit_size else 0
        fields.append(layout.Field(member.name or f"_{number}", inner, offset, member.bit_size, bit))
        align = max(align, inner.align)
    kind = "union" if found.is_union else "struct"
    return layout.Struct(found.name or kind, tuple(fields), found.size, align, found.is_union)


__all__ = ["BtfError", "layout_of"]
