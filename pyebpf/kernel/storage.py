"""Storage on the kernel's own objects: what each kind hangs on, and by which helpers programs reach it.

Sources: bpf_task_storage.c, bpf_cgrp_storage.c and bpf_inode_storage.c in kernel/bpf, net/core/bpf_sk_storage.c. Which
program types may call the helpers is in `helpers`.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.kernel.helpers import Helper, helper_by_name
from pyebpf.kernel.hooks import HOOKS, Hook
from pyebpf.kernel.maps import MapType
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class StorageKind:
    """A map class whose values hang on objects of the kernel."""

    name: str
    type: MapType
    struct: str
    """The kernel struct that its keys are pointers to."""
    what: str
    """The object in a word."""
    key: str
    """How a probe names the object that it runs for."""
    helpers: str
    """What the names of its helpers begin with."""
    elsewhere: str
    """Why some hooks may not use it, and what would take its place."""

    @property
    def get(self) -> Helper:
        return self._helper("get")

    @property
    def delete(self) -> Helper:
        return self._helper("delete")

    def _helper(self, what: str) -> Helper:
        found = helper_by_name(f"{self.helpers}_{what}")
        assert found is not None
        return found

    def hooks(self) -> tuple[Hook, ...]:
        """Those that may use it."""
        return tuple(hook for hook in HOOKS if self.get.allows(hook.program_type, hook.attach_type))


STORAGES: Final = (
    StorageKind("TaskStorage", MapType.TASK_STORAGE, "task_struct", "task", "current_task()", "task_storage", ""),
    StorageKind(
        "SkStorage",
        MapType.SK_STORAGE,
        "bpf_sock",
        "socket",
        "packet.socket",
        "sk_storage",
        "they see no socket that the kernel would let them hang anything on",
    ),
    StorageKind("CgroupStorage", MapType.CGRP_STORAGE, "cgroup", "cgroup", "current_cgroup()", "cgrp_storage", ""),
    StorageKind(
        "InodeStorage",
        MapType.INODE_STORAGE,
        "inode",
        "inode",
        "inode",
        "inode_storage",
        "the kernel keeps it for BPF LSM programs (Linux 5.10, with bpf among the modules of lsm=), which get inodes",
    ),
)


def storage_by_name(name: str) -> StorageKind | None:
    """The row named `name`, or None."""
    return next((kind for kind in STORAGES if kind.name == name), None)


def storage_by_type(type: int) -> StorageKind | None:
    """The row of a map type, or None."""
    return next((kind for kind in STORAGES if kind.type == type), None)
