"""A session's Stacks: counts in one map, stacks in another; and what has names for them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyebpf.kernel.maps import MapType
from pyebpf.loader.errors import LoadWarning
from pyebpf.loader.load import LoadedMap, LoadedObject
from pyebpf.metadata import USER_STACK, MapInfo
from pyebpf.pictures.frames import Resolver
from pyebpf.runtime.entries import KernelEntries
from pyebpf.runtime.faults import read_counter
from pyebpf.views.stack_counts import StacksView, stacks_view

if TYPE_CHECKING:
    from pyebpf.symbols import Symbols


def view_of(
    loaded: LoadedObject, found: LoadedMap, info: MapInfo | None, resolver: Callable[[], Resolver]
) -> StacksView | None:
    """The map's view; None if it is no Stacks, or none that is as the object says."""
    if info is None or info.stacks is None or not {info.stacks.traces, info.stacks.others} <= set(loaded.maps):
        return None
    cell, entries = info.dropped, KernelEntries(found)
    traces = (KernelEntries(loaded.maps[info.stacks.traces]), KernelEntries(loaded.maps[info.stacks.others]))
    return stacks_view(entries, traces, info.stacks, lambda: read_counter(loaded, cell), info.unit, resolver)


def symbols_for(loaded: LoadedObject) -> Symbols | None:
    """What has names for a session with maps of stacks, from before anything is attached; None for others. Where stacks
    of processes are counted, those that end are known as well; a warning tells where that isn't allowed."""
    if not any(found.spec.type == MapType.STACK_TRACE for found in loaded.maps.values()):
        return None
    from pyebpf.symbols import Symbols

    symbols = Symbols()
    if needs_processes(loaded):
        try:
            symbols.follow()
        except OSError as error:
            text = f"processes that end before their stacks are read have no names: {error.strerror or error}"
            warnings.warn(LoadWarning(text), stacklevel=3)
    return symbols


def needs_processes(loaded: LoadedObject) -> bool:
    """Whether stacks of processes are counted."""
    keys = [info.stacks for _, info in loaded.spec.metadata.maps if info.stacks is not None]
    return any(USER_STACK in key.parts for key in keys)
