"""Loaded maps of maps: keys, and behind each a map as a view of its own."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, final

from pyebpf.loader import sys
from pyebpf.loader.errors import explain
from pyebpf.loader.maps import LoadedMap, create_map
from pyebpf.loader.token import Token
from pyebpf.object.specs import MapSpec
from pyebpf.runtime.entries import KernelEntries


@final
class MapsView(MutableMapping[Any, Any]):
    """A loaded HashOfMaps or ArrayOfMaps. Raises LoadError when the kernel refuses a map."""

    def __init__(self, loaded: LoadedMap, view: Callable[[LoadedMap], Any], token: Token | None = None) -> None:
        assert loaded.spec.inner is not None
        self.name = loaded.spec.name
        self.kind = loaded.spec.kind
        self.inner: MapSpec = loaded.spec.inner
        self._loaded = loaded
        self._entries = KernelEntries(loaded)
        self._view = view
        self._token = token
        self._held: dict[int, tuple[LoadedMap, Any]] = {}
        """Maps that were asked for, or put in, by the kernel's id."""
        self._bound: list[tuple[Any, Any]] = []
        """Declarations that stand for such a map, and its view."""

    def __getitem__(self, key: Any) -> Any:
        """The map of `key`, as a view. KeyError if there is none."""
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        number = int(struct.unpack("=I", found)[0])
        if number not in self._held:
            try:
                descriptor = sys.map_get_fd_by_id(number)
            except OSError as error:
                what = f"open a map in {self.name} by its number"
                raise explain(error, what, needed=("CAP_SYS_ADMIN",)) from None
            entries = struct.unpack_from("=I", sys.obj_get_info_by_fd(descriptor.fd), 16)[0]
            made = LoadedMap(descriptor, dataclasses.replace(self.inner, max_entries=entries))
            self._held[number] = made, self._view(made)
        return self._held[number][1]

    def _find(self, key: Any) -> bytes | None:
        return self._entries.lookup(self._entries.encode_key(key))

    def __setitem__(self, key: Any, map: Any) -> None:
        """Put in a map of the session, or one declared for it: `tables[7] = Hash[u32, u64](max_entries=64)`."""
        fd = self._descriptor(map)
        try:
            sys.map_update(self._loaded.fd, self._entries.encode_key(key), struct.pack("=i", fd))
        except OSError as error:
            raise explain(error, f"put a map into {self.name}") from None

    def _descriptor(self, map: Any) -> int:
        """The map's, which is made if it is only declared so far."""
        view = map.view if hasattr(map, "views") else map
        entries = getattr(view, "_entries", None)
        if isinstance(entries, KernelEntries):
            return entries.loaded.fd
        if view is not None:
            raise TypeError(f"{self.name} takes maps, not {map!r}")
        if (map.kind, map.key, map.value) != (self.inner.kind, self.inner.key, self.inner.value):
            raise TypeError(f"{self.name} takes maps of the kind {self.inner.kind}, declared alike, not {map!r}")
        made = create_map(dataclasses.replace(self.inner, max_entries=map.max_entries), self._token)
        number = struct.unpack_from("=I", sys.obj_get_info_by_fd(made.fd), 4)[0]
        self._held[number] = made, self._view(made)
        map.views.append(self._held[number][1])
        self._bound.append((map, self._held[number][1]))
        return made.fd

    def __delitem__(self, key: Any) -> None:
        if not self._entries.delete(self._entries.encode_key(key)):
            raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        try:
            return self._find(key) is not None
        except (TypeError, ValueError, OverflowError):
            return False

    def __iter__(self) -> Iterator[Any]:
        keys = [key for key in self._entries.walk() if self._entries.lookup(key) is not None]
        return iter([self._entries.decode_key(key) for key in keys])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def close(self) -> None:
        """Close what was made or asked for; the maps themselves go with the last that holds them."""
        for declared, view in self._bound:
            declared.views = [each for each in declared.views if each is not view]
        for made, _ in self._held.values():
            made.descriptor.close()

    def __repr__(self) -> str:
        return f"<{self.kind or 'map of maps'} {self.name}>"
