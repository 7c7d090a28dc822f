"""Functions of the kernel that programs may change the result of, or may sleep in, and those where `d_path` is allowed.

Sources: `ALLOW_ERROR_INJECTION` in the kernel's sources, which says so of the functions that errors may be injected
into; `check_attach_modify_return` and `check_non_sleepable_error_inject` in kernel/bpf/verifier.c;
`btf_allowlist_d_path` in kernel/trace/bpf_trace.c; `bpf_test_modify_return_ids` in net/bpf/test_run.c.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

LIST: Final = "/sys/kernel/debug/error_injection/list"
"""Where a kernel that can inject errors (CONFIG_FUNCTION_ERROR_INJECTION) names those functions, to root alone."""
SECURITY: Final = "security_"
"""How the names of functions begin that `fmod_ret` may always be on (5.7)."""
SYSTEM_CALLS: Final = re.compile(r"^__(x64|ia32|arm64|s390|s390x|riscv)_(compat_)?sys_")
"""What system calls are called in the kernel; errors may be injected into each of them."""
INJECTABLE: Final = frozenset(
    (
        *("should_failslab", "should_fail_alloc_page", "should_fail_bio", "__add_to_page_cache_locked"),
        *("__filemap_add_folio", "open_ctree", "btrfs_cow_block", "btrfs_search_slot", "btrfs_should_cancel_balance"),
        *("btrfs_check_leaf_full", "btrfs_check_leaf_relaxed", "btrfs_check_leaf", "btrfs_check_node"),
    )
)
"""Others that errors may be injected into, in some kernel."""
AWAKE: Final = frozenset(
    ("should_failslab", "should_fail_alloc_page", "__add_to_page_cache_locked", "__filemap_add_folio")
)
"""Those of them in which nothing may sleep."""
TESTS: Final = frozenset(("bpf_fentry_test1", "bpf_modify_return_test", "bpf_modify_return_test2"))
"""Functions that the kernel has for tests of programs: `fmod_ret` may be on them (the first and the last: 6.12)."""
SLEEPING_TESTS: Final = frozenset(("bpf_fentry_test1",))
"""Those in which programs may sleep (6.12)."""
D_PATH: Final = frozenset(
    (
        *("security_file_permission", "security_inode_getattr", "security_file_open", "security_path_truncate"),
        *("vfs_truncate", "vfs_fallocate", "dentry_open", "vfs_getattr", "filp_close"),
    )
)
"""Functions whose tracing programs may call `d_path` (5.10)."""


@lru_cache(maxsize=1)
def listed() -> frozenset[str] | None:
    """The functions of the running kernel that errors may be injected into; None if that can't be known here."""
    try:
        with open(LIST) as file:
            return frozenset(line.split()[0] for line in file if line.strip())
    except OSError:
        return None


def may_be_injected(name: str, here: bool) -> bool:
    """Whether errors may be injected into `name`, as far as is known; `here`: whether the running kernel is meant."""
    known = listed() if here else None
    return name in known if known is not None else name in INJECTABLE or bool(SYSTEM_CALLS.match(name))


def may_modify(name: str, here: bool) -> bool:
    """Whether `fmod_ret` may be on `name`."""
    return name.startswith(SECURITY) or name in TESTS or may_be_injected(name, here)


def may_sleep(name: str, here: bool) -> bool:
    """Whether programs on `name` may sleep."""
    return name in SLEEPING_TESTS or (name not in AWAKE and may_be_injected(name, here))
