"""Storage of tasks: values by the number of a task. `tid=` and `pid=` of a run say whose it is."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, final

from pyebpf.decode import decoder
from pyebpf.diagnostics.base import InternalError
from pyebpf.encode import encode
from pyebpf.ir.module import MapRef
from pyebpf.simulator.memory import Memory


@final
class TaskStorage:
    """BPF_MAP_TYPE_TASK_STORAGE."""

    def __init__(self, ref: MapRef) -> None:
        if ref.value is None:
            raise InternalError(f"{ref.name} has no value")
        self.ref = ref
        self.type = ref.value
        self.values: dict[int, Memory] = {}

    def put(self, task: int, value: bytes) -> Memory:
        self.values[task] = Memory(f"a value of {self.ref.name}", value)
        return self.values[task]


@final
class TaskStorageView(MutableMapping[int, Any]):
    """A TaskStorage in a test: values by process id."""

    def __init__(self, storage: TaskStorage) -> None:
        self.name = storage.ref.name
        self.kind = storage.ref.kind
        self._storage = storage
        self._decode = decoder(storage.type)

    def __getitem__(self, pid: int) -> Any:
        return self._decode(bytes(self._storage.values[pid].data), 0)

    def __setitem__(self, pid: int, value: Any) -> None:
        self._storage.put(pid, encode(self._storage.type, value, f"value of {self.name}"))

    def __delitem__(self, pid: int) -> None:
        del self._storage.values[pid]

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._storage.values))

    def __len__(self) -> int:
        return len(self._storage.values)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}, with {len(self)} entries>"
