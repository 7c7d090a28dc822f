"""Storage that hangs on the kernel's own objects: `states = TaskStorage[State]()`."""

from __future__ import annotations

from pyebpf import layout
from pyebpf.lang.errors import DeclarationError
from pyebpf.lang.maps import Map
from pyebpf.lang.types import layout_of


class _Maker:
    """`TaskStorage[T]`, waiting for its parentheses."""

    def __init__(self, cls: type[Storage], value: layout.Type) -> None:
        self.cls = cls
        self.value = value

    def __call__(self, *arguments: object, **options: object) -> Storage:
        if arguments or options:
            example = f"{self.cls.kind}[{self.value}]()"
            raise DeclarationError(f"{self.cls.kind} has no size: it grows with what it hangs on", example)
        return self.cls(self.value)


class Storage(Map):
    """A value for each object of the kernel that was given one, gone with it."""

    one_type = True

    def __init__(self, *arguments: layout.Type, **options: object) -> None:
        if len(arguments) != 1 or options:
            raise DeclarationError(f"{self.kind} needs its type in brackets", f"{self.kind}[u64]()")
        super().__init__(layout.I32, arguments[0], 0)

    def __class_getitem__(cls, type: object) -> _Maker:
        if isinstance(type, tuple):
            raise DeclarationError(f"{cls.kind} takes one type, that of its values", f"{cls.kind}[u64]()")
        return _Maker(cls, layout_of(type))

    def __repr__(self) -> str:
        return f"{self.kind}[{self.value}]"


class TaskStorage(Storage):
    """A value for each task (thread) that was given one, gone with it: `BPF_MAP_TYPE_TASK_STORAGE`, Linux 5.11.

    In a probe its keys are `current_task()`; from Python they are process ids.
    """

    kind = "TaskStorage"


class SkStorage(Storage):
    """A value for each socket that was given one, gone with it: `BPF_MAP_TYPE_SK_STORAGE`, Linux 5.2.

    In a probe its keys are `packet.socket`; from Python they are sockets, or their descriptors.
    """

    kind = "SkStorage"


class CgroupStorage(Storage):
    """A value for each cgroup (of the second version) that was given one: `BPF_MAP_TYPE_CGRP_STORAGE`, Linux 6.2.

    In a probe its keys are `current_cgroup()`; from Python they are paths of directories, or descriptors of them.
    """

    kind = "CgroupStorage"


class InodeStorage(Storage):
    """A value for each inode that was given one, gone with it: `BPF_MAP_TYPE_INODE_STORAGE`, Linux 5.10.

    In an `@lsm` program its keys are inodes, `file.f_inode`; from Python they are paths of files, or open files.
    """

    kind = "InodeStorage"
