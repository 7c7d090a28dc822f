"""Options of maps as rows: what is written in the declaration, and the flag of BPF_MAP_CREATE that it sets.

Source: kernel/bpf/hashtab.c, arraymap.c, lpm_trie.c, queue_stack_maps.c, ringbuf.c (their masks of flags); the kernel's
history for versions.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.kernel.maps import MapFlag
from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass

_HASHES: Final = ("Hash", "LruHash", "PerCpuHash", "LruPerCpuHash")
_PLAIN: Final = ("Hash", "LruHash", "Array", "LpmTrie", "Queue", "Stack", "BloomFilter", "RingBuf")
_ALL: Final = (*_HASHES, "Array", "PerCpuArray", "LpmTrie", "Queue", "Stack", "BloomFilter", "RingBuf")


@final
@dataclass(frozen=True, slots=True)
class MapOption:
    """An option: True or False, or a number from 0 on."""

    name: str
    flag: MapFlag | None
    """Set where the option is given and isn't `default`; None for what is no flag of the map."""
    kinds: tuple[str, ...]
    """The map classes that have it."""
    since: Version
    default: bool | None = False
    """None for a number, which there is or isn't."""


OPTIONS: Final = (
    MapOption("mmapable", MapFlag.MMAPABLE, ("Array",), (5, 5)),
    MapOption("preallocate", MapFlag.NO_PREALLOC, ("Hash", "PerCpuHash"), (4, 6), default=True),
    MapOption("per_cpu_lists", MapFlag.NO_COMMON_LRU, ("LruHash", "LruPerCpuHash"), (4, 10)),
    MapOption("read_only", MapFlag.RDONLY_PROG, (*_HASHES, "Array", "PerCpuArray", "LpmTrie"), (5, 2)),
    MapOption("numa_node", MapFlag.NUMA_NODE, _PLAIN, (4, 14), default=None),
    MapOption("pinned", None, _ALL, (4, 4)),
)
UNALLOCATED: Final[Version] = (6, 1)
"""The first kernel that lets programs on perf events, and those that may sleep, have hash maps without
preallocation."""


def options_of(kind: str) -> tuple[MapOption, ...]:
    """The options that maps of a class have."""
    return tuple(option for option in OPTIONS if kind in option.kinds)


def options_in(kind: str, flags: int) -> tuple[MapOption, ...]:
    """The options that a map was declared with, as far as they are flags."""
    return tuple(option for option in options_of(kind) if option.flag is not None and flags & option.flag)
