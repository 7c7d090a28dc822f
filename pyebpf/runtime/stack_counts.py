"""A session's Stacks: counts in one map, stacks in another; and what has names for them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from pyebpf.kernel.maps import MapType
from pyebpf.loader.errors import LoadWarning
from pyebpf.loader.load import LoadedMap, LoadedObject
from pyebpf.metadata import PYTHON_CODES, PYTHON_STACK, PYTHONS, USER_STACK, MapInfo
from pyebpf.pictures.frames import Resolver
from pyebpf.runtime.entries import KernelEntries
from pyebpf.runtime.faults import read_counter
from pyebpf.views.python_calls import PythonStacks
from pyebpf.views.stack_counts import StacksView, stacks_view

if TYPE_CHECKING:
    from pyebpf.symbols import Symbols
    from pyebpf.symbols.pythons import Pythons


def view_of(
    loaded: LoadedObject, found: LoadedMap, info: MapInfo | None, resolver: Callable[[], Resolver]
) -> StacksView | None:
    """The map's view; None if it is no Stacks, or none that is as the object says."""
    if info is None or info.stacks is None:
        return None
    key, pythons = info.stacks, None
    names = [name for name in (key.traces, key.others) if name]
    codes = [key.pythons, PYTHON_CODES] if key.pythons else []
    if not {*names, *codes} <= set(loaded.maps):
        return None
    cell, entries = info.dropped, KernelEntries(found)
    traces = tuple(KernelEntries(loaded.maps[name]) for name in names)
    if codes:
        pythons = PythonStacks(*(KernelEntries(loaded.maps[name]) for name in codes))
    return stacks_view(entries, traces, key, lambda: read_counter(loaded, cell), info.unit, resolver, pythons)


def symbols_for(loaded: LoadedObject) -> Symbols | None:
    """What has names for a session with maps of stacks, from before anything is attached; None for others. Where stacks
    of processes are counted, those that end are known as well; a warning tells where that isn't allowed."""
    pythons = _pythons(loaded)
    if pythons is None and not any(found.spec.type == MapType.STACK_TRACE for found in loaded.maps.values()):
        return None
    from pyebpf.symbols import Symbols

    symbols = Symbols()
    if needs_processes(loaded):
        try:
            symbols.follow(pythons)
        except OSError as error:
            text = f"processes that end before their stacks are read have no names: {error.strerror or error}"
            if pythons is not None:
                text = f"Python's functions are told in processes that are there by now: {error.strerror or error}"
                pythons.scan()
            warnings.warn(LoadWarning(text), stacklevel=3)
    return symbols


def _pythons(loaded: LoadedObject) -> Pythons | None:
    """What tells programs where interpreters are, if they ask."""
    found = loaded.maps.get(PYTHONS) if PYTHON_STACK in _parts(loaded) else None
    if found is None:
        return None
    from pyebpf.symbols.pythons import Pythons

    entries = KernelEntries(found)

    def put(pid: int, values: Mapping[str, int]) -> None:
        with suppress(OSError, ValueError):  # closed meanwhile
            entries.update(entries.encode_key(pid), entries.encode_value(values))

    def drop(pid: int) -> None:
        with suppress(OSError, ValueError):
            entries.delete(entries.encode_key(pid))

    return Pythons(put, drop, [entries.decode_key(key) for key in entries.all_keys()])  # pinned maps have some


def needs_processes(loaded: LoadedObject) -> bool:
    """Whether stacks of processes are counted."""
    return not _parts(loaded).isdisjoint((USER_STACK, PYTHON_STACK))


def _parts(loaded: LoadedObject) -> set[str]:
    """Of the keys of all Stacks."""
    keys = (info.stacks for _, info in loaded.spec.metadata.maps if info.stacks is not None)
    return {part for key in keys for part in key.parts}
