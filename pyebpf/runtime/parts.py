"""A large hash map, read by several threads at once: each takes some of the buckets.

The kernel waits for memory most of the time, for entries lie where they came to lie, and CPUs can wait for several at
once. The position that a batch ends at is the number of the next bucket (kernel/bpf/hashtab.c,
__htab_map_lookup_and_delete_batch: 32 bits, since Linux 5.6). No header promises that, so this kernel is asked first,
with a small map: if it means anything else by positions, one thread reads all.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from sys import byteorder
from typing import Final, final

from pyebpf.kernel.maps import MapType
from pyebpf.loader import sys
from pyebpf.records import dataclass
from pyebpf.runtime import batches
from pyebpf.runtime.batches import Walk
from pyebpf.views.columns import Columns, joined, pieces, split

LARGE: Final = 1 << 16
"""Entries that a map has room for, from which on threads are worth their start."""
THREADS: Final = 4
FIRST: Final = 4096
"""Entries of a part's first call, which say how many there are for a bucket."""
LAST: Final = 512
"""Entries that are read at once where a part ends: some of them are those that the next part begins with."""


@final
@dataclass(frozen=True, slots=True)
class _Map:
    """What there is to read."""

    fd: int
    key_size: int
    value_size: int
    most: int
    flags: int


def read(fd: int, key_size: int, value_size: int, most: int, flags: int = 0) -> Columns:
    """All entries of a hash map, of any kind, as `batches.read` gives them. Raises OSError."""
    threads = min(len(os.sched_getaffinity(0)), THREADS)
    if most < LARGE or threads == 1 or not positions_are_buckets():
        return batches.read(fd, key_size, value_size, most, flags=flags)
    return in_parts(fd, key_size, value_size, most, flags, threads=threads)


@cache
def positions_are_buckets() -> bool:
    """Whether the position of this kernel's batches is the number of a bucket: whether they grow, and from each one on
    there come those entries, in that order, that came behind it. False where no map may be made, too."""
    try:
        with sys.map_create(MapType.HASH, 4, 4, 64) as descriptor:
            fd = descriptor.fd
            for number in range(48):
                sys.map_update(fd, number.to_bytes(4, byteorder), bytes(4))
            whole = batches.read(fd, 4, 4, 64)
            walk, ends = Walk(fd, 4, 4, 64), [0]
            while walk.step(8):
                ends.append(_number(walk.position))
                if _from(fd, ends[-1]) != whole.keys[walk.count * 4 :]:
                    return False
            return whole.count == 48 and ends == sorted(set(ends)) and ends[-1] < 64 and not _from(fd, 64)
    except OSError:
        return False


def _from(fd: int, bucket: int) -> bytes | bytearray | memoryview:
    return Walk(fd, 4, 4, 64, start=bucket.to_bytes(4, byteorder)).all().keys


def _number(position: bytes) -> int:
    return int.from_bytes(position[:4], byteorder)


def in_parts(fd: int, key_size: int, value_size: int, most: int, flags: int = 0, *, threads: int) -> Columns:
    """All entries, by as many threads, in as many parts; by this one where no threads can be started, as when the
    interpreter ends. Raises OSError."""
    map = _Map(fd, key_size, value_size, most, flags)
    buckets = 1 << (most - 1).bit_length()
    starts = [buckets * number // threads for number in range(threads)]
    parts = [_Part(map, start, end, most // threads) for start, end in zip(starts, [*starts[1:], 0], strict=True)]
    try:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_Part.read, parts))
    except RuntimeError:
        return batches.read(fd, key_size, value_size, most, flags=flags)
    return _joined(map, parts)


@final
class _Part:
    """The buckets from `start` to before `end`; to the last one if that is 0."""

    def __init__(self, map: _Map, start: int, end: int, most: int) -> None:
        self.map, self.start, self.end = map, start, end
        room = most * 9 // 8 + FIRST
        position = start.to_bytes(4, byteorder) if start else b""
        self.walk = Walk(map.fd, map.key_size, map.value_size, room, start=position, flags=map.flags)
        self.ends: list[tuple[int, int]] = []
        """The bucket that each call ended before, and how many entries there were then."""

    def read(self) -> None:
        """Raises OSError."""
        while self.walk.step(self._wanted()):
            self.ends.append((_number(self.walk.position), self.walk.count))
            if self.end and self.ends[-1][0] >= self.end:
                return
        self.ends.append((1 << 32, self.walk.count))

    def _wanted(self) -> int:
        """As many as there are likely to be until nearly the end: the last call ends behind it, but not far."""
        if not self.ends:
            return FIRST
        bucket, count = self.ends[-1]
        if not self.end:
            return 1 << 32
        return max(count * (self.end - bucket) // max(bucket - self.start, 1) * 15 // 16, LAST)

    @property
    def reach(self) -> int:
        """The bucket that it ended before."""
        return self.ends[-1][0]

    def last_keys(self) -> set[bytes]:
        """Those of the last call, which alone can have gone beyond the end."""
        before = self.ends[-2][1] if len(self.ends) > 1 else 0
        size = self.map.key_size
        return set(pieces(self.walk.keys[before * size : self.walk.count * size], size))

    def read_before(self, bucket: int) -> int:
        """How many entries it has read until it came to a bucket, and some more."""
        return next(count for reached, count in self.ends if reached >= bucket or reached == self.reach)


def _joined(map: _Map, parts: Sequence[_Part]) -> Columns:
    """All of them, and those once that two parts have read."""
    first, *others = parts
    keys, values = first.walk.keys, first.walk.values
    del keys[first.walk.count * map.key_size :], values[first.walk.count * map.value_size :]
    reach, known = first.reach, first.last_keys()
    for part in others:
        twice = part.read_before(reach) if reach > part.start else 0
        here, there = twice * map.key_size, twice * map.value_size
        head = Columns(part.walk.keys[:here], part.walk.values[:there], twice)
        new = joined((key, value) for key, value in split(head, map.key_size, map.value_size) if key not in known)
        with memoryview(part.walk.keys) as all_keys, memoryview(part.walk.values) as all_values:
            keys += new.keys
            keys += all_keys[here : part.walk.count * map.key_size]
            values += new.values
            values += all_values[there : part.walk.count * map.value_size]
        if part is not parts[-1]:
            reach, known = max(reach, part.reach), known | part.last_keys()
    return Columns(keys, values, len(keys) // map.key_size)
