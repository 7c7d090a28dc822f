"""Structs of the kernel that entries of maps can hold (kptrs), by what keeps them and what lets them go.

Source: `BTF_ID_FLAGS(func, …, KF_ACQUIRE)` and the destructors (`BTF_KFUNC_DTOR`) in kernel/bpf/helpers.c and
cpumask.c.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class Keeper:
    """A struct, the kfunc that takes a reference to one, and the one that gives it back."""

    struct: str
    acquire: str
    release: str
    since: Version
    """The first kernel where what an entry holds can also be read there, and kept by others."""


KEEPERS: Final = (
    Keeper("task_struct", "bpf_task_acquire", "bpf_task_release", (6, 3)),
    Keeper("cgroup", "bpf_cgroup_acquire", "bpf_cgroup_release", (6, 3)),
    Keeper("bpf_cpumask", "bpf_cpumask_acquire", "bpf_cpumask_release", (6, 3)),
)
MAPS: Final = ("Hash", "LruHash", "Array")
"""Map classes whose values may hold one (`map_check_btf` in kernel/bpf/syscall.c, of those that all CPUs share)."""


def keeper_of(struct: str) -> Keeper | None:
    """The row of a struct, or None."""
    return next((keeper for keeper in KEEPERS if keeper.struct == struct), None)
