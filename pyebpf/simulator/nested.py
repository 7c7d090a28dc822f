"""Maps of maps: keys, and behind each a map of its own."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from sys import byteorder
from typing import Any, TypeAlias, final

from pyebpf.decode import decoder
from pyebpf.diagnostics.base import InternalError
from pyebpf.encode import encode
from pyebpf.ir.module import MapRef
from pyebpf.kernel.maps import MapType
from pyebpf.simulator.entries import QueueEntries, SimulatedEntries
from pyebpf.simulator.errors import SimulationError
from pyebpf.simulator.maps import Storage, storage
from pyebpf.simulator.memory import Handle
from pyebpf.simulator.queues import QUEUES, Queue
from pyebpf.views.choice import view_of

Inner: TypeAlias = Storage | Queue


@final
class Nested:
    """BPF_MAP_TYPE_HASH_OF_MAPS and ARRAY_OF_MAPS."""

    def __init__(self, ref: MapRef, cpus: int) -> None:
        if ref.inner is None or ref.key is None:
            raise InternalError(f"{ref.name} has no maps in it")
        self.ref = ref
        self.inner = ref.inner
        self.key = ref.key
        self.cpus = cpus
        self.held: dict[bytes, Inner] = {}

    def put(self, slot: int, inner: Inner) -> None:
        """What is there from the start."""
        self.held[slot.to_bytes(self.key.size, byteorder)] = inner

    def lookup(self, key: bytes) -> Handle | None:
        found = self.held.get(key)
        return Handle(self.inner, found) if found is not None else None

    def new(self, max_entries: int) -> Inner:
        """An empty map to be put in."""
        ref = replace(self.inner, max_entries=max_entries)
        return Queue(ref) if ref.type in QUEUES else storage(ref, self.cpus)


def inner_view(inner: Inner) -> Any:
    """A map that is in another, as Python sees it."""
    entries = QueueEntries(inner) if isinstance(inner, Queue) else SimulatedEntries(inner)
    return view_of(entries, inner.ref.unit)


@final
class NestedView(MutableMapping[Any, Any]):
    """A HashOfMaps or ArrayOfMaps in a test."""

    def __init__(self, nested: Nested) -> None:
        self.name = nested.ref.name
        self.kind = nested.ref.kind
        self._nested = nested
        self._views: dict[int, Any] = {}
        """By the `id` of the inner map."""
        self._bound: list[tuple[Any, Any]] = []
        """Declarations that stand for such a map, and its view."""

    def _key(self, key: Any) -> bytes:
        return encode(self._nested.key, key, f"key of {self.name}")

    def __getitem__(self, key: Any) -> Any:
        found = self._nested.held.get(self._key(key))
        if found is None:
            raise KeyError(key)
        return self._views.setdefault(id(found), inner_view(found))

    def __setitem__(self, key: Any, map: Any) -> None:
        """Put in a map of the module, or one declared for it: `tables[7] = Hash[u32, u64](max_entries=64)`."""
        data, ref = self._key(key), self._nested.ref
        if ref.type == MapType.ARRAY_OF_MAPS and int.from_bytes(data, byteorder) >= ref.max_entries:
            raise SimulationError(f"{self.name} has {ref.max_entries} slots, not one at {key}")
        if data not in self._nested.held and len(self._nested.held) >= ref.max_entries:
            raise SimulationError(f"{self.name} is full")
        self._nested.held[data] = self._inner(map)

    def _inner(self, map: Any) -> Inner:
        inner = _existing(map)
        shape = self._nested.inner
        source = map if inner is None else inner.ref
        if (source.kind, source.key, source.value) != (shape.kind, shape.key, shape.value):
            raise TypeError(f"{self.name} takes maps of the kind {shape.kind}, declared alike, not {map!r}")
        if inner is None:
            inner = self._nested.new(map.max_entries)
            view = self._views[id(inner)] = inner_view(inner)
            map.views.append(view)
            self._bound.append((map, view))
        return inner

    def __delitem__(self, key: Any) -> None:
        if self._nested.held.pop(self._key(key), None) is None:
            raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        decode = decoder(self._nested.key)
        return iter([decode(key, 0) for key in self._nested.held])

    def __len__(self) -> int:
        return len(self._nested.held)

    def close(self) -> None:
        """Declarations that were made maps are declarations again."""
        for declared, view in self._bound:
            declared.views = [each for each in declared.views if each is not view]

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


def _existing(map: Any) -> Inner | None:
    """The map behind a view, or behind a declaration that is one already; None if it is only declared."""
    view = map.view if hasattr(map, "views") else map
    entries = getattr(view, "_entries", None)
    if isinstance(entries, SimulatedEntries):
        return entries.storage
    if isinstance(entries, QueueEntries):
        return entries.queue
    if view is not None:
        raise TypeError(f"a map of maps takes maps, not {map!r}")
    return None
