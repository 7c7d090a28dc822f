"""Which collection a map is in Python."""

from __future__ import annotations

from typing import TypeAlias

from pyebpf.kernel.maps import MapType
from pyebpf.metadata import Steps
from pyebpf.views.entries import Entries
from pyebpf.views.histograms import (
    HISTOGRAMS,
    KEYED,
    HistogramView,
    KeyedHistogramView,
    is_histogram,
    is_keyed_histogram,
)
from pyebpf.views.maps import ArrayView, HashView
from pyebpf.views.queues import BloomFilterView, QueueView
from pyebpf.views.stacks import StackTraceView
from pyebpf.views.targets import TargetsView

KeyedView: TypeAlias = HashView | ArrayView | StackTraceView | TargetsView
EntriesView: TypeAlias = KeyedView | QueueView | BloomFilterView


def view_of(entries: Entries, unit: str = "", steps: Steps | None = None) -> EntriesView | None:
    """The collection that suits a map other than a ring; None for kinds that user space doesn't read. `unit` and
    `steps` are those of histograms."""
    if entries.kind in HISTOGRAMS and is_histogram(entries, steps):
        return HistogramView(entries, unit, steps)
    if entries.kind in KEYED and is_keyed_histogram(entries, steps):
        return KeyedHistogramView(entries, unit, steps)
    match entries.shape.type:
        case MapType.ARRAY | MapType.PERCPU_ARRAY:
            return ArrayView(entries)
        case MapType.HASH | MapType.LRU_HASH | MapType.PERCPU_HASH | MapType.LRU_PERCPU_HASH | MapType.LPM_TRIE:
            return HashView(entries)
        case MapType.QUEUE | MapType.STACK:
            return QueueView(entries)
        case MapType.STACK_TRACE:
            return StackTraceView(entries)
        case MapType.BLOOM_FILTER:
            return BloomFilterView(entries)
        case MapType.DEVMAP | MapType.DEVMAP_HASH | MapType.CPUMAP | MapType.XSKMAP:
            return TargetsView(entries)
        case MapType.SOCKMAP | MapType.SOCKHASH | MapType.REUSEPORT_SOCKARRAY:
            return TargetsView(entries)
        case _:
            return None
