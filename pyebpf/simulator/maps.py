"""Maps in Python's memory, with the answers that the kernel's give: 0, or -errno."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator
from errno import E2BIG, EEXIST, EINVAL, ENOENT
from sys import byteorder
from typing import TypeAlias

from pyebpf.diagnostics.base import InternalError
from pyebpf.ir.module import MapRef
from pyebpf.kernel.maps import MapType
from pyebpf.layout import SPIN_LOCK, locks
from pyebpf.simulator.memory import Memory, Timer
from pyebpf.views.entries import PER_CPU

ANY, NOEXIST, EXIST, LOCK = 0, 1, 2, 4
"""BPF_ANY, …, BPF_F_LOCK: an entry is written in place, but for its lock."""
Values: TypeAlias = list[Memory]
"""The values of an entry, one for each CPU in per-CPU maps, otherwise one."""


class Storage(ABC):
    """The entries of a map. Keys are bytes; values are memory that programs hold references to."""

    def __init__(self, ref: MapRef, cpus: int) -> None:
        self.ref = ref
        self.cpus = cpus if ref.type in PER_CPU else 1
        self.entries: OrderedDict[bytes, Values] = OrderedDict()
        assert ref.value is not None
        self.size = ref.value.size

    def values(self, parts: list[bytes]) -> Values:
        return [Memory(f"an entry of {self.ref.name}", part) for part in parts]

    def own(self, values: Values, cpu: int) -> Memory:
        """The value that a program on `cpu` gets."""
        return values[cpu] if self.cpus > 1 else values[0]

    @abstractmethod
    def lookup(self, key: bytes) -> Values | None:
        """The entry."""

    @abstractmethod
    def update(self, key: bytes, parts: list[bytes], flags: int) -> int:
        """Write the values of all CPUs."""

    @abstractmethod
    def delete(self, key: bytes) -> int:
        """Remove the entry."""

    def write_in_place(self, memory: Memory, value: bytes) -> None:
        """A new value; a lock in it stays as it is, and a timer ends."""
        for at in locks(self.ref.value):
            value = value[:at] + bytes(memory.data[at : at + SPIN_LOCK.size]) + value[at + SPIN_LOCK.size :]
        memory.write(0, value)
        memory.timer = memory.work = None

    def with_timers(self) -> Iterator[tuple[bytes, Memory, Timer]]:
        """The entries whose timers run, or whose work queues wait: key, value, timer."""
        for key, values in self.present():
            for timer in (values[0].timer, values[0].work):
                if timer is not None and timer.due is not None:
                    yield key, values[0], timer

    def present(self) -> list[tuple[bytes, Values]]:
        """The entries that anybody has written or asked for."""
        return list(self.entries.items())

    def update_from(self, key: bytes, value: bytes, flags: int, cpu: int) -> int:
        """Write the value of one CPU, as programs do; a new entry is zero for the others."""
        if self.cpus == 1:
            return self.update(key, [value], flags)
        found = self.lookup(key)
        if found is None or flags == NOEXIST:
            parts = [bytes(self.size)] * self.cpus
            return self.update(key, [*parts[:cpu], value, *parts[cpu + 1 :]], flags)
        found[cpu].write(0, value)
        return 0


class Hash(Storage):
    """BPF_MAP_TYPE_HASH and PERCPU_HASH: full at `max_entries`."""

    def lookup(self, key: bytes) -> Values | None:
        return self.entries.get(key)

    def update(self, key: bytes, parts: list[bytes], flags: int) -> int:
        wanted = flags & ~LOCK
        if wanted not in (ANY, NOEXIST, EXIST):
            return -EINVAL
        if key in self.entries and wanted == NOEXIST:
            return -EEXIST
        if key not in self.entries:
            if wanted == EXIST:
                return -ENOENT
            if not self.room():
                return -E2BIG
        elif flags & LOCK:
            self.write_in_place(self.entries[key][0], parts[0])
            return 0
        self.entries[key] = self.values(parts)  # who has a reference keeps the old one, as in Python
        return 0

    def room(self) -> bool:
        """Whether there is a place for another entry."""
        return len(self.entries) < self.ref.max_entries

    def delete(self, key: bytes) -> int:
        return 0 if self.entries.pop(key, None) is not None else -ENOENT


class LruHash(Hash):
    """BPF_MAP_TYPE_LRU_HASH: when full, the entry goes that was not used for the longest time.

    The kernel's lists of what was used are approximate, and per CPU: there it may be another old one.
    """

    def lookup(self, key: bytes) -> Values | None:
        if key in self.entries:
            self.entries.move_to_end(key)
        return self.entries.get(key)

    def update(self, key: bytes, parts: list[bytes], flags: int) -> int:
        status = super().update(key, parts, flags)
        if status == 0:
            self.entries.move_to_end(key)
        return status

    def room(self) -> bool:
        if len(self.entries) >= self.ref.max_entries:
            self.entries.popitem(last=False)
        return True


class Array(Storage):
    """BPF_MAP_TYPE_ARRAY and PERCPU_ARRAY: every index has a value, at first zero."""

    def __init__(self, ref: MapRef, cpus: int) -> None:
        super().__init__(ref, cpus)
        self.touched: dict[int, Values] = {}
        """Values that somebody has asked for: arrays may be large."""

    def element(self, index: int) -> Values:
        if index not in self.touched:
            self.touched[index] = self.values([bytes(self.size)] * self.cpus)
        return self.touched[index]

    def present(self) -> list[tuple[bytes, Values]]:
        return [(index.to_bytes(4, byteorder), values) for index, values in sorted(self.touched.items())]

    def lookup(self, key: bytes) -> Values | None:
        index = int.from_bytes(key, byteorder)
        return self.element(index) if index < self.ref.max_entries else None

    def update(self, key: bytes, parts: list[bytes], flags: int) -> int:
        index = int.from_bytes(key, byteorder)
        if flags & ~LOCK not in (ANY, NOEXIST, EXIST):
            return -EINVAL
        if index >= self.ref.max_entries:
            return -E2BIG
        if flags & NOEXIST:
            return -EEXIST
        if flags & LOCK:
            self.write_in_place(self.element(index)[0], parts[0])
            return 0
        for memory, part in zip(self.element(index), parts, strict=True):
            self.write_in_place(memory, part)
        return 0

    def delete(self, key: bytes) -> int:
        return -EINVAL


class LpmTrie(Hash):
    """BPF_MAP_TYPE_LPM_TRIE: keys are a length in bits (u32) and an address; the longest that matches is found."""

    def lookup(self, key: bytes) -> Values | None:
        wanted = int.from_bytes(key[:4], byteorder)
        best: tuple[int, Values] | None = None
        for known, values in self.entries.items():
            length = int.from_bytes(known[:4], byteorder)
            if length <= wanted and _prefix(known, length) == _prefix(key, length):
                best = max(best or (-1, values), (length, values), key=lambda pair: pair[0])
        return best[1] if best is not None else None

    def update(self, key: bytes, parts: list[bytes], flags: int) -> int:
        if int.from_bytes(key[:4], byteorder) > (len(key) - 4) * 8:
            return -EINVAL
        return super().update(_canonical(key), parts, flags)

    def delete(self, key: bytes) -> int:
        return super().delete(_canonical(key))


def _prefix(key: bytes, length: int) -> int:
    """The first `length` bits of a trie's address."""
    return int.from_bytes(key[4:], "big") >> ((len(key) - 4) * 8 - length)


def _canonical(key: bytes) -> bytes:
    """A trie's key with zeros behind its prefix, so that equal prefixes are equal keys."""
    length, bits = int.from_bytes(key[:4], byteorder), (len(key) - 4) * 8
    if length > bits:
        return key
    number = _prefix(key, length) << (bits - length)
    return key[:4] + number.to_bytes(len(key) - 4, "big")


STORAGES: dict[int, type[Storage]] = {
    MapType.HASH: Hash,
    MapType.PERCPU_HASH: Hash,
    MapType.LRU_HASH: LruHash,
    MapType.LRU_PERCPU_HASH: LruHash,
    MapType.ARRAY: Array,
    MapType.PERCPU_ARRAY: Array,
    MapType.LPM_TRIE: LpmTrie,
    MapType.STACK_TRACE: Hash,
}
"""By map type; rings are in `rings`."""


def storage(ref: MapRef, cpus: int) -> Storage:
    """An empty map of one of the types in `STORAGES`."""
    if ref.key is None or ref.value is None:
        raise InternalError(f"map {ref.name} has no key or no value")
    return STORAGES[ref.type](ref, cpus)
