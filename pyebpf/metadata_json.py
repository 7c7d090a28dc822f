"""`Metadata` as JSON, for the `.pyebpf` section, and back.

The JSON mirrors the dataclasses: an object per instance, a field left out where it has its default. Memory
types carry their class name under `"is"`. The same value always gives the same bytes. Decoding trusts nothing:
every key, type and range is checked.
"""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pyebpf import layout, metadata
from pyebpf.diagnostics.base import ObjectError
from pyebpf.metadata import VERSION, Metadata

_TAG: Final = "is"
_LAYOUT: Final[dict[str, Any]] = {cls.__name__: cls for cls in get_args(layout.Type)}
_CLASSES: Final = (
    metadata.Metadata,
    metadata.MapInfo,
    metadata.Steps,
    metadata.StackKey,
    metadata.VariableInfo,
    metadata.ProgramInfo,
    metadata.FaultSite,
    metadata.PrintSite,
    metadata.PrintPart,
    metadata.Cell,
    layout.Field,
    *_LAYOUT.values(),
)
_LARGEST_SIZE: Final = 1 << 30
"""Bytes. No memory type is larger; the kernel allows less."""
_DEEPEST: Final = 64
"""Levels of nesting, well above what a probe can declare."""
_LARGEST_JSON: Final = 16 << 20
_CODE: Final[dict[str, layout.Type]] = {
    **dict.fromkeys(("first", "second", "version"), layout.U64),
    **dict.fromkeys(("name", "file"), layout.Array(layout.U8, 0)),
}
"""What is in the map of Python's functions."""


def encode(value: Metadata) -> bytes:
    """The contents of the `.pyebpf` section."""
    return json.dumps(
        {"version": VERSION, **_plain(value)}, separators=(",", ":"), sort_keys=True, ensure_ascii=True
    ).encode()


def decode(data: bytes) -> Metadata:
    """Read what `encode` wrote. Raises ObjectError for anything else."""
    if len(data) > _LARGEST_JSON:
        raise ObjectError(f"section {metadata.SECTION}: {len(data)} bytes are too many")
    try:
        plain = json.loads(data.rstrip(b"\0"))
    except (ValueError, RecursionError) as error:
        raise ObjectError(f"section {metadata.SECTION} is not JSON: {error}") from None
    if not isinstance(plain, dict):
        raise ObjectError(f"section {metadata.SECTION} is not a JSON object")
    version = plain.pop("version", None)
    if version != VERSION or isinstance(version, bool):
        raise ObjectError(
            f"section {metadata.SECTION} has version {version!r:.40}; this pyebpf reads version {VERSION}"
        )
    result: Metadata = _instance(plain, Metadata, metadata.SECTION, 0)
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if not isinstance(value, _CLASSES):
        return value
    result = {}
    if type(value).__name__ in _LAYOUT:
        result[_TAG] = type(value).__name__
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if field.default is dataclasses.MISSING or item != field.default:
            result[field.name] = _plain(item)
    return result


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls)


def _instance(plain: Any, cls: Any, where: str, depth: int) -> Any:
    if not isinstance(plain, dict):
        raise ObjectError(f"{where}: expected an object")
    if depth > _DEEPEST:
        raise ObjectError(f"{where}: nested too deeply")
    hints = _hints(cls)
    rest = dict(plain)
    values = {}
    for field in dataclasses.fields(cls):
        if field.name in rest:
            values[field.name] = _value(rest.pop(field.name), hints[field.name], f"{where}.{field.name}", depth + 1)
        elif field.default is dataclasses.MISSING:
            raise ObjectError(f"{where}: `{field.name}` is missing")
    if rest:
        raise ObjectError(f"{where}: unknown key `{next(iter(rest))[:40]}`")
    result = cls(**values)
    _check(result, where)
    return result


def _value(plain: Any, hint: Any, where: str, depth: int) -> Any:
    origin = get_origin(hint)
    if hint is int or hint is str or hint is bool:
        if type(plain) is not hint:
            raise ObjectError(f"{where}: expected {hint.__name__}")
        return plain
    if origin is Literal:
        if not isinstance(plain, str) or plain not in get_args(hint):
            raise ObjectError(f"{where}: {plain!r:.40} is none of {', '.join(get_args(hint))}")
        return plain
    if origin is tuple:
        return _tuple(plain, get_args(hint), where, depth)
    if origin in (Union, types.UnionType):
        choices = get_args(hint)
        if plain is None and type(None) in choices:
            return None
        classes = [choice for choice in choices if choice is not type(None)]
        if len(classes) == 1:
            return _value(plain, classes[0], where, depth)
        return _layout(plain, where, depth)
    if hint in _LAYOUT.values():
        found = _layout(plain, where, depth)
        if not isinstance(found, hint):
            raise ObjectError(f"{where}: expected {hint.__name__}")
        return found
    return _instance(plain, hint, where, depth)


def _tuple(plain: Any, arguments: tuple[Any, ...], where: str, depth: int) -> tuple[Any, ...]:
    if not isinstance(plain, list):
        raise ObjectError(f"{where}: expected a list")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_value(item, arguments[0], f"{where}[{i}]", depth + 1) for i, item in enumerate(plain))
    if len(plain) != len(arguments):
        raise ObjectError(f"{where}: expected {len(arguments)} items")
    return tuple(_value(item, hint, where, depth + 1) for item, hint in zip(plain, arguments, strict=True))


def _layout(plain: Any, where: str, depth: int) -> Any:
    if not isinstance(plain, dict):
        raise ObjectError(f"{where}: expected a type")
    tag = plain.get(_TAG)
    if not isinstance(tag, str) or tag not in _LAYOUT:
        raise ObjectError(f"{where}: no such type: {tag!r:.40}")
    return _instance({key: value for key, value in plain.items() if key != _TAG}, _LAYOUT[tag], where, depth)


def _check(value: Any, where: str) -> None:
    """What the types alone don't say."""
    match value:
        case layout.Integer():
            good = value.size in (1, 2, 4, 8)
        case layout.Boolean():
            good = (value.size, value.align) == (1, 1)
        case layout.Enumeration():
            good = all(value.base.minimum <= number <= value.base.maximum for _, number in value.members)
        case layout.Text():
            good = 0 <= value.length <= _LARGEST_SIZE
        case layout.Array():
            good = 0 <= value.length <= _LARGEST_SIZE and value.size <= _LARGEST_SIZE
        case layout.Address():
            good = (value.size, value.align, value.view) in ((16, 1, "ipv6"), (6, 1, "mac"))
        case layout.Field():
            good = value.offset >= 0 and value.bits >= 0 and 0 <= value.bit_offset <= 64
            good = good and value.bits + value.bit_offset <= value.type.size * 8
        case layout.Struct():
            good = 0 <= value.size <= _LARGEST_SIZE and value.align in (1, 2, 4, 8, 16)
            good = good and all(field.offset + field.type.size <= value.size for field in value.fields)
        case metadata.Steps():
            good = value.step >= 1 and 1 <= value.count <= _LARGEST_SIZE
        case metadata.Cell():
            good = 0 <= value.offset <= _LARGEST_SIZE
        case metadata.MapInfo():
            good = value.stacks is None or _is_stack_key(value, value.stacks)
        case metadata.Metadata():
            kinds = {name: info.kind for name, info in value.maps}
            keys = [info.stacks for _, info in value.maps if info.stacks is not None]
            good = all(kinds.get(name) == kind for key in keys for name, kind in _stack_maps(key))
            good = good and _are_pythons(dict(value.maps), [key.pythons for key in keys if key.pythons])
            good = good and all(0 <= cell.offset + cell_size <= _LARGEST_SIZE for cell, cell_size in _cells(value))
        case _:
            good = True
    if not good:
        raise ObjectError(f"{where}: {type(value).__name__} is out of range")


def _cells(value: Metadata) -> list[tuple[metadata.Cell, int]]:
    found = [(variable.cell, variable.type.size) for variable in value.variables]
    if value.faults is not None:
        found.append((value.faults, 8 * len(value.fault_sites)))
    return found


def _stack_maps(key: metadata.StackKey) -> Iterator[tuple[str, str]]:
    """The maps that a key of a Stacks speaks of, and of what kinds they must be."""
    native = {metadata.KERNEL_STACK, metadata.USER_STACK} & set(key.parts)
    yield from ((name, "StackTrace") for name in (key.traces, key.others) if native or name)
    if metadata.PYTHON_STACK in key.parts or key.pythons:
        yield from ((name, "Hash") for name in (key.pythons, metadata.PYTHON_CODES, metadata.PYTHONS))


def _are_pythons(maps: Mapping[str, metadata.MapInfo], walks: Sequence[str]) -> bool:
    """Whether the maps for Python's stacks have what is put into them, and taken out."""
    wanted: list[tuple[str, layout.Type, Mapping[str, layout.Type]]]
    wanted = [(name, layout.U64, {"calls": layout.Array(layout.U64, 0)}) for name in walks]
    wanted.append((metadata.PYTHON_CODES, layout.U64, _CODE))
    wanted.append((metadata.PYTHONS, layout.U32, metadata.INTERPRETER))
    return all(_has(maps[name], key, fields) for name, key, fields in wanted if name in maps)


def _has(info: metadata.MapInfo, key: layout.Type, fields: Mapping[str, layout.Type]) -> bool:
    """Whether it is a map of such keys, and structs with such fields; arrays of any length."""
    if info.key != key or not isinstance(info.value, layout.Struct):
        return False
    found = {field.name: _any_length(field.type) for field in info.value.fields}
    return found == fields


def _any_length(type: layout.Type) -> layout.Type:
    return layout.Array(type.element, 0) if isinstance(type, layout.Array) else type


def _is_stack_key(value: metadata.MapInfo, stacks: metadata.StackKey) -> bool:
    """Whether the key has the fields that it is said to have, and one of them at least is a stack."""
    key = value.key
    if not isinstance(key, layout.Struct) or value.value != layout.U64 or len(set(stacks.parts)) < len(stacks.parts):
        return False
    words = {metadata.KERNEL_STACK, metadata.USER_STACK, metadata.PYTHON_STACK} & set(stacks.parts)
    wanted = {word: layout.U64 if word == metadata.PYTHON_STACK else layout.I32 for word in words}
    wanted |= {metadata.OWNER: layout.U32} if metadata.USER_STACK in words else {}
    types = {field.name: field.type for field in key.fields}
    there = set(stacks.parts) | set(wanted) <= set(types)
    return bool(words) and there and all(types[name] == type for name, type in wanted.items())
