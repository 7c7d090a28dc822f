"""What `pyebpf btf show` says of one type: its members where they lie, its enumerators, or its declaration."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyebpf.kernel import btf_types as types
from pyebpf.kernel.btf import Btf, BtfError, Kind
from pyebpf.kernel.c_text import declaration, prototype

KINDS: Final = {
    "struct": (Kind.STRUCT,),
    "union": (Kind.UNION,),
    "enum": (Kind.ENUM, Kind.ENUM64),
    "typedef": (Kind.TYPEDEF,),
    "function": (Kind.FUNC,),
    "variable": (Kind.VAR,),
    "integer": (Kind.INT,),
}
"""What can be shown, by the words before a name; of several with the same name the first."""
DEEPEST: Final = 16
"""Levels of nameless structs that are looked into."""
SIMILAR: Final = 3


def find(name: str, kinds: Iterable[str], places: Iterable[tuple[str, Btf]]) -> tuple[str, Btf, int] | None:
    """The first module, or the kernel itself, that has the type: its name, its types, and the id there."""
    for module, btf in places:
        known = {btf.kind(each): each for each in reversed(btf.find_all(name))}
        found = next((known[kind] for word in kinds for kind in KINDS[word] if kind in known), None)
        if found is not None:
            return module, btf, found
    return None


def near(name: str, btf: Btf) -> list[str]:
    """Names of structs like the one that isn't there."""
    known = {each for each, _ in btf.names(Kind.STRUCT, name[:2])}
    return difflib.get_close_matches(name, known, n=SIMILAR, cutoff=0.6)


def described(btf: Btf, type_id: int) -> dict[str, Any]:
    """The type as plain data."""
    found = btf.type(type_id)
    match found:
        case types.Struct():
            kind = "union" if found.is_union else "struct"
            return {"kind": kind, "name": found.name, "size": found.size, "members": _members(btf, found, 0, 0)}
        case types.Enum():
            names = [{"name": name, "value": value} for name, value in found.values]
            return {"kind": "enum", "name": found.name, "size": found.size, "enumerators": names}
        case types.Function():
            target = btf.type(found.type_id)
            assert isinstance(target, types.FunctionPrototype)
            return {"kind": "function", "name": found.name, "declaration": prototype(btf, target, found.name)}
        case types.Typedef() | types.Variable():
            kind = "typedef" if isinstance(found, types.Typedef) else "variable"
            shown = {"kind": kind, "name": found.name, "declaration": declaration(btf, found.type_id, found.name)}
            return shown | _extent(btf, found.type_id)
        case _:
            return {"kind": "integer", "name": found.name} | _extent(btf, type_id)


def _members(btf: Btf, found: types.Struct, at: int, depth: int) -> list[dict[str, Any]]:
    """`at`: bits in front of the struct, in the one that has a name."""
    return [_member(btf, each, at, depth) for each in found.members]


def _member(btf: Btf, member: types.Member, at: int, depth: int) -> dict[str, Any]:
    first = at + member.bit_offset
    shown: dict[str, Any] = {"name": member.name, "offset": first // 8}
    if member.bit_size:
        shown |= {"bit": first % 8, "bits": member.bit_size}
    else:
        shown |= _extent(btf, member.type_id)
    shown["type"] = declaration(btf, member.type_id)
    inner = btf.type(btf.resolve(member.type_id))
    if not member.name and isinstance(inner, types.Struct) and depth < DEEPEST:
        shown["type"] = "union" if inner.is_union else "struct"
        shown["members"] = _members(btf, inner, first, depth + 1)
    else:
        shown["declaration"] = declaration(btf, member.type_id, member.name)
    return shown


def _extent(btf: Btf, type_id: int) -> dict[str, int]:
    try:
        return {"size": btf.size_of(type_id)}
    except BtfError:  # void, functions, structs that are only declared
        return {}


def lines(shown: dict[str, Any]) -> Iterator[str]:
    """The type as text: offset, size, declaration."""
    size = f"  # {shown['size']:,} bytes" if "size" in shown else ""
    if "members" in shown:
        yield f"{shown['kind']} {shown['name']}{size}"
        yield from _rows(shown["members"], 0)
    elif "enumerators" in shown:
        yield f"enum {shown['name']}{size}"
        width = max((len(each["name"]) for each in shown["enumerators"]), default=0)
        yield from (f"  {each['name']:<{width}} = {each['value']}" for each in shown["enumerators"])
    else:
        word = "typedef " if shown["kind"] == "typedef" else ""
        yield f"{word}{shown.get('declaration', shown['name'])}{size}"


def _rows(members: list[dict[str, Any]], depth: int) -> Iterator[str]:
    for each in members:
        bits = f":{each['bits']}" if "bits" in each else ""
        place = f"{each['offset']}.{each['bit']}" if bits else f"{each['offset']}"
        text = each.get("declaration", each["type"])
        yield f"{place:>8} {each.get('size', ''):>6}  {'  ' * depth}{text}{bits}"
        if "members" in each:
            yield from _rows(each["members"], depth + 1)
