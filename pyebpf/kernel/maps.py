"""Map types, and the map classes of the language as rows over them.

Source: `enum bpf_map_type` in include/uapi/linux/bpf.h; the kernel's history for versions.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Final, Literal, final

from pyebpf.records import dataclass


class MapType(IntEnum):
    """`enum bpf_map_type`."""

    UNSPEC = 0
    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    PERF_EVENT_ARRAY = 4
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    STACK_TRACE = 7
    CGROUP_ARRAY = 8
    LRU_HASH = 9
    LRU_PERCPU_HASH = 10
    LPM_TRIE = 11
    ARRAY_OF_MAPS = 12
    HASH_OF_MAPS = 13
    DEVMAP = 14
    SOCKMAP = 15
    CPUMAP = 16
    XSKMAP = 17
    SOCKHASH = 18
    CGROUP_STORAGE = 19
    REUSEPORT_SOCKARRAY = 20
    PERCPU_CGROUP_STORAGE = 21
    QUEUE = 22
    STACK = 23
    SK_STORAGE = 24
    DEVMAP_HASH = 25
    STRUCT_OPS = 26
    RINGBUF = 27
    INODE_STORAGE = 28
    TASK_STORAGE = 29
    BLOOM_FILTER = 30
    USER_RINGBUF = 31
    CGRP_STORAGE = 32
    ARENA = 33
    INSN_ARRAY = 34


class MapFlag(IntFlag):
    """`map_flags` of BPF_MAP_CREATE."""

    NO_PREALLOC = 1 << 0
    NO_COMMON_LRU = 1 << 1
    NUMA_NODE = 1 << 2
    RDONLY = 1 << 3
    WRONLY = 1 << 4
    STACK_BUILD_ID = 1 << 5
    ZERO_SEED = 1 << 6
    RDONLY_PROG = 1 << 7
    WRONLY_PROG = 1 << 8
    CLONE = 1 << 9
    MMAPABLE = 1 << 10
    PRESERVE_ELEMS = 1 << 11
    INNER_MAP = 1 << 12


ARENA_MAP: Final = "__pyebpf_arena"
"""The name of the one map that all arenas of a module lie in: a program can have no second one."""
ARENA_SECTION: Final = ".addr_space.1"
"""The section whose addresses are in the object's arena (libbpf 1.4)."""
ARENA_PAGE: Final = 4096
"""Bytes by which arenas are counted here; where pages are larger there is more room."""
ARENA_SINCE: Final = (6, 10)
"""The first kernel with atomic additions in arenas, which it has since 6.9."""
HISTOGRAM_BUCKETS: Final = 64
"""Of a log2 histogram: bucket `k` counts values from 2**k to 2**(k+1) - 1, bucket 0 also zeros; so u64 needs 64."""

MOST_DRAINED: Final = 128 * 1024
"""BPF_MAX_USER_RINGBUF_SAMPLES: records that a program takes by one call."""
EVENTS: Final = (MapType.RINGBUF, MapType.PERF_EVENT_ARRAY)
"""What programs put events into, for user space to read."""

Operation = Literal["lookup", "update", "delete", "iterate", "reserve", "push", "pop", "peek", "call", "redirect"]

_ENTRIES: Final[tuple[Operation, ...]] = ("lookup", "update", "delete", "iterate")
_SLOTS: Final[tuple[Operation, ...]] = ("lookup", "update", "iterate")
_STORAGE: Final[tuple[Operation, ...]] = ("lookup", "update", "delete")


@final
@dataclass(frozen=True, slots=True)
class MapKind:
    """A map class of the language."""

    name: str
    type: MapType
    since: tuple[int, int]
    """First kernel with the map type."""
    key: Literal["any", "u32", "network", "task", "socket", "cgroup", "inode", "none"]
    """What the key may be: any type; an index below `max_entries`; a network of addresses; an object of the kernel;
    there is none."""
    per_cpu: bool
    """Each CPU has a value of its own; from user space the values of all possible CPUs are read and written at once."""
    flags: int
    """Always set at creation (`MapFlag`)."""
    operations: tuple[Operation, ...]
    """What a program can do with it. `iterate` is from user space only."""
    always_present: bool = False
    """Every valid index has a value (at first zero), so that `in` is a comparison and nothing can be missing."""

    @property
    def written(self) -> str:
        """The class as it is written in a probe: `Histogram[K](…)` makes a KeyedHistogram."""
        return self.name.removeprefix("Keyed")


HASH: Final = MapKind("Hash", MapType.HASH, (3, 19), "any", False, 0, _ENTRIES)
LRU_HASH: Final = MapKind("LruHash", MapType.LRU_HASH, (4, 10), "any", False, 0, _ENTRIES)
PER_CPU_HASH: Final = MapKind("PerCpuHash", MapType.PERCPU_HASH, (4, 6), "any", True, 0, _ENTRIES)
ARRAY: Final = MapKind("Array", MapType.ARRAY, (3, 19), "u32", False, 0, _SLOTS, always_present=True)
PER_CPU_ARRAY: Final = MapKind("PerCpuArray", MapType.PERCPU_ARRAY, (4, 6), "u32", True, 0, _SLOTS, always_present=True)
LRU_PER_CPU_HASH: Final = MapKind("LruPerCpuHash", MapType.LRU_PERCPU_HASH, (4, 10), "any", True, 0, _ENTRIES)
LPM_TRIE: Final = MapKind("LpmTrie", MapType.LPM_TRIE, (4, 11), "network", False, MapFlag.NO_PREALLOC, _ENTRIES)
QUEUE: Final = MapKind("Queue", MapType.QUEUE, (4, 20), "none", False, 0, ("push", "pop", "peek"))
STACK: Final = MapKind("Stack", MapType.STACK, (4, 20), "none", False, 0, ("push", "pop", "peek"))
BLOOM_FILTER: Final = MapKind("BloomFilter", MapType.BLOOM_FILTER, (5, 16), "none", False, 0, ("push", "peek"))
PROG_ARRAY: Final = MapKind("ProgArray", MapType.PROG_ARRAY, (4, 2), "u32", False, 0, ("call",))
ARRAY_OF_MAPS: Final = MapKind("ArrayOfMaps", MapType.ARRAY_OF_MAPS, (4, 12), "u32", False, 0, ("lookup",))
HASH_OF_MAPS: Final = MapKind("HashOfMaps", MapType.HASH_OF_MAPS, (4, 12), "any", False, 0, ("lookup",))
TASK_STORAGE: Final = MapKind("TaskStorage", MapType.TASK_STORAGE, (5, 11), "task", False, 1, _STORAGE)
SK_STORAGE: Final = MapKind("SkStorage", MapType.SK_STORAGE, (5, 2), "socket", False, 1, _STORAGE)
CGROUP_STORAGE: Final = MapKind("CgroupStorage", MapType.CGRP_STORAGE, (6, 2), "cgroup", False, 1, _STORAGE)
INODE_STORAGE: Final = MapKind("InodeStorage", MapType.INODE_STORAGE, (5, 10), "inode", False, 1, _STORAGE)
RING_BUF: Final = MapKind("RingBuf", MapType.RINGBUF, (5, 8), "none", False, 0, ("reserve",))
USER_RING_BUF: Final = MapKind("UserRingBuf", MapType.USER_RINGBUF, (6, 1), "none", False, 0, ("pop",))
PERF_EVENT_ARRAY: Final = MapKind(  # the map 4.3, what programs write into it 4.4
    "PerfEventArray", MapType.PERF_EVENT_ARRAY, (4, 4), "none", False, 0, ("reserve",)
)
DEV_MAP: Final = MapKind("DevMap", MapType.DEVMAP, (5, 8), "u32", False, 0, ("redirect",))  # with programs; 4.14
DEV_MAP_HASH: Final = MapKind("DevMapHash", MapType.DEVMAP_HASH, (5, 8), "u32", False, 0, ("redirect",))
CPU_MAP: Final = MapKind("CpuMap", MapType.CPUMAP, (5, 9), "u32", False, 0, ("redirect",))
XSK_MAP: Final = MapKind("XskMap", MapType.XSKMAP, (4, 18), "u32", False, 0, ("redirect",))
SOCK_MAP: Final = MapKind("SockMap", MapType.SOCKMAP, (4, 14), "u32", False, 0, ("redirect",))
SOCK_HASH: Final = MapKind("SockHash", MapType.SOCKHASH, (4, 18), "u32", False, 0, ("redirect",))
REUSEPORT_SOCK_ARRAY: Final = MapKind(
    "ReuseportSockArray", MapType.REUSEPORT_SOCKARRAY, (4, 19), "u32", False, 0, ("redirect",)
)
STACK_TRACE: Final = MapKind("StackTrace", MapType.STACK_TRACE, (4, 6), "u32", False, 0, ("iterate",))
STACKS: Final = MapKind("Stacks", MapType.HASH, (4, 6), "any", False, 0, ("update",))
HISTOGRAM: Final = MapKind("Histogram", MapType.PERCPU_ARRAY, (4, 6), "u32", True, 0, _SLOTS, always_present=True)
LINEAR_HISTOGRAM: Final = MapKind(
    "LinearHistogram", MapType.PERCPU_ARRAY, (4, 6), "u32", True, 0, _SLOTS, always_present=True
)
KEYED_HISTOGRAM: Final = MapKind("KeyedHistogram", MapType.HASH, (3, 19), "any", False, 0, _ENTRIES)
KEYED_LINEAR_HISTOGRAM: Final = MapKind("KeyedLinearHistogram", MapType.HASH, (3, 19), "any", False, 0, _ENTRIES)

MAP_KINDS: Final = (
    *(HASH, LRU_HASH, PER_CPU_HASH, LRU_PER_CPU_HASH, LPM_TRIE),
    *(ARRAY, PER_CPU_ARRAY),
    *(HISTOGRAM, LINEAR_HISTOGRAM, KEYED_HISTOGRAM, KEYED_LINEAR_HISTOGRAM),
    *(QUEUE, STACK, BLOOM_FILTER, RING_BUF, PERF_EVENT_ARRAY, USER_RING_BUF),
    *(TASK_STORAGE, SK_STORAGE, CGROUP_STORAGE, INODE_STORAGE),
    *(DEV_MAP, DEV_MAP_HASH, CPU_MAP, XSK_MAP, SOCK_MAP, SOCK_HASH, REUSEPORT_SOCK_ARRAY),
    *(PROG_ARRAY, ARRAY_OF_MAPS, HASH_OF_MAPS),
    *(STACK_TRACE, STACKS),
)


def runner(type: int) -> str:
    """The helper that runs a function for each entry of a map."""
    return "user_ringbuf_drain" if type == MapType.USER_RINGBUF else "for_each_map_elem"


def map_kind_by_name(name: str) -> MapKind | None:
    """The row named `name`, or None."""
    return next((kind for kind in MAP_KINDS if kind.name == name), None)
