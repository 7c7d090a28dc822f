"""Kfuncs that are well known: those that hand something out which must be given back, first kernels, and who may call.

What a kfunc takes and gives is in the kernel's BTF, but neither its flags nor its version are. Sources: the flags
KF_ACQUIRE, KF_RELEASE and KF_RET_NULL, and the sets that `register_btf_kfunc_id_set` is given, in the kernel's
sources; the kernel's history for versions.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, final

from pyebpf.kernel.programs import AttachType, ProgramType
from pyebpf.records import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

Version = tuple[int, int]


@final
@dataclass(frozen=True, slots=True)
class Pair:
    """A kfunc that begins something, and the one that ends it."""

    name: str
    release: str
    """Takes what `name` gave, if it gave anything."""
    nullable: bool = False
    """Whether `name` may give nothing."""
    same: bool = False
    """Whether `release` takes what `name` took, the first so many of its arguments, and not what it gave."""


PAIRS: Final = (
    Pair("bpf_rcu_read_lock", "bpf_rcu_read_unlock"),
    Pair("bpf_task_from_pid", "bpf_task_release", nullable=True),
    Pair("bpf_task_from_vpid", "bpf_task_release", nullable=True),
    Pair("bpf_task_acquire", "bpf_task_release", nullable=True),
    Pair("bpf_cgroup_from_id", "bpf_cgroup_release", nullable=True),
    Pair("bpf_cgroup_acquire", "bpf_cgroup_release", nullable=True),
    Pair("bpf_cgroup_ancestor", "bpf_cgroup_release", nullable=True),
    Pair("bpf_task_get_cgroup1", "bpf_cgroup_release", nullable=True),
    Pair("bpf_cpumask_create", "bpf_cpumask_release", nullable=True),
    Pair("bpf_cpumask_acquire", "bpf_cpumask_release"),
    Pair("bpf_xdp_ct_lookup", "bpf_ct_release", nullable=True),
    Pair("bpf_skb_ct_lookup", "bpf_ct_release", nullable=True),
    Pair("bpf_xdp_get_xfrm_state", "bpf_xdp_xfrm_state_release", nullable=True),
    Pair("bpf_lookup_system_key", "bpf_key_put", nullable=True),
    Pair("bpf_get_task_exe_file", "bpf_put_file", nullable=True),
    Pair("bpf_get_mem_cgroup", "bpf_put_mem_cgroup", nullable=True),
    Pair("bpf_get_root_mem_cgroup", "bpf_put_mem_cgroup", nullable=True),
    Pair("bpf_preempt_disable", "bpf_preempt_enable"),
    Pair("bpf_local_irq_save", "bpf_local_irq_restore", same=True),
)
TRUSTED_ITEMS: Final = frozenset(
    ("bpf_iter_task_vma", "bpf_iter_css_task", "bpf_iter_kmem_cache", "bpf_iter_dmabuf", "bpf_iter_scx_dsq")
)
"""Iterators that keep hold of the item that they are at. The items of others RCU alone keeps (KF_RCU_PROTECTED)."""
_OF_MASKS: Final = (
    *("first", "first_zero", "set_cpu", "clear_cpu", "test_cpu", "test_and_set_cpu", "test_and_clear_cpu", "setall"),
    *("clear", "and", "or", "xor", "equal", "intersects", "subset", "empty", "full", "copy", "first_and"),
    *("any_distribute", "any_and_distribute", "weight", "populate"),
)
TAKE_UNDER_RCU: Final = frozenset(
    (
        *("bpf_task_acquire", "bpf_cgroup_acquire", "bpf_cgroup_ancestor", "bpf_task_under_cgroup"),
        *("bpf_task_get_cgroup1", "bpf_iter_task_vma_new", *(f"bpf_cpumask_{name}" for name in _OF_MASKS)),
    )
)
"""Kfuncs that take a struct which only RCU keeps (KF_RCU)."""
ITERATOR_PLACES: Final = MappingProxyType({"bpf_iter_css_task": (AttachType.TRACE_ITER, AttachType.LSM_MAC)})
"""Iterators for which it is told who has them: programs of these places alone (`check_css_task_iter_allowlist` in
kernel/bpf/verifier.c), as far as they don't sleep."""
LENDS: Final = frozenset(("bpf_get_kmem_cache",))
"""Kfuncs that give a struct which isn't given back: it may be gone, and is read with care."""
_RELEASES: Final = frozenset(pair.release for pair in PAIRS)
MOVES: Final = frozenset(("bpf_xdp_pull_data",))
"""Kfuncs that may change where the packet lies (`is_kfunc_pkt_changing` in the verifier)."""
TAG: Final = "bpf_kfunc"
"""What marks kfuncs in BTF (6.10)."""
SLEEPING: Final = frozenset(
    (
        *("bpf_copy_from_user_str", "bpf_copy_from_user_task_str", "bpf_crypto_ctx_create", "bpf_lookup_user_key"),
        *("bpf_copy_from_user_dynptr", "bpf_copy_from_user_str_dynptr", "bpf_copy_from_user_task_dynptr"),
        *("bpf_copy_from_user_task_str_dynptr", "css_rstat_flush", "bpf_mem_cgroup_flush_stats"),
        *("bpf_verify_pkcs7_signature", "bpf_get_dentry_xattr", "bpf_get_file_xattr", "bpf_set_dentry_xattr"),
        *("bpf_remove_dentry_xattr", "bpf_arena_alloc_pages", "bpf_arena_free_pages", "bpf_arena_reserve_pages"),
        *("bpf_iter_dmabuf_new", "bpf_iter_dmabuf_next", "bpf_iter_dmabuf_destroy"),
        *("bpf_iter_kmem_cache_new", "bpf_iter_kmem_cache_next", "bpf_iter_kmem_cache_destroy"),
    )
)
"""Kfuncs that may sleep (KF_SLEEPABLE), which only programs call that may: `sleepable=True`."""
AWAKE: Final = {
    "bpf_rcu_read_lock": ("bpf_rcu_read_unlock", "inside of `with rcu:`"),
    "bpf_preempt_disable": ("bpf_preempt_enable", "inside of `with bpf_preempt_disable():`"),
    "bpf_local_irq_save": ("bpf_local_irq_restore", "inside of `with bpf_local_irq_save():`"),
}
"""Kfuncs behind which nothing may sleep: what ends that, and how people call the place."""
_BOUND: Final = "it is for programs that are loaded for one device only (BPF_F_XDP_DEV_BOUND_ONLY)"
WORK_QUEUES: Final = ("bpf_wq_init", "bpf_wq_set_callback_impl", "bpf_wq_set_callback", "bpf_wq_start")
"""What a WorkQueue is initialised with, given a callback, and started with. Kernels with `bpf_wq_set_callback` take no
argument from the program that is for the verifier alone (KF_IMPLICIT_ARGS)."""
REFUSED: Final = {
    **dict.fromkeys(("bpf_xdp_metadata_rx_timestamp", "bpf_xdp_metadata_rx_hash"), _BOUND),
    "bpf_xdp_metadata_rx_vlan_tag": _BOUND,
    "crash_kexec": "it takes the machine down",
    "bpf_throw": "a probe raises an exception of Python's: raise ValueError",
}
"""Kfuncs that no program of ours may call, and why."""


TRUSTED_ARGUMENTS: Final = (AttachType.TRACE_RAW_TP, AttachType.TRACE_ITER, AttachType.LSM_MAC)
"""Programs whose arguments are surely in use while they run (`prog_args_trusted` in kernel/bpf/btf.c, 6.2)."""


STAYING: Final = frozenset(
    (
        *(("linux_binprm", "file"), ("file", "f_inode"), ("dentry", "d_inode"), ("socket", "sk")),
        *(("vm_area_struct", "vm_mm"), ("vm_area_struct", "vm_file"), ("bpf_iter_meta", "seq")),
    )
)
"""Members of kernel structs that stay for as long as the struct does (BTF_TYPE_SAFE_TRUSTED in kernel/bpf/verifier.c).
What others point to may go while a program sleeps, so they are of no use to helpers then (6.4)."""


def pair_by_name(name: str) -> Pair | None:
    """The row whose kfunc begins with `name`, or None. Iterators have no rows: their names tell."""
    iterator = iterator_of(name)
    if iterator and name.endswith("_new"):
        return Pair(name, f"{iterator}_destroy", same=True)
    return next((pair for pair in PAIRS if pair.name == name), None)


def is_release(name: str) -> bool:
    """Whether the kfunc ends what another one began."""
    return name in _RELEASES or (iterator_of(name) != "" and name.endswith("_destroy"))


def iterator_of(name: str) -> str:
    """The iterator that the kfunc is a part of, as its struct is named: `bpf_iter_task`; "" of all others."""
    struct, _, part = name.rpartition("_")
    return struct if name.startswith("bpf_iter_") and part in ("new", "next", "destroy") else ""


def short_name(name: str) -> str:
    """As probes call the iterator that the kfunc is a part of: `iter_task`; "" of all others."""
    return iterator_of(name).removeprefix("bpf_")


_P: Final = ProgramType
_ANY: Final[Mapping[ProgramType, Version]] = MappingProxyType({})
"""Every type of program."""
_TRACING: Final[dict[ProgramType, Version]] = {
    _P.TRACING: (5, 17),
    _P.LSM: (5, 17),
    _P.TRACEPOINT: (6, 12),
    _P.PERF_EVENT: (6, 12),
    _P.RAW_TRACEPOINT: (7, 0),
    _P.SYSCALL: (6, 10),
}
_CPUMASK: Final = MappingProxyType({**_TRACING, _P.STRUCT_OPS: (6, 3)})
_CGROUP: Final = dict.fromkeys(
    (_P.CGROUP_SKB, _P.CGROUP_SOCK, _P.CGROUP_DEVICE, _P.CGROUP_SOCK_ADDR, _P.CGROUP_SYSCTL, _P.CGROUP_SOCKOPT), (6, 12)
)
_OBJECTS: Final = MappingProxyType(
    {
        **_TRACING,
        **_CGROUP,
        _P.STRUCT_OPS: (6, 2),
        _P.SCHED_CLS: (6, 2),
        _P.XDP: (6, 2),
        _P.SOCK_OPS: (6, 15),
    }
)
_XDP: Final = MappingProxyType({_P.XDP: (5, 18)})
_CONNTRACK: Final = MappingProxyType({_P.XDP: (5, 18), _P.SCHED_CLS: (5, 18)})
_KEYS: Final = MappingProxyType(
    {
        **_TRACING,
        **dict.fromkeys((*_CGROUP, _P.STRUCT_OPS, _P.SCHED_CLS, _P.XDP, _P.SOCK_OPS, _P.SYSCALL), (6, 18)),
    }
)
_LSM: Final = MappingProxyType({_P.LSM: (6, 12)})
_KPROBES: Final = MappingProxyType({_P.KPROBE: (6, 10)})
_TC: Final = MappingProxyType({_P.SCHED_CLS: (6, 9)})
_SKB: Final = MappingProxyType(
    {
        **_CGROUP,
        **dict.fromkeys((_P.TRACING, _P.LSM, _P.TRACEPOINT, _P.PERF_EVENT), (6, 12)),
        _P.SOCK_OPS: (6, 15),
        _P.RAW_TRACEPOINT: (7, 0),
        **dict.fromkeys((_P.SOCKET_FILTER, _P.SCHED_CLS, _P.SCHED_ACT, _P.CGROUP_SKB, _P.SK_SKB, _P.NETFILTER), (6, 4)),
        **dict.fromkeys((_P.LWT_IN, _P.LWT_OUT, _P.LWT_XMIT, _P.LWT_SEG6LOCAL), (6, 4)),
    }
)
_META: Final = MappingProxyType(dict.fromkeys((_P.SCHED_CLS, _P.SCHED_ACT), (6, 18)))
_CRYPTO: Final = MappingProxyType(dict.fromkeys((_P.SCHED_CLS, _P.SCHED_ACT, _P.XDP), (6, 10)))
_ITERATORS: Final = MappingProxyType({_P.TRACING: (6, 5)})
_ADDRESSES: Final = MappingProxyType({**_CGROUP, _P.SOCK_OPS: (6, 15)})

_ROWS: Final[tuple[tuple[Version, Mapping[ProgramType, Version], str], ...]] = (
    ((6, 2), _ANY, "bpf_rcu_read_lock bpf_rcu_read_unlock"),
    ((6, 10), _ANY, "bpf_preempt_disable bpf_preempt_enable"),
    ((6, 14), _ANY, "bpf_iter_kmem_cache_new bpf_iter_kmem_cache_next bpf_iter_kmem_cache_destroy"),
    ((6, 17), _ANY, "bpf_iter_dmabuf_new bpf_iter_dmabuf_next bpf_iter_dmabuf_destroy"),
    ((6, 14), _ANY, "bpf_local_irq_save bpf_local_irq_restore"),
    ((6, 4), _ANY, "bpf_iter_num_new bpf_iter_num_next bpf_iter_num_destroy"),
    ((6, 7), _ANY, "bpf_iter_task_new bpf_iter_task_next bpf_iter_task_destroy"),
    ((6, 7), _ANY, "bpf_iter_css_new bpf_iter_css_next bpf_iter_css_destroy"),
    ((6, 7), _ANY, "bpf_iter_css_task_new bpf_iter_css_task_next bpf_iter_css_task_destroy"),
    ((6, 7), _ANY, "bpf_iter_task_vma_new bpf_iter_task_vma_next bpf_iter_task_vma_destroy"),
    ((6, 11), _ANY, "bpf_iter_bits_new bpf_iter_bits_next bpf_iter_bits_destroy"),
    ((6, 17), _ANY, "bpf_strcmp bpf_strlen bpf_strnlen bpf_strchr bpf_strrchr bpf_strstr bpf_strspn bpf_strcspn"),
    ((6, 17), _ANY, "bpf_strchrnul bpf_strnchr bpf_strnstr"),
    ((6, 18), _ANY, "bpf_strcasecmp"),
    ((6, 12), _ANY, "bpf_copy_from_user_str"),
    ((6, 6), _ANY, "bpf_map_sum_elem_count"),
    ((6, 2), _OBJECTS, "bpf_task_acquire bpf_task_release bpf_task_from_pid"),
    ((6, 2), _OBJECTS, "bpf_cgroup_acquire bpf_cgroup_release bpf_cgroup_ancestor"),
    ((6, 4), _OBJECTS, "bpf_cgroup_from_id"),
    ((6, 5), _OBJECTS, "bpf_task_under_cgroup"),
    ((6, 8), _OBJECTS, "bpf_task_get_cgroup1"),
    ((6, 13), _OBJECTS, "bpf_task_from_vpid bpf_send_signal_task"),
    ((6, 3), _CPUMASK, "bpf_cpumask_create bpf_cpumask_release bpf_cpumask_acquire bpf_cpumask_first"),
    ((6, 3), _CPUMASK, "bpf_cpumask_first_zero bpf_cpumask_set_cpu bpf_cpumask_clear_cpu bpf_cpumask_test_cpu"),
    ((6, 3), _CPUMASK, "bpf_cpumask_test_and_set_cpu bpf_cpumask_test_and_clear_cpu bpf_cpumask_setall"),
    ((6, 3), _CPUMASK, "bpf_cpumask_clear bpf_cpumask_and bpf_cpumask_or bpf_cpumask_xor bpf_cpumask_equal"),
    ((6, 3), _CPUMASK, "bpf_cpumask_intersects bpf_cpumask_subset bpf_cpumask_empty bpf_cpumask_full bpf_cpumask_copy"),
    ((6, 5), _CPUMASK, "bpf_cpumask_first_and bpf_cpumask_any_distribute bpf_cpumask_any_and_distribute"),
    ((6, 8), _CPUMASK, "bpf_cpumask_weight"),
    ((6, 15), _CPUMASK, "bpf_cpumask_populate"),
    ((6, 1), _KEYS, "bpf_lookup_system_key bpf_key_put"),
    ((5, 18), _CONNTRACK, "bpf_xdp_ct_lookup bpf_skb_ct_lookup bpf_ct_release"),
    ((6, 0), _CONNTRACK, "bpf_ct_change_timeout bpf_ct_change_status"),
    ((6, 8), _XDP, "bpf_xdp_get_xfrm_state bpf_xdp_xfrm_state_release"),
    ((6, 18), _XDP, "bpf_xdp_pull_data"),
    ((6, 14), _ANY, "bpf_get_kmem_cache"),
    ((6, 12), _LSM, "bpf_get_task_exe_file bpf_put_file bpf_path_d_path"),
    ((6, 10), _KPROBES, "bpf_session_is_return bpf_session_cookie"),
    ((6, 9), _TC, "bpf_sk_assign_tcp_reqsk"),
    ((6, 5), _ITERATORS, "bpf_sock_destroy"),
    ((6, 7), _ADDRESSES, "bpf_sock_addr_set_sun_path"),
    ((6, 15), _ADDRESSES, "bpf_sock_ops_enable_tx_tstamp"),
    ((6, 4), _SKB, "bpf_dynptr_from_skb"),
    ((6, 4), _XDP, "bpf_dynptr_from_xdp"),
    ((6, 18), _META, "bpf_dynptr_from_skb_meta"),
    ((6, 4), _ANY, "bpf_dynptr_slice bpf_dynptr_slice_rdwr"),
    ((6, 5), _ANY, "bpf_dynptr_adjust bpf_dynptr_is_null bpf_dynptr_is_rdonly bpf_dynptr_size bpf_dynptr_clone"),
    ((6, 16), _ANY, "bpf_dynptr_copy"),
    ((6, 17), _ANY, "bpf_dynptr_memset"),
    ((6, 16), _ANY, "bpf_probe_read_user_dynptr bpf_probe_read_kernel_dynptr"),
    ((6, 16), _ANY, "bpf_probe_read_user_str_dynptr bpf_probe_read_kernel_str_dynptr"),
    ((7, 0), _ANY, "bpf_wq_set_callback"),
    ((6, 10), _ANY, "bpf_wq_init bpf_wq_set_callback_impl bpf_wq_start"),
    ((6, 10), _CRYPTO, "bpf_crypto_encrypt bpf_crypto_decrypt"),
    ((7, 0), _ANY, "bpf_dynptr_from_file bpf_dynptr_file_discard"),
    ((7, 0), _ANY, "bpf_get_mem_cgroup bpf_get_root_mem_cgroup bpf_put_mem_cgroup bpf_mem_cgroup_usage"),
    ((7, 0), _ANY, "bpf_mem_cgroup_page_state bpf_mem_cgroup_vm_events bpf_mem_cgroup_memory_events"),
    ((7, 0), _ANY, "bpf_strncasecmp bpf_strcasestr bpf_strncasestr"),
)


@final
@dataclass(frozen=True, slots=True)
class Known:
    """A kfunc whose history is known."""

    name: str
    since: Version
    """First kernel."""
    programs: tuple[tuple[ProgramType, Version], ...]
    """Who may call it, since which kernel; everybody if it is empty."""

    def allowed_since(self, program_type: ProgramType) -> Version | None:
        """The first kernel where programs of `program_type` may call it; None if they may not."""
        if not self.programs:
            return self.since
        found = dict(self.programs).get(program_type)
        return None if found is None else max(found, self.since)


KNOWN: Final = tuple(
    Known(name, since, tuple(programs.items())) for since, programs, names in _ROWS for name in names.split()
)
_BY_NAME: Final = {row.name: row for row in KNOWN}


SESSIONS: Final = ("bpf_session_is_return", "bpf_session_cookie")
"""What only probes may call that run at the beginning of a function and where it returns
(`bpf_kprobe_multi_filter` in kernel/trace/bpf_trace.c)."""
MEMORY: Final = ("bpf_session_cookie",)
"""Kfuncs that give the address of a number, which is the program's to read and to write."""


def known_kfunc(name: str) -> Known | None:
    """What is known of the kfunc `name`; None of others: the kernel decides."""
    return _BY_NAME.get(name)
