"""Maps of maps: `tables = HashOfMaps[u32, Hash[u32, u64](max_entries=64)](max_entries=16)`."""

from __future__ import annotations

from collections.abc import Mapping

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import MAX_ENTRIES, Map
from pyebpf.lang.types import layout_of

INSIDE = ("Hash", "LruHash", "PerCpuHash", "LruPerCpuHash", "LpmTrie", "Array", "PerCpuArray", "Queue", "Stack")
"""What maps of maps can hold."""
SIZED = ("Array", "PerCpuArray")
"""Of these all maps in a map have the same size."""


class _OfMaps(Map):
    """A map whose values are maps, all alike."""

    def __init__(self, key: layout.Type, inner: Map, held: Mapping[int, Map], max_entries: int) -> None:
        super().__init__(key, layout.U32, max_entries)
        self.inner = inner
        self.held = dict(held)

    def __repr__(self) -> str:
        return f"{self.kind} of {self.inner!r}"


class _Maker:
    """`HashOfMaps[u32, Hash[u32, u64](max_entries=64)]`, waiting for its arguments."""

    def __init__(self, cls: type[_OfMaps], key: layout.Type, inner: object) -> None:
        if not isinstance(inner, Map) or inner.kind not in INSIDE:
            shown = inner.kind if isinstance(inner, Map) else getattr(inner, "__name__", repr(inner))
            raise DeclarationError(f"{cls.kind} holds maps, declared in full, not {shown}", _example(cls.kind))
        if layout.timers(inner.value):
            raise DeclarationError(f"maps in {cls.kind} can't have timers in them", "Hash[u32, Flow](max_entries=64)")
        if layout.kept_structs(inner.value):
            raise DeclarationError(f"maps in {cls.kind} can't hold structs of the kernel's", _example(cls.kind))
        if inner.pinned:
            raise DeclarationError(f"maps in {cls.kind} can't be pinned: they have no names", _example(cls.kind))
        self.cls = cls
        self.key = key
        self.inner = inner

    def __call__(self, held: Mapping[int, Map] | None = None, /, *, max_entries: int = 0) -> _OfMaps:
        given = {} if held is None else held
        if not isinstance(given, Mapping):
            raise DeclarationError(f"{self.cls.kind} takes a dict of its maps", "{0: first, 1: second}")
        for key, map in given.items():
            self._check(key, map)
        if isinstance(max_entries, bool) or not isinstance(max_entries, int):
            raise DeclarationError(f"max_entries is an integer, not {max_entries!r}", _example(self.cls.kind))
        last = max(given, default=-1)
        count = max_entries or last + 1
        if not 1 <= count <= MAX_ENTRIES:
            raise DeclarationError(f"{self.cls.kind} needs max_entries", _example(self.cls.kind))
        if last >= count:
            raise DeclarationError(f"key {last} is beyond max_entries={count}", f"max_entries={last + 1}")
        return self.cls(self.key, self.inner, given, count)

    def _check(self, key: object, map: object) -> None:
        if isinstance(key, bool) or not isinstance(key, int) or key < 0 or self.key != layout.U32:
            raise DeclarationError(
                f"{self.cls.kind} that the module fills has u32 keys from 0; others are filled from Python"
            )
        if not isinstance(map, Map) or not alike(self.inner, map):
            raise DeclarationError(
                f"the map of key {key} is unlike the others, {self.inner!r} of {self.inner.max_entries}"
            )


def alike(one: Map, other: Map) -> bool:
    """Whether one map can stand for the other in a map of maps."""
    same = (one.kind, one.key, one.value, one.flags) == (other.kind, other.key, other.value, other.flags)
    return same and (one.kind not in SIZED or one.max_entries == other.max_entries)


def _example(kind: str) -> str:
    inner = "Hash[u32, u64](max_entries=64)"
    return f"{kind}[{'u32, ' if kind == 'HashOfMaps' else ''}{inner}](max_entries=16)"


class HashOfMaps(_OfMaps):
    """Maps by key: `BPF_MAP_TYPE_HASH_OF_MAPS`, Linux 4.12. Programs look maps up; Python puts them there."""

    kind = "HashOfMaps"

    def __init__(self, *arguments: object, **options: object) -> None:
        if len(arguments) != 4 or options:
            raise DeclarationError("HashOfMaps needs its types in brackets", _example("HashOfMaps"))
        super().__init__(*arguments)  # type: ignore[arg-type]

    def __class_getitem__(cls, types: object) -> _Maker:
        if not isinstance(types, tuple) or len(types) != 2:
            raise DeclarationError("HashOfMaps takes a key type and a map", _example("HashOfMaps"))
        return _Maker(cls, layout_of(types[0]), types[1])


class ArrayOfMaps(_OfMaps):
    """Maps by number: `BPF_MAP_TYPE_ARRAY_OF_MAPS`, Linux 4.12. Programs look maps up; Python puts them there."""

    kind = "ArrayOfMaps"

    def __init__(self, *arguments: object, **options: object) -> None:
        if len(arguments) != 4 or options:
            raise DeclarationError("ArrayOfMaps needs its map in brackets", _example("ArrayOfMaps"))
        super().__init__(*arguments)  # type: ignore[arg-type]

    def __class_getitem__(cls, inner: object) -> _Maker:
        return _Maker(cls, layout.U32, inner)
