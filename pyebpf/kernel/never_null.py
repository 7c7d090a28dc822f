"""Pointers in the kernel's structs that are never null as long as the struct is in use.

Sources: kernel/fork.c (copy_process sets each before the task can be seen), kernel/exit.c (a task whose parent dies
gets another; its leader and credentials stay until nobody can have the task any more). All are older than BPF.
"""

from __future__ import annotations

from typing import Final

NEVER_NULL: Final[frozenset[tuple[str, str]]] = frozenset(
    {
        ("task_struct", "real_parent"),
        ("task_struct", "parent"),
        ("task_struct", "group_leader"),
        ("task_struct", "real_cred"),
        ("task_struct", "cred"),
    }
)
"""Struct and member."""
KNOWN: Final[frozenset[str]] = frozenset({"real_parent", "group_leader"})
"""Those members of tasks that no verifier takes for null, where types have tags and an `__rcu` member may be null to
it (`BTF_TYPE_SAFE_RCU` of kernel/bpf/verifier.c; since 6.4, before which it took no such member so)."""
CURRENT: Final[frozenset[str]] = frozenset({"get_current_task", "get_current_task_btf"})
"""Helpers that give a struct in use: the running task."""
