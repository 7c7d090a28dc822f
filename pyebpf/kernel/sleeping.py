"""What programs that may sleep (BPF_F_SLEEPABLE) have of the kernel, and since when.

Sources: `check_map_prog_compatibility` in kernel/bpf/verifier.c; each row as the verifiers of 5.10, 6.1, 6.12, 6.18
and 7.3 answer, with the true version where the history is certain.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pyebpf.kernel.maps import MapType

if TYPE_CHECKING:
    from collections.abc import Mapping

Version = tuple[int, int]
T = MapType

MAPS: Final[Mapping[MapType, Version]] = MappingProxyType(
    {
        **dict.fromkeys((T.HASH, T.LRU_HASH, T.ARRAY), (5, 10)),
        **dict.fromkeys((T.PERCPU_HASH, T.PERCPU_ARRAY, T.LRU_PERCPU_HASH), (5, 12)),
        **dict.fromkeys((T.ARRAY_OF_MAPS, T.HASH_OF_MAPS, T.RINGBUF), (5, 12)),
        **dict.fromkeys((T.INODE_STORAGE, T.SK_STORAGE, T.TASK_STORAGE), (5, 17)),
        T.USER_RINGBUF: (6, 1),
        T.CGRP_STORAGE: (6, 2),
        **dict.fromkeys((T.QUEUE, T.STACK), (6, 12)),
        **dict.fromkeys((T.LPM_TRIE, T.PROG_ARRAY), (7, 3)),
    }
)
"""Map types that they may use. The others are for programs that run to their end at once."""
ON_DEMAND: Final[Version] = (6, 1)
"""Hash maps whose memory is taken entry by entry (BPF_F_NO_PREALLOC), in them (commit 02cc5aa29e8c)."""
LOCKS: Final[Version] = (6, 9)
"""Maps with spin locks, in them."""
