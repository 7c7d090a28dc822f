"""Iterators: programs that user space runs by reading, once for each thing of a kind that the kernel has."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, final

from pyebpf.kernel.hooks.kinds import AttachKind, ContextKind, Hook, Target
from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

ITERATOR: Final = Hook(
    name="iterator",
    section="iter/{argument}",
    program_type=ProgramType.TRACING,
    attach_type=AttachType.TRACE_ITER,
    context=ContextKind.ARGUMENTS,
    parameter="ctx",
    returns=None,
    result=(0, 0),
    default=0,
    attach=AttachKind.ITERATOR,
    takes="task",
    where="",
    since=(5, 8),
    capabilities=("CAP_BPF", "CAP_PERFMON"),
    test_run=False,
    target=Target("iterator", "bpf_iter_"),
    arguments=True,
    ends=True,
    sleeps=(5, 18),
)


@final
@dataclass(frozen=True, slots=True)
class IteratorPlace:
    """What an iterator can be told to go through (`union bpf_iter_link_info` in include/uapi/linux/bpf.h)."""

    kind: Literal["map", "cgroup", "task"]
    words: str
    """What `--attach NAME=WHERE` names, in words."""
    since: tuple[int, int]
    """First kernel that can be told."""
    needed: bool = False
    """Whether it goes through nothing without being told."""
    pointed: tuple[str, ...] = ()
    """Arguments that lead to memory whose type the program knows, and the kernel doesn't."""


_TASK: Final = IteratorPlace("task", "pid:PROCESS or tid:THREAD", (6, 1))
PLACES: Final[Mapping[str, IteratorPlace]] = MappingProxyType(
    {
        "bpf_map_elem": IteratorPlace("map", "map", (5, 9), True, ("key", "value")),
        "bpf_sk_storage_map": IteratorPlace("map", "map", (5, 9), True, ("value",)),
        "sockmap": IteratorPlace("map", "map", (5, 10), True, ("key",)),
        "cgroup": IteratorPlace("cgroup", "ORDER:CGROUP_DIRECTORY", (6, 1)),
        "task": _TASK,
        "task_file": _TASK,
        "task_vma": _TASK,
    }
)
CGROUP_ORDERS: Final[Mapping[str, int]] = MappingProxyType(
    {"self": 1, "pre": 2, "post": 3, "ancestors": 4, "children": 5}
)
"""`enum bpf_cgroup_iter_order`: the cgroup alone; it and all below it, parents first or last; it and all above it;
those directly below it (7.0)."""
