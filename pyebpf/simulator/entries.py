"""The simulator's maps and rings as `views` take them."""

from __future__ import annotations

import os
from errno import EINVAL
from sys import byteorder
from typing import final

from pyebpf.kernel.maps import MapType
from pyebpf.layout import round_up
from pyebpf.simulator.maps import Array, LruHash, Storage, Values
from pyebpf.simulator.queues import Queue
from pyebpf.views.entries import Entries, Shape

ARRAYS = (MapType.ARRAY, MapType.PERCPU_ARRAY)


@final
class SimulatedEntries(Entries):
    """Entries of a simulated map. Raises OSError as the kernel would."""

    def __init__(self, storage: Storage) -> None:
        ref = storage.ref
        assert ref.key is not None and ref.value is not None
        super().__init__(
            Shape(
                ref.name,
                ref.kind,
                ref.type,
                ref.key,
                ref.value,
                ref.key.size,
                ref.value.size,
                ref.max_entries,
                storage.cpus,
            )
        )
        self.storage = storage

    @property
    def closed(self) -> bool:
        return False

    def _joined(self, values: Values) -> bytes:
        return b"".join(bytes(memory.data).ljust(self.stride, b"\0") for memory in values)

    def lookup(self, key: bytes) -> bytes | None:
        # Looking from outside doesn't make an entry of an LruHash a recently used one.
        storage = self.storage
        values = storage.entries.get(key) if isinstance(storage, LruHash) else storage.lookup(key)
        return self._joined(values) if values is not None else None

    def update(self, key: bytes, value: bytes) -> None:
        size = self.shape.value_size
        steps = range(0, self.value_bytes, round_up(size, 8) if self.per_cpu else size)
        status = self.storage.update(key, [value[at : at + size] for at in steps], 0)
        if status:
            raise OSError(-status, os.strerror(-status))

    def delete(self, key: bytes) -> bool:
        status = self.storage.delete(key)
        if status == -EINVAL:
            raise OSError(EINVAL, os.strerror(EINVAL))
        return status == 0

    def take(self) -> bytes | None:
        raise OSError(EINVAL, os.strerror(EINVAL))

    def has(self, value: bytes) -> bool:
        raise OSError(EINVAL, os.strerror(EINVAL))

    def snapshot(self) -> list[tuple[bytes, bytes]]:
        storage = self.storage
        if isinstance(storage, Array):
            keys = (index.to_bytes(4, byteorder) for index in range(self.max_entries))
            return [(key, self._joined(storage.lookup(key) or [])) for key in keys]
        return [(key, self._joined(values)) for key, values in storage.entries.items()]

    def all_keys(self) -> list[bytes]:
        return [key for key, _ in self.snapshot()]


@final
class QueueEntries(Entries):
    """What is in a simulated queue, stack or Bloom filter, whose one key is `b""`."""

    def __init__(self, queue: Queue) -> None:
        ref = queue.ref
        super().__init__(
            Shape(ref.name, ref.kind, ref.type, None, ref.value, 0, queue.size, ref.max_entries, 1),
        )
        self.queue = queue

    @property
    def closed(self) -> bool:
        return False

    def lookup(self, key: bytes) -> bytes | None:
        return self.queue.peek()

    def update(self, key: bytes, value: bytes) -> None:
        status = self.queue.push(value, 0)
        if status:
            raise OSError(-status, os.strerror(-status))

    def take(self) -> bytes | None:
        return self.queue.pop()

    def has(self, value: bytes) -> bool:
        return self.queue.has(value) == 0

    def delete(self, key: bytes) -> bool:
        raise OSError(EINVAL, os.strerror(EINVAL))

    def snapshot(self) -> list[tuple[bytes, bytes]]:
        raise OSError(EINVAL, os.strerror(EINVAL))

    def all_keys(self) -> list[bytes]:
        raise OSError(EINVAL, os.strerror(EINVAL))
