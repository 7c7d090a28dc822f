"""Storage on the kernel's objects: values by numbers that stand for them. What `tid=` (or `pid=`), `socket=` and
`cgroup_id=` of a run say is whose it is."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, final

from pyebpf.decode import decoder
from pyebpf.diagnostics.base import InternalError
from pyebpf.encode import encode
from pyebpf.ir.module import MapRef
from pyebpf.simulator.memory import Memory


@final
class ObjectStorage:
    """One of the map types in `kernel.storage`."""

    def __init__(self, ref: MapRef) -> None:
        if ref.value is None:
            raise InternalError(f"{ref.name} has no value")
        self.ref = ref
        self.type = ref.value
        self.values: dict[int, Memory] = {}

    def put(self, owner: int, value: bytes) -> Memory:
        self.values[owner] = Memory(f"a value of {self.ref.name}", value)
        return self.values[owner]


@final
class ObjectStorageView(MutableMapping[int, Any]):
    """One in a test: values by process id, or the number that the test gives the socket or the cgroup."""

    def __init__(self, storage: ObjectStorage) -> None:
        self.name = storage.ref.name
        self.kind = storage.ref.kind
        self._storage = storage
        self._decode = decoder(storage.type)

    def __getitem__(self, owner: int) -> Any:
        return self._decode(bytes(self._storage.values[owner].data), 0)

    def __setitem__(self, owner: int, value: Any) -> None:
        self._storage.put(owner, encode(self._storage.type, value, f"value of {self.name}"))

    def __delitem__(self, owner: int) -> None:
        del self._storage.values[owner]

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._storage.values))

    def __len__(self) -> int:
        return len(self._storage.values)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}, with {len(self)} entries>"
