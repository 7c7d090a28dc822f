"""Kfuncs that hand something out which must be given back. What others take and give is in the kernel's BTF.

Source: the flags KF_ACQUIRE, KF_RELEASE and KF_RET_NULL in kernel/bpf/helpers.c; the kernel's history for versions.
"""

from __future__ import annotations

from typing import Final, final

from pyebpf.records import dataclass


@final
@dataclass(frozen=True, slots=True)
class Pair:
    """A kfunc that begins something, and the one that ends it."""

    name: str
    release: str
    """Takes what `name` gave, if it gave anything."""
    since: tuple[int, int]
    nullable: bool = False
    """Whether `name` may give nothing."""


PAIRS: Final = (
    Pair("bpf_rcu_read_lock", "bpf_rcu_read_unlock", (6, 2)),
    Pair("bpf_task_from_pid", "bpf_task_release", (6, 2), nullable=True),
    Pair("bpf_task_from_vpid", "bpf_task_release", (6, 14), nullable=True),
    Pair("bpf_cgroup_from_id", "bpf_cgroup_release", (6, 2), nullable=True),
    Pair("bpf_preempt_disable", "bpf_preempt_enable", (6, 10)),
)
RELEASES: Final = frozenset(pair.release for pair in PAIRS)
TAG: Final = "bpf_kfunc"
"""What marks kfuncs in BTF (6.10)."""


def pair_by_name(name: str) -> Pair | None:
    """The row whose kfunc begins with `name`, or None."""
    return next((pair for pair in PAIRS if pair.name == name), None)
