"""A session's Stacks: counts in one map, stacks in another."""

from __future__ import annotations

from pyebpf.loader.load import LoadedMap, LoadedObject
from pyebpf.metadata import MapInfo
from pyebpf.runtime.entries import KernelEntries
from pyebpf.runtime.faults import read_counter
from pyebpf.views.stack_counts import StacksView, stacks_view


def view_of(loaded: LoadedObject, found: LoadedMap, info: MapInfo | None) -> StacksView | None:
    """The map's view; None if it is no Stacks, or none that is as the object says."""
    if info is None or info.stacks is None or info.stacks.traces not in loaded.maps:
        return None
    cell, traces = info.dropped, KernelEntries(loaded.maps[info.stacks.traces])
    return stacks_view(KernelEntries(found), traces, info.stacks, lambda: read_counter(loaded, cell))
