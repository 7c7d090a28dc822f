"""Security hooks: which of them take BPF programs, what these may answer, and where they may sleep.

Sources: kernel/bpf/bpf_lsm.c (`bpf_lsm_disabled_hooks`, `bool_lsm_hooks`, `sleepable_lsm_hooks`), and before 5.11 the
list in kernel/bpf/verifier.c; each row as the verifiers of 5.10, 6.1, 6.12, 6.18 and 7.3 answer. A version is the true
one where the history is certain, and else the oldest of these kernels that agrees.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

Version = tuple[int, int]

NO_HOOKS: Final = frozenset(
    (
        *("func_proto", "verify_prog", "init", "is_sleepable_hook", "is_trusted", "find_cgroup_shim"),
        *("get_retval_range", "has_d_inode_locked", "hook_returns_errno"),
    )
)
"""Functions whose names begin with `bpf_lsm_` as the hooks' do."""

DISABLED: Final[Mapping[str, Version]] = MappingProxyType(
    {
        **dict.fromkeys(("vm_enough_memory", "inode_need_killpriv", "inode_getsecurity"), (6, 12)),
        **dict.fromkeys(("inode_listsecurity", "inode_copy_up_xattr", "getselfattr", "getprocattr"), (6, 12)),
        **dict.fromkeys(("setprocattr", "ismaclabel", "key_getsecurity", "audit_rule_match"), (6, 12)),
        **dict.fromkeys(("xfrm_decode_session", "file_alloc_security"), (7, 3)),
    }
)
"""Hooks that take no programs, since when: their results aren't a yes or no, or what they are given isn't there yet.
Stable releases of older kernels keep programs from some of them as well."""

BOOLEAN: Final = frozenset(("audit_rule_known", "inode_xattr_skipcap", "xfrm_state_pol_flow_match"))
"""Hooks that answer 0 or 1, where others give an error's number (held to it since 6.12)."""

WITHDRAWN: Final = frozenset(("bpf_prog_free", "inet_conn_established", "task_to_inode"))
"""Hooks that some kernels let programs sleep at, though they are called where nothing may."""

_SLEEPABLE: Final[tuple[tuple[Version, str], ...]] = (
    ((5, 10), "bprm_committed_creds"),
    ((5, 11), "bpf bpf_map bpf_map_alloc_security bpf_map_free_security bpf_prog bprm_check_security"),
    ((5, 11), "bprm_committing_creds bprm_creds_for_exec bprm_creds_from_file capget capset cred_prepare"),
    ((5, 11), "current_getsecid_subj file_ioctl file_lock file_open file_receive inode_create"),
    ((5, 11), "inode_free_security inode_getattr inode_getxattr inode_mknod inode_post_setxattr inode_readlink"),
    ((5, 11), "inode_rename inode_rmdir inode_setattr inode_setxattr inode_symlink inode_unlink"),
    ((5, 11), "kernel_module_request kernel_read_file kernfs_init_security key_free mmap_file netlink_send"),
    ((5, 11), "path_notify release_secctx sb_alloc_security sb_eat_lsm_opts sb_kern_mount sb_mount sb_remount"),
    ((5, 11), "sb_set_mnt_opts sb_show_options sb_statfs sb_umount settime socket_accept socket_bind"),
    ((5, 11), "socket_connect socket_create socket_getpeername socket_getpeersec_dgram socket_getsockname"),
    ((5, 11), "socket_getsockopt socket_listen socket_post_create socket_recvmsg socket_sendmsg"),
    ((5, 11), "socket_shutdown socket_socketpair syslog task_alloc task_getsecid_obj task_prctl"),
    ((5, 11), "task_setscheduler"),
    ((6, 1), "userns_create"),
    ((6, 12), "bpf_map_create bpf_map_free bpf_prog_load bpf_token_capable bpf_token_cmd bpf_token_create"),
    ((6, 12), "bpf_token_free file_post_open path_chmod path_chown path_link path_mkdir path_rename path_rmdir"),
    ((6, 12), "path_symlink path_truncate path_unlink"),
    ((6, 18), "inode_post_removexattr inode_removexattr"),
    ((7, 3), "bdev_alloc_security bdev_setintegrity"),
)
SLEEPABLE: Final[Mapping[str, Version]] = MappingProxyType(
    {name: since for since, names in _SLEEPABLE for name in names.split()}
)
"""Hooks where programs may sleep, since when. `d_path` may be called on the same ones, since 5.11."""
